"""The command line where the process is the point: ports, streams, exits, and `actiond token` beside a server."""

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
from tests.process.commands import ANY_PORTS, CREATE, refused, run_process
from tests.process.conftest import Run, Start
from tests.support.action_service.http_calls import create_target
from tests.support.servers.actiond import clean_environment
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--grpc-address", "127.0.0.1:0", "--http-address", f"{'x' * 64}.invalid:0"], "--http-address"),
        (["--grpc-address", "127.0.0.1:0", "--http-address", "192.0.2.1:0"], "--http-address"),
        ([*ANY_PORTS, "--descriptor-set", "missing.binpb"], "--descriptor-set: missing.binpb"),
        ([*ANY_PORTS, "--descriptor-set", "/dev/null", "--database", "memory:"], "--descriptor-set: /dev/null"),
        ([*ANY_PORTS, "--descriptor-set", "/dev/null", "--workers", "2"], "--descriptor-set: /dev/null"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_served_is_exit_code_2_and_one_line_that_names_it(
    tmp_path: Path, arguments: list[str], word: str
) -> None:
    refused(run_process("serve", *arguments, cwd=tmp_path), word)
    assert list(tmp_path.iterdir()) == []


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
        done = run_process("serve", f"--{protocol}-address", address, f"--{free}-address", "127.0.0.1:0", cwd=tmp_path)
    refused(done, f"--{protocol}-address", address, "in use")
    assert list(tmp_path.iterdir()) == []


def test_a_second_server_on_the_same_port_is_refused(start: Start, tmp_path: Path) -> None:
    server = start(workers=2)
    address = f"127.0.0.1:{server.http_port}"
    refused(run_process("serve", "--grpc-address", "127.0.0.1:0", "--http-address", address, cwd=tmp_path), address)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_of_a_later_release_is_exit_code_2_and_one_line(run: Run, tmp_path: Path, workers: str) -> None:
    prepared = run("token", "create", "--name", "x", "--owner", "1", "--permission", "*")
    assert prepared.returncode == 0
    with sqlite3.connect(tmp_path / "data" / "actiond.db") as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    refused(run_process("serve", "--workers", workers, *ANY_PORTS, cwd=tmp_path), "9999")
    refused(run("token", "list"), "9999")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_is_no_database_is_exit_code_1_and_one_line(tmp_path: Path, workers: str) -> None:
    (tmp_path / "text.db").write_text("This is text. " * 500)
    done = run_process("serve", "--workers", workers, *ANY_PORTS, "--database", "sqlite:///text.db", cwd=tmp_path)
    refused(done, "text.db", code=1)


@pytest.mark.parametrize("command", [[sys.executable, "-m", "actiond"], [Path(sys.executable).with_name("actiond")]])
def test_the_module_and_the_console_script_are_the_program_and_exit_with_its_code(command: list[str | Path]) -> None:
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=30, check=False)
    assert (version.returncode, version.stdout) == (0, f"actiond {package.__version__}\n")
    wrong = subprocess.run([*command, "nonsense"], capture_output=True, text=True, timeout=30, check=False)
    refused(wrong, "nonsense")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_made_token_works_at_once_and_a_revoked_one_no_more_in_every_worker(
    run: Run, start: Start, workers: int
) -> None:
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


def test_the_list_of_tokens_tells_all_but_the_secrets(run: Run, start: Start) -> None:
    server = start()
    active, revoked = (run(*CREATE, "--expires", "30d", ACTIOND_DATABASE=server.database) for _ in range(2))
    (revoked_id,) = re.findall(r"token ([0-9]+) for", revoked.stderr)
    run("token", "revoke", revoked_id, ACTIOND_DATABASE=server.database)
    done = run("token", "list", ACTIOND_DATABASE=server.database)
    header, *rows = [line.split() for line in done.stdout.splitlines()]
    assert header == ["ID", "NAME", "OWNER", "PERMISSIONS", "CREATED", "EXPIRES", "STATE", "CERTIFICATE"]
    assert [row[1] for row in rows] == ["admin", "ci", "ci"]
    assert [row[3] for row in rows] == ["*", "execution.target.write", "execution.target.write"]
    assert [row[6] for row in rows] == ["active", "active", "revoked"]
    assert len({row[2] for row in rows}) == 1
    expires = datetime.fromisoformat(rows[1][5])
    assert abs(expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    for secret in (server.token, active.stdout.strip(), revoked.stdout.strip()):
        assert secret is not None
        assert secret not in done.stdout


def test_an_expired_token_is_refused_and_listed_so(run: Run, start: Start) -> None:
    server = start()
    secret = run(*CREATE, "--expires", "2s", ACTIOND_DATABASE=server.database).stdout.strip()
    until(lambda: "expired" in run("token", "list", ACTIOND_DATABASE=server.database).stdout, "the token expires")
    assert create_target(server, "too late", secret) == 401


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
