"""Instance keys: made by a start, published, and rotated by the command."""

import http.client
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import import_key

from tests.process.conftest import Run, Start
from tests.support.clients.json_api import JsonApi
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer
from tests.support.waiting import WAIT, until

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/oauth/v2/keys"
ORIGIN = "https://console.example"
FIRST, OTHER = ("A" * 43 + "=", "B" * 43 + "=")
"""Encryption keys."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ["--cors-origin", ORIGIN, "--trusted-proxy", "127.0.0.1", "--allow-address", "127.0.0.0/8"]
    with ServerProcess(tmp_path_factory.mktemp("server"), *arguments) as server:
        yield server


def ask(
    server: ServerProcess, path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get(server: ServerProcess, path: str, **headers: str) -> Any:
    status, _, body = ask(server, path, **headers)
    assert status == 200, body
    return json.loads(body)


def key_ids(server: ServerProcess) -> list[str]:
    return [key["kid"] for key in get(server, KEYS)["keys"]]


def test_anyone_finds_the_key_that_the_first_start_has_made(server: ServerProcess) -> None:
    found = get(server, DISCOVERY)
    assert found["issuer"] == server.http_url
    assert found["jwks_uri"] == f"{server.http_url}{KEYS}"
    assert found["id_token_signing_alg_values_supported"] == ["ES256"]
    (key,) = get(server, KEYS)["keys"]
    assert (key["alg"], key["use"], key["crv"]) == ("ES256", "sig", "P-256")
    assert "d" not in key


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
def test_the_paths_are_served_as_other_public_ones_are(server: ServerProcess, path: str) -> None:
    status, headers, body = ask(server, path, "HEAD", origin=ORIGIN)
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"", ORIGIN)
    assert int(headers["content-length"]) == len(ask(server, path)[2])
    assert ask(server, path, "POST")[0] == 405
    assert ask(server, path, "OPTIONS")[1]["allow"] == "GET, HEAD, OPTIONS"


def test_the_issuer_has_the_scheme_that_a_trusted_proxy_names(server: ServerProcess) -> None:
    found = get(server, DISCOVERY, host="actions.example", x_forwarded_for="192.0.2.1", x_forwarded_proto="https")
    assert found["issuer"] == "https://actions.example"


def test_a_request_that_names_no_host_is_refused(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=WAIT) as connection:
        connection.sendall(f"GET {DISCOVERY} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            assert answer.readline().split()[1] == b"400"


def test_over_tls_the_issuer_is_https(start: Start, tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.server_pair().write(tmp_path, "server")
    server = start("--tls-cert", str(certificate), "--tls-key", str(key))
    connection = http.client.HTTPSConnection("localhost", server.http_port, context=authority.trust(), timeout=WAIT)
    with closing(connection):
        connection.request("GET", DISCOVERY)
        assert json.loads(connection.getresponse().read())["issuer"] == f"https://localhost:{server.http_port}"


def test_the_external_url_is_the_issuer(start: Start) -> None:
    server = start("--external-url", "https://actions.example/base")
    assert get(server, DISCOVERY)["jwks_uri"] == f"https://actions.example/base{KEYS}"


def test_a_store_in_memory_has_a_key_too(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--jwt-algorithm", "eddsa", database="memory:") as server:
        (key,) = get(server, KEYS)["keys"]
        assert key["alg"] == "EdDSA"


def test_a_rotation_beside_the_server_holds_in_every_worker(start: Start, run: Run) -> None:
    server = start(workers=2)
    (before,) = key_ids(server)
    done = run("key", "rotate", "--data-dir", ".", "--algorithm", "RS256")
    assert (done.returncode, done.stdout) == (0, ""), done
    assert re.search(r"key \S+ \(RS256\) signs from \d{4}-", done.stderr)
    until(lambda: all(key_ids(server)[1:] == [before] for _ in range(32)), "both workers publish the new key")
    assert get(server, DISCOVERY)["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    listed = run("key", "list", "--data-dir", ".").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        [key_ids(server)[0], "RS256", "next"],
        [before, "ES256", "signing"],
    ]


def test_a_rotation_that_calls_off_another_names_the_key_that_it_withdraws(start: Start, run: Run) -> None:
    server = start()
    (before,) = key_ids(server)
    first, second = (
        run("key", "rotate", "--data-dir", ".", "--ahead", ahead).stderr.splitlines() for ahead in ("1h", "0s")
    )
    next_id, newest = first[0].split()[1], second[0].split()[1]
    assert len(first) == 1
    assert next_id in second[1]
    assert before not in "".join(second)
    until(lambda: key_ids(server) == [newest, before], "the server publishes the newest key and the one that signed")


def test_a_rotation_without_an_overlap_says_that_former_keys_are_not_published(start: Start, run: Run) -> None:
    start()
    done = run("key", "rotate", "--data-dir", ".", "--ahead", "0s", "--overlap", "0s")
    assert "not published any more" in done.stderr
    assert "0s" not in done.stderr


def test_a_start_with_another_algorithm_rotates_and_keeps_the_former_key(start: Start) -> None:
    server = start()
    (before,) = key_ids(server)
    assert server.stop() == 0
    server = start("--jwt-algorithm", "RS256", "--log-level", "info")
    assert len(key_ids(server)) == 2
    assert key_ids(server)[1] == before
    assert "--jwt-algorithm has changed" in server.stderr
    assert server.stop() == 0
    assert len(key_ids(start("--jwt-algorithm", "RS256"))) == 2


def test_a_start_that_cannot_decrypt_the_key_makes_one_and_says_so(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, environment={"ACTIOND_ENCRYPTION_KEY": FIRST}) as server:
        (before,) = key_ids(server)
    with ServerProcess(tmp_path, environment={"ACTIOND_ENCRYPTION_KEY": OTHER}) as server:
        newest, former = key_ids(server)
        assert former == before != newest
        (line,) = [line for line in server.stderr.splitlines() if "instance key" in line]
        assert "cannot be decrypted" in line


def test_the_private_key_is_not_in_the_database(server: ServerProcess) -> None:
    with closing(sqlite3.connect(server.data_dir / "actiond.db")) as database:
        (row,) = database.execute("SELECT * FROM instance_keys").fetchall()
    assert not any(b'"d"' in (column if isinstance(column, bytes) else str(column).encode()) for column in row)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--algorithm", "HS256"), ("--algorithm", "none of ES256, RS256, EdDSA")),
        (("--ahead", "soon"), ("--ahead", "'soon' is not a span", "7d")),
        (("--ahead", "8d"), ("--ahead", "7d")),
        (("--overlap", "367d"), ("--overlap", "366d")),
    ],
)
def test_a_rotation_with_an_argument_that_is_wrong_names_it(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert run("token", "create", "--name", "a", "--permission", "*", "--owner", "1", "--data-dir", ".").returncode == 0
    done = run("key", "rotate", "--data-dir", ".", *arguments)
    assert done.returncode == 2, done
    for word in words:
        assert word in done.stderr


def test_nothing_is_rotated_before_the_first_start(run: Run) -> None:
    assert run("token", "create", "--name", "a", "--permission", "*", "--owner", "1", "--data-dir", ".").returncode == 0
    done = run("key", "rotate", "--data-dir", ".", ACTIOND_ENCRYPTION_KEY=FIRST)
    assert done.returncode == 1
    assert "before the server's first start" in done.stderr


def test_so_many_rotations_at_once_are_refused_with_the_way_out(start: Start, run: Run) -> None:
    start()
    for _ in range(15):
        assert run("key", "rotate", "--data-dir", ".", "--ahead", "0s").returncode == 0
    done = run("key", "rotate", "--data-dir", ".")
    assert done.returncode == 1
    assert "16 keys are published already" in done.stderr
    assert run("key", "rotate", "--data-dir", ".", "--ahead", "0s", "--overlap", "0s").returncode == 0
    assert len(run("key", "list", "--data-dir", ".").stdout.splitlines()) == 2


def test_the_test_of_a_target_sends_it_a_token(server: ServerProcess, run: Run) -> None:
    client = JsonApi.of(server)
    with TargetServer() as receiver:
        body = {"name": "tested", "restWebhook": {}, "timeout": "9s", "endpoint": receiver.url("/ok")}
        made = client.call("POST", "/v2/actions/targets", {**body, "payloadType": "PAYLOAD_TYPE_JWT"})
        command = ("target", "test", made["id"], "--data-dir", str(server.data_dir), "--allow-address", "127.0.0.1")
        assert run(*command).returncode == 0
        (received,) = receiver.requests
        (key,) = get(server, KEYS)["keys"]
        payload = jws.deserialize_compact(received.body, import_key(key), algorithms=["ES256"]).payload
        assert json.loads(payload)["event_type"] == "target.tested"
        client.call("POST", f"/v2/actions/targets/{made['id']}", {"payloadType": "PAYLOAD_TYPE_JWE"})
        done = run(*command)
        assert (done.returncode, len(receiver.requests)) == (1, 1)
        assert "no_public_key" in done.stderr


def test_servers_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in "abc"]
    for directory in directories:
        directory.mkdir()
    servers = [ServerProcess(directory, data_dir=tmp_path) for directory in directories]
    try:
        with ThreadPoolExecutor(len(servers)) as pool:
            found = [key_ids(server) for server in pool.map(ServerProcess.start, servers)]
    finally:
        for server in servers:
            server.kill()
    assert len(found[0]) == 1
    assert found[0] == found[1] == found[2]
