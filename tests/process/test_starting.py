"""What a server says when it starts, and where its admin token goes."""

import os
import pty
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.support.action_service.http_calls import create_target
from tests.support.programs import PATH
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess, clean_environment
from tests.support.waiting import WAIT


@pytest.mark.parametrize("workers", [1, 2])
def test_the_start_up_lines_name_the_real_ports_once_every_worker_serves(start: Start, workers: int) -> None:
    server = start(workers=workers)
    assert server.lines == [
        f"grpc listening on 127.0.0.1:{server.grpc_port}",
        f"http listening on 127.0.0.1:{server.http_port}",
    ]
    assert all(create_target(server, f"at once {number}") == 201 for number in range(10))
    assert server.stop() == 0
    assert len(server.lines) == 2


def test_secrets_and_database_are_in_the_data_directory_which_is_made_for_this_user_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "some" / "data"
    with ServerProcess(tmp_path, data_dir=data_dir, token=None) as server:
        names = {"actiond.db", "admin-token", "encryption-key"}
        assert names <= {entry.name for entry in data_dir.iterdir()}
        assert [stat.S_IMODE(path.stat().st_mode) for path in (data_dir.parent, data_dir)] == [0o700, 0o700]
        assert {stat.S_IMODE((data_dir / name).stat().st_mode) for name in names} == {0o600}
        assert create_target(server, "with it", (data_dir / "admin-token").read_text().strip()) == 201


def test_a_database_elsewhere_leaves_the_secrets_in_the_data_directory(tmp_path: Path) -> None:
    data_dir, database = tmp_path / "data", tmp_path / "database" / "file.db"
    with ServerProcess(tmp_path, data_dir=data_dir, database=f"sqlite:///{database}", token=None):
        assert database.exists()
        assert {entry.name for entry in data_dir.iterdir()} == {"admin-token", "encryption-key"}
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("token", [None, ADMIN_TOKEN], ids=["made", "given"])
def test_a_data_directory_that_cannot_be_made_is_one_line_that_names_the_file(
    tmp_path: Path, workers: int, token: str | None
) -> None:
    (tmp_path / "file").touch()
    data_dir, database = tmp_path / "file" / "data", f"sqlite:///{tmp_path}/actiond.db"
    refused = ServerProcess(tmp_path, data_dir=data_dir, database=database, workers=workers, token=token).launch()
    assert refused.wait() == 1
    (line,) = refused.stderr.splitlines()
    name = "encryption-key: the encryption key" if token else "admin-token: the admin token"
    assert line.startswith(f"actiond: error: {data_dir}/{name} cannot be written: Not a directory")


def test_an_ipv6_address_stands_in_brackets(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_address="[::1]:0", http_address="[::1]:0") as server:
        assert server.lines[0] == f"grpc listening on [::1]:{server.grpc_port}"
        assert server.lines[1] == f"http listening on [::1]:{server.http_port}"
        for port in (server.grpc_port, server.http_port):
            socket.create_connection(("::1", port), WAIT).close()


def test_a_host_name_is_resolved(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, grpc_address="localhost:0", http_address="localhost:0") as server:
        assert server.http_port != 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_made_token_goes_to_a_file_that_its_owner_alone_can_read(start: Start, tmp_path: Path, workers: int) -> None:
    server = start(workers=workers, token=None)
    path = tmp_path / "admin-token"
    assert server.lines[0] == f"admin token written to {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert create_target(server, "with it", path.read_text().strip()) == 201
    assert path.read_text().strip() not in server.stderr
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("admin-token")] == ["admin-token"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_token_that_cannot_be_handed_over_is_not_made(start: Start, tmp_path: Path, workers: int) -> None:
    in_the_way = tmp_path / "admin-token"
    in_the_way.mkdir()
    refused = ServerProcess(tmp_path, workers=workers, token=None).launch()
    assert refused.wait() == 1
    assert refused.stderr == f"actiond: error: {in_the_way}: the admin token cannot be written: Is a directory\n"
    in_the_way.rmdir()
    server = start(workers=workers, token=None)
    assert create_target(server, "with it", in_the_way.read_text().strip()) == 201


def test_a_second_start_makes_no_other_token(start: Start, tmp_path: Path) -> None:
    assert start(token=None).stop() == 0
    token = (tmp_path / "admin-token").read_text().strip()
    again = start(token=None)
    assert len(again.lines) == 2
    assert create_target(again, "still", token) == 201


@pytest.mark.parametrize("name", ["admin-token", "encryption-key"])
@pytest.mark.parametrize("is_empty", [False, True], ids=["missing", "empty"])
def test_a_database_that_is_missing_beside_its_secrets_is_not_made_anew(
    start: Start, tmp_path: Path, name: str, *, is_empty: bool
) -> None:
    assert start(token=None).stop() == 0
    for path in tmp_path.glob("actiond.db*"):
        path.unlink()
    if is_empty:
        (tmp_path / "actiond.db").touch()
    for other in {"admin-token", "encryption-key"} - {name}:
        (tmp_path / other).unlink()
    secret = (tmp_path / name).read_text()
    refused = ServerProcess(tmp_path, token=None).launch()
    assert refused.wait() == 1
    assert refused.stderr.endswith(
        f"but {tmp_path / name} is there, and belongs to a database: put that one back, or move the file away for a new"
        " installation\n"
    )
    assert (tmp_path / name).read_text() == secret
    (tmp_path / name).unlink()
    assert start(token=None).stop() == 0


def test_a_new_encryption_key_beside_existing_targets_is_warned_of(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/actiond.db"
    with ServerProcess(tmp_path, data_dir=tmp_path / "first", database=database) as server:
        assert create_target(server, "with a key") == 201
        assert "signing keys" not in server.stderr
    with ServerProcess(tmp_path, data_dir=tmp_path / "first", database=database) as server:
        assert "signing keys" not in server.stderr
    unreadable = (
        "of 1 targets, calls to 1 fail, as their signing keys cannot be decrypted, and to 0, as they have none."
    )
    warning = f"{tmp_path}/second/encryption-key is a new encryption key, but the database has targets: {unreadable}"
    with ServerProcess(tmp_path, data_dir=tmp_path / "second", database=database) as server:
        assert warning in server.stderr
    # The key is no longer new, and is still not the one that the target's key was encrypted with.
    with ServerProcess(tmp_path, data_dir=tmp_path / "second", database=database) as server:
        assert f": {unreadable}" in server.stderr
        assert "is a new encryption key" not in server.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_targets_without_a_signing_key_are_counted_in_one_line_at_the_start(tmp_path: Path, workers: int) -> None:
    with ServerProcess(tmp_path) as server:
        for name in ("first", "second", "third"):
            assert create_target(server, name) == 201
        path = Path(server.database.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM signing_keys WHERE target_id IN (SELECT id FROM targets LIMIT 2)")
    with ServerProcess(tmp_path, workers=workers) as server:
        assert server.stderr.count("of 3 targets, calls to 0 fail") == 1
        assert "and to 2, as they have none. " in server.stderr


def test_a_given_admin_token_is_taken_and_written_nowhere(start: Start, tmp_path: Path) -> None:
    server = start()
    assert create_target(server, "with it", ADMIN_TOKEN) == 201
    assert not (tmp_path / "admin-token").exists()
    assert ADMIN_TOKEN not in server.stderr + "".join(server.lines)


def test_another_admin_token_at_a_later_start_takes_the_place_of_the_first(start: Start) -> None:
    assert start(token="the-first-of-two-tokens").stop() == 0
    server = start(token="the-second-of-two-tokens")
    assert create_target(server, "with the second", "the-second-of-two-tokens") == 201
    assert create_target(server, "with the first", "the-first-of-two-tokens") == 401


def test_an_admin_token_that_another_token_has_already_is_refused(start: Start, tmp_path: Path) -> None:
    server = start()
    command = [sys.executable, "-m", "actiond", "token", "create", "--database", server.database]
    command += ["--name", "other", "--permission", "*"]
    secret = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment()).stdout.strip()
    assert server.stop() == 0
    _refuses_the_secret(tmp_path, secret, "token ", " has the same secret")


def _refuses_the_secret(directory: Path, secret: str, *words: str, workers: int = 1) -> None:
    refused = ServerProcess(directory, token=secret, workers=workers).launch()
    assert refused.wait() == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("actiond: error: ACTIOND_ADMIN_TOKEN: ")
    assert all(word in line for word in words)
    assert secret not in line


def _revoke(server: ServerProcess, token_id: str) -> None:
    command = [sys.executable, "-m", "actiond", "token", "revoke", token_id, "--database", server.database]
    subprocess.run(command, capture_output=True, check=True, env=clean_environment())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_revoked_admin_token_is_refused_at_the_next_start(start: Start, tmp_path: Path, workers: int) -> None:
    server = start(token="the-first-of-two-tokens")
    _revoke(server, "admin")
    assert create_target(server, "with it", "the-first-of-two-tokens") == 401
    assert server.stop() == 0
    _refuses_the_secret(tmp_path, "the-first-of-two-tokens", "revoked", "token admin", workers=workers)


def test_a_revoked_admin_token_stays_revoked_after_another_one_took_its_place(start: Start, tmp_path: Path) -> None:
    server = start(token="the-first-of-two-tokens")
    _revoke(server, "admin")
    assert server.stop() == 0
    server = start(token="the-second-of-two-tokens")
    assert create_target(server, "with the second", "the-second-of-two-tokens") == 201
    assert create_target(server, "with the first", "the-first-of-two-tokens") == 401
    assert server.stop() == 0
    _refuses_the_secret(tmp_path, "the-first-of-two-tokens", "revoked")


def test_without_the_variable_a_revoked_admin_token_does_not_come_back(start: Start, tmp_path: Path) -> None:
    server = start(token=None)
    secret = (tmp_path / "admin-token").read_text().strip()
    _revoke(server, "admin")
    assert server.stop() == 0
    assert create_target(start(token=None), "with it", secret) == 401


def test_a_short_admin_token_is_warned_of_and_not_repeated(start: Start) -> None:
    server = start(token="short-one")
    assert "warning: ACTIOND_ADMIN_TOKEN" in server.stderr
    assert "short-one" not in server.stderr


def test_in_memory_and_off_a_terminal_the_token_goes_to_stderr_once(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, database="memory:", token=None) as server:
        (line,) = server.stderr.splitlines()
        assert line.startswith("actiond: admin token, until this process ends: ")
        assert create_target(server, "with it", line.split()[-1]) == 201
        assert not (tmp_path / "data").exists()


def test_a_reader_of_stdout_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, workers=2).launch()
    assert server.process.stdout is not None
    server.process.stdout.close()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(1.5)
        assert server.stop() == 0
        assert "Traceback" not in server.stderr
        assert "Exception" not in server.stderr
    finally:
        server.kill()


def test_a_closed_stdout_stops_nothing(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.command = ["sh", "-c", 'exec "$@" >&-', "sh", *server.command]
    server.launch()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(1.5)
        assert server.stop() == 0
        assert server.stderr.count("\n") <= 1
    finally:
        server.kill()


@pytest.mark.parametrize("database", ["sqlite", "memory"])
def test_on_a_terminal_the_token_is_shown_once_with_lines_that_work_when_pasted(tmp_path: Path, database: str) -> None:
    url = "memory:" if database == "memory" else f"sqlite:///{tmp_path}/actiond.db"
    command = [sys.executable, "-m", "actiond", "serve", "--database", url]
    command += ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    try:
        shown = _read_terminal(ours, lambda text: "http listening on" in text)
        lines = [line.strip() for line in shown.splitlines()]
        (curl,) = [line for line in lines if line.startswith("curl ")]
        (grpcurl,) = [line for line in lines if line.startswith("grpcurl ")]
        for pasted in (curl, grpcurl):
            environment = clean_environment(PATH=PATH)
            done = subprocess.run(
                ["sh", "-c", pasted], capture_output=True, text=True, timeout=WAIT, check=False, env=environment
            )
            assert done.returncode == 0, done.stderr
            assert '"id"' in done.stdout, done.stdout
        assert not (tmp_path / "admin-token").exists()
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=WAIT)
        os.close(ours)
    assert process.returncode == 0
    assert b"Bearer" not in errors


def _read_terminal(descriptor: int, enough: Callable[[str], bool]) -> str:
    shown, deadline = "", time.monotonic() + WAIT
    while not enough(shown):
        assert select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0], shown
        shown += os.read(descriptor, 65536).decode()
    return shown
