"""The command line: what is refused and how, help, version, and `actiond token` beside a running server."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import actiond as package
from actiond.config.settings import TABLE
from tests.process.calls import create_target
from tests.process.conftest import Start
from tests.server_process import clean_environment

ANY_PORTS = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")


def run(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "actiond", *arguments],
        cwd=cwd,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    """Ended with that code, and with one line that holds the words."""
    assert done.returncode == code, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("actiond: error: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["serve", "--nonsense"], "--nonsense"),
        (["serve", "--workers"], "--workers"),
        (["serve", "--worker", "2"], "--worker"),
        (["serve", "--workers", "0"], "--workers"),
        (["serve", "--grpc-address", "nowhere"], "--grpc-address"),
        (["serve", "--http-address", f"{'x' * 64}.invalid:0"], "--http-address"),
        (["serve", "--http-address", "192.0.2.1:0"], "--http-address"),
        (["serve", "--database", "memory:", "--workers", "2"], "--workers"),
        (["serve", "--database", "mysql://x"], "--database"),
        (["serve", "--read-timeout", "20"], "--read-timeout"),
        (["token"], "COMMAND"),
        (["token", "create", "--name", "x"], "--permission"),
        (["token", "create", "--permission", "*"], "--name"),
        (["token", "revoke"], "ID"),
        (["token", "list", "--database", "memory:"], "memory:"),
        (["token", "create", "--name", "x", "--permission", "*", "--database", "memory:"], "memory:"),
        (["token", "revoke", "1", "--database", "memory:"], "memory:"),
        (["serve", *ANY_PORTS, "--descriptor-set", "missing.binpb"], "--descriptor-set: missing.binpb"),
        (
            ["serve", *ANY_PORTS, "--descriptor-set", "/dev/null", "--database", "memory:"],
            "--descriptor-set: /dev/null",
        ),
        (["serve", *ANY_PORTS, "--descriptor-set", "/dev/null", "--workers", "2"], "--descriptor-set: /dev/null"),
        (["serve", "--allow-address", "127.0.0.1/8"], "--allow-address"),
        (["execution"], "COMMAND"),
        (["execution", "delete"], "CONDITION"),
        (["execution", "list", "--database", "memory:"], "memory:"),
        (["target", "rotate-key"], "ID"),
        (["target", "rotate-key", "1", "--database", "memory:"], "memory:"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_exit_code_2_and_one_line_that_names_it(
    tmp_path: Path, arguments: list[str], word: str
) -> None:
    refused(run(*arguments, cwd=tmp_path), word)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_variable_is_exit_code_2_and_one_line_that_names_it(tmp_path: Path) -> None:
    refused(run("serve", cwd=tmp_path, ACTIOND_WORKERS="many"), "ACTIOND_WORKERS", "many")


def test_a_wrong_admin_token_is_not_repeated(tmp_path: Path) -> None:
    done = run("serve", cwd=tmp_path, ACTIOND_ADMIN_TOKEN="with a space")
    refused(done, "ACTIOND_ADMIN_TOKEN")
    assert "with a" not in done.stderr


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("shares", [False, True], ids=["alone", "sharing"])
def test_a_port_in_use_is_exit_code_2_and_one_line_that_names_address_and_setting(
    tmp_path: Path, protocol: str, shares: bool
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares))
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        free = "http" if protocol == "grpc" else "grpc"
        done = run("serve", f"--{protocol}-address", address, f"--{free}-address", "127.0.0.1:0", cwd=tmp_path)
    refused(done, f"--{protocol}-address", address, "in use")
    assert list(tmp_path.iterdir()) == []


def test_a_second_server_on_the_same_port_is_refused(start: Start, tmp_path: Path) -> None:
    server = start(workers=2)
    address = f"127.0.0.1:{server.http_port}"
    refused(run("serve", "--grpc-address", "127.0.0.1:0", "--http-address", address, cwd=tmp_path), address)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_of_a_later_release_is_exit_code_2_and_one_line(tmp_path: Path, workers: str) -> None:
    prepared = run("token", "create", "--name", "x", "--owner", "1", "--permission", "*", cwd=tmp_path)
    assert prepared.returncode == 0
    with sqlite3.connect(tmp_path / "data" / "actiond.db") as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    anywhere = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"]
    refused(run("serve", "--workers", workers, *anywhere, cwd=tmp_path), "9999")
    refused(run("token", "list", cwd=tmp_path), "9999")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_is_no_database_is_exit_code_1_and_one_line(tmp_path: Path, workers: str) -> None:
    (tmp_path / "text.db").write_text("This is text. " * 500)
    anywhere = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"]
    done = run("serve", "--workers", workers, *anywhere, "--database", "sqlite:///text.db", cwd=tmp_path)
    refused(done, "text.db", code=1)


def test_the_version_is_printed() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"actiond {package.__version__}\n")


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("actiond")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == run("--version").stdout


def test_the_help_of_serve_names_each_variable_and_default() -> None:
    text = " ".join(run("serve", "--help").stdout.split())
    for setting in TABLE:
        assert setting.variable in text
        if not setting.variable_only:
            assert f"[{setting.variable}; {setting.default or 'none'}]" in text


@pytest.mark.parametrize("arguments", [["--help"], ["token", "--help"], ["token", "create", "--help"]], ids=" ".join)
def test_help_is_on_stdout(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: actiond")
    assert done.stderr == ""


# Tokens.

CREATE = ("token", "create", "--name", "ci", "--permission", "execution.target.write")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_made_token_works_at_once_and_a_revoked_one_no_more_in_every_worker(start: Start, workers: int) -> None:
    server = start(workers=workers)
    made = run(*CREATE, ACTIOND_DATABASE=server.database)
    assert made.returncode == 0
    secret = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    assert secret not in made.stderr
    # Each is a connection of its own, so that both workers have their turn.
    assert {create_target(server, f"before {number}", secret) for number in range(16)} == {201}
    (token_id,) = re.findall(r"token ([0-9]+) for owner", made.stderr)
    assert run("token", "revoke", token_id, ACTIOND_DATABASE=server.database).returncode == 0
    assert {create_target(server, f"after {number}", secret) for number in range(16)} == {401}


def test_the_list_of_tokens_tells_all_but_the_secrets(start: Start) -> None:
    server = start()
    active, revoked = (run(*CREATE, "--expires", "30d", ACTIOND_DATABASE=server.database) for _ in range(2))
    (revoked_id,) = re.findall(r"token ([0-9]+) for", revoked.stderr)
    run("token", "revoke", revoked_id, ACTIOND_DATABASE=server.database)
    done = run("token", "list", ACTIOND_DATABASE=server.database)
    header, *rows = [line.split() for line in done.stdout.splitlines()]
    assert header == ["ID", "NAME", "OWNER", "PERMISSIONS", "CREATED", "EXPIRES", "STATE"]
    assert [row[1] for row in rows] == ["admin", "ci", "ci"]
    assert [row[3] for row in rows] == ["*", "execution.target.write", "execution.target.write"]
    assert [row[6] for row in rows] == ["active", "active", "revoked"]
    assert len({row[2] for row in rows}) == 1
    expires = datetime.fromisoformat(rows[1][5])
    assert abs(expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    for secret in (server.token, active.stdout.strip(), revoked.stdout.strip()):
        assert secret is not None
        assert secret not in done.stdout


def test_an_expired_token_is_refused_and_listed_so(start: Start) -> None:
    server = start()
    soon = (datetime.now(UTC) + timedelta(seconds=6)).isoformat(timespec="seconds")
    secret = run(*CREATE, "--expires", soon, ACTIOND_DATABASE=server.database).stdout.strip()
    while "expired" not in run("token", "list", ACTIOND_DATABASE=server.database).stdout:
        assert datetime.now(UTC) < datetime.fromisoformat(soon) + timedelta(seconds=30)
    assert create_target(server, "too late", secret) == 401


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--permission", "nonsense"], "--permission"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "2030-01-31T12:00:00"], "--expires"),
        (["--expires", "2030-01-31"], "--expires"),
        (["--expires", "2001-01-31T12:00:00Z"], "--expires"),
        (["--expires", "2999-01-31T12:00:00Z"], "--expires"),
        (["--expires", "0d"], "--expires"),
        (["--expires", "999999999w"], "--expires"),
        (["--name", ""], "--name"),
        (["--name", "x" * 201], "--name"),
        (["--name", "two\nlines"], "--name"),
        (["--owner", " "], "--owner"),
    ],
)
def test_a_token_that_cannot_be_meant_is_refused(tmp_path: Path, arguments: list[str], word: str) -> None:
    refused(run(*CREATE, "--owner", "1", *arguments, cwd=tmp_path), word)


def test_an_unknown_token_cannot_be_revoked(start: Start) -> None:
    refused(run("token", "revoke", "12345", ACTIOND_DATABASE=start().database), "12345", code=1)


def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    refused(run("token", "list", cwd=tmp_path), "no such database", code=1)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_find_the_database_in_the_data_directory(tmp_path: Path) -> None:
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    assert run(*CREATE, "--owner", "1", *elsewhere, cwd=tmp_path).returncode == 0
    assert " ci " in run("token", "list", *elsewhere, cwd=tmp_path).stdout
    assert "CONDITION" in run("execution", "list", "--owner", "1", *elsewhere, cwd=tmp_path).stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["elsewhere"]


def test_before_the_first_start_there_is_no_default_owner(tmp_path: Path) -> None:
    refused(run(*CREATE, cwd=tmp_path), "--owner", code=1)


def test_a_secret_that_cannot_be_printed_is_said_to_be_lost(tmp_path: Path) -> None:
    if shutil.which("sh") is None or not os.access("/dev/full", os.W_OK):
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-m", "actiond", *CREATE, "--owner", "1"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "cannot be printed" in done.stderr
    assert "Traceback" not in done.stderr
