"""Standard streams that are closed, full or of a narrow encoding, at every command and at the server."""

import os
import re
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.commands import ANY_PORTS, CREATE
from tests.support.action_service.http_calls import accepts, create_target
from tests.support.servers.actiond import ServerProcess, clean_environment
from tests.support.servers.ports import free_port
from tests.support.waiting import WAIT, until

ROWS = {
    "token list": ("token", "list"),
    "execution list": ("execution", "list", "--owner", "1"),
}
QUIET = {
    "token revoke": ("token", "revoke", "admin"),
    "execution delete": ("execution", "delete", "request"),
    "target rotate-key": ("target", "rotate-key", "1"),
}
SECRETS = {"token create": CREATE}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory with a database that has an owner, a token, and nothing else."""
    with ServerProcess(tmp_path):
        pass
    return tmp_path


def run(
    directory: Path, arguments: tuple[str, ...], redirect: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that redirects its streams."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-m", "actiond", *arguments],
        cwd=directory,
        env=clean_environment(ACTIOND_DATA_DIR=str(directory), **variables),
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says why the command failed: the last one, after those of a command that says what it has done."""
    assert done.returncode == 1, done
    *before, line = done.stderr.splitlines()
    assert line.startswith("actiond: error: ")
    assert len(before) <= 1
    assert not any("Traceback" in each or "error" in each for each in before)
    return line


@pytest.mark.parametrize("arguments", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(
    ("redirect", "reason"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")], ids=["closed", "full"]
)
def test_a_list_that_cannot_be_written_is_one_line_and_exit_code_1(
    directory: Path, arguments: tuple[str, ...], redirect: str, reason: str
) -> None:
    assert one_error(run(directory, arguments, redirect)).endswith(f"standard output cannot be written: {reason}")


@pytest.mark.parametrize("redirect", [">&-", ">/dev/full"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("serve", "--help")], ids=" ".join)
def test_help_that_cannot_be_written_is_one_line_and_exit_code_1(
    tmp_path: Path, arguments: tuple[str, ...], redirect: str, unbuffered: str
) -> None:
    done = run(tmp_path, arguments, redirect, PYTHONUNBUFFERED=unbuffered)
    assert "standard output cannot be written" in one_error(done)


@pytest.mark.parametrize("arguments", ROWS.values(), ids=ROWS)
def test_a_list_whose_reader_has_gone_ends_without_a_word(directory: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "actiond", *arguments],
        env=clean_environment(ACTIOND_DATA_DIR=str(directory)),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=WAIT,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", ">&- 2>&-"])
def test_a_token_whose_secret_nobody_has_seen_is_revoked(directory: Path, redirect: str) -> None:
    done = run(directory, CREATE, redirect)
    assert done.returncode == 1
    if "2>" not in redirect:
        line = one_error(done)
        (token_id,) = re.findall(r"the secret of token ([0-9]+) cannot be printed: .*; the token is revoked$", line)
        assert f"token {token_id} for owner" in done.stderr
    states = [row.split()[6] for row in run(directory, ("token", "list")).stdout.splitlines() if " ci " in row]
    assert states == ["revoked"]


def test_a_new_signing_key_that_cannot_be_printed_is_said_to_be_lost(directory: Path) -> None:
    with ServerProcess(directory) as server:
        assert create_target(server, "target") == 201
    with sqlite3.connect(directory / "actiond.db") as connection:
        ((target_id,),) = connection.execute("SELECT id FROM targets")
    connection.close()
    for redirect in (">&-", ">/dev/full"):
        line = one_error(run(directory, ("target", "rotate-key", target_id), redirect))
        assert f"the new signing key of target {target_id} cannot be printed" in line
        assert line.endswith("; rotate it again")


EVERY = {**ROWS, **QUIET, **SECRETS}


@pytest.mark.parametrize("arguments", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_a_command_does_the_same_without_standard_error_or_input(
    directory: Path, arguments: tuple[str, ...], redirect: str
) -> None:
    before = run(directory, arguments)
    if arguments[:2] == ("token", "revoke"):
        assert before.returncode == 0
    done = run(directory, arguments, redirect)
    assert done.returncode == before.returncode
    assert len(done.stdout.splitlines()) >= len(before.stdout.splitlines())
    assert "Traceback" not in done.stderr


def test_what_the_terminal_cannot_show_is_escaped(directory: Path) -> None:
    create = ("token", "create", "--name", "café ☕", "--permission", "*")
    for encoding in ("ascii", "latin-1"):
        made = run(directory, create, PYTHONIOENCODING=encoding)
        assert (made.returncode, len(made.stdout)) == (0, 44)
    done = run(directory, ("token", "list"), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.count("caf\\xe9 \\u2615") == 2


def test_an_error_is_one_printable_line_whatever_was_given(directory: Path) -> None:
    done = run(directory, ("token", "revoke", "a\nactiond: b\x1b[31m"))
    assert "a\\nactiond: b\\x1b[31m" in one_error(done)
    done = run(directory, ("no\nsense\x1b[31m",))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("redirect", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"], ids=["closed", "full"])
def test_a_server_needs_none_of_the_three(tmp_path: Path, workers: int, redirect: str) -> None:
    server = ServerProcess(tmp_path, "--access-log", "text", workers=workers, http_address=f"127.0.0.1:{free_port()}")
    server.http_port = int(server.command[server.command.index("--http-address") + 1].rpartition(":")[2])
    server.command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *server.command]
    server.launch()
    try:
        until(lambda: accepts(server.http_port), "it serves")
        assert create_target(server, "target") == 201
        assert server.stop() == 0
        assert server.stderr == ""
    finally:
        server.kill()


@pytest.mark.parametrize("limit", [32, 64])
def test_a_limit_on_open_files_that_is_too_low_is_one_line_that_names_it(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "actiond", "serve", *ANY_PORTS],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),  # no threads
    )
    assert f"the limit on open files, {limit}, is too low" in one_error(done)
    assert "ulimit -n" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_the_lowest_limit_on_open_files_is_enough_to_serve(tmp_path: Path, workers: int) -> None:
    server = ServerProcess(tmp_path, workers=workers)
    server.command = ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh", *server.command]
    with server:
        assert all(create_target(server, f"target {number}") == 201 for number in range(20))
    assert "Traceback" not in server.stderr
