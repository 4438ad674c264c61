"""Payloads as tokens, from the real server to a receiver that verifies and decrypts them by Node's `jose`."""

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from actiond.client.signature import verify
from tests.real_clients.token_receiver import TokenReceiver, payload_of, token_receiver
from tests.support.clients.browser import UnavailableError
from tests.support.clients.json_api import JsonApi
from tests.support.npm import PACKAGES, install_packages
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.ports import free_port
from tests.support.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
LIST = "/zitadel.action.v2.ActionService/ListTargets"
PRIVATE: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
    "RSA-OAEP-256": rsa.generate_private_key(65_537, 2048),
    "ECDH-ES+A256KW": ec.generate_private_key(ec.SECP384R1()),
}
_names = count(1)


@pytest.fixture(scope="module", params=["ES256", "RS256", "EdDSA"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ["--allow-address", "127.0.0.0/8", "--jwt-algorithm", request.param, "--execution-function", "price"]
    with ServerProcess(tmp_path_factory.mktemp("server"), *arguments, workers=2) as server:
        yield server
        stderr = server.stderr
    assert "Traceback" not in stderr, stderr


@pytest.fixture
def api(server: ServerProcess) -> JsonApi:
    return JsonApi.of(server)


def open_receiver(stack: ExitStack, server: ServerProcess, keys: dict[str, str], seconds: float = 300) -> TokenReceiver:
    open_packages()
    return stack.enter_context(token_receiver(server.http_url, keys, seconds))


def open_packages() -> None:
    try:
        install_packages()  # by npm, which runs on node
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI tokens must be verified by jose: {lack}", pytrace=False)
        pytest.skip(f"tokens are not verified by jose here: {lack}")


class Target:
    """A target that gets tokens."""

    def __init__(self, api: JsonApi, kind: str, endpoint: str, payload_type: str = "JWT") -> None:
        self._api = api
        self.path = "/v2/actions/targets"
        made = api.call(
            "POST",
            self.path,
            {
                "name": f"tokens {next(_names)}",
                kind: {} if kind == "restAsync" else {"interruptOnError": True},
                "timeout": "20s",
                "endpoint": endpoint,
                "payloadType": f"PAYLOAD_TYPE_{payload_type}",
            },
        )
        self.id: str = made["id"]
        self.signing_key: str = made["signingKey"]

    def add_key(self, alg: str) -> str:
        """Add a public key, activate it, and return its id."""
        pem = PRIVATE[alg].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        keys = f"{self.path}/{self.id}/publickeys"
        key_id: str = self._api.call("POST", keys, {"publicKey": base64.b64encode(pem).decode()})["keyId"]
        self._api.call("POST", f"{keys}/{key_id}/activate")
        return key_id

    def send_to(self, endpoint: str) -> None:
        self._api.call("POST", f"{self.path}/{self.id}", {"endpoint": endpoint})


def pem_of(alg: str) -> str:
    return PRIVATE[alg].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def execute(api: JsonApi, condition: dict[str, Any], *targets: Target) -> None:
    body = {"condition": condition, "targets": [target.id for target in targets]}
    api.call("PUT", "/v2/actions/executions", body)


def algorithm_of(server: ServerProcess) -> str:
    return server.command[server.command.index("--jwt-algorithm") + 1]


def encoded_by(
    api: JsonApi, payload_type: str, stack: ExitStack, server: ServerProcess
) -> tuple[Target, TokenReceiver]:
    """A target of a payload type, and the receiver that it is sent to."""
    target = Target(api, "restCall", "http://127.0.0.1:9/", payload_type.split()[0])
    keys = {}
    if payload_type != "JWT":
        alg = payload_type.split()[1]
        keys = {target.add_key(alg): pem_of(alg)}
    receiver = open_receiver(stack, server, keys)
    target.send_to(receiver.url)
    return target, receiver


one_algorithm = pytest.mark.parametrize("server", ["ES256"], indirect=True)
every_type = pytest.mark.parametrize("payload_type", ["JWT", *(f"JWE {alg}" for alg in PRIVATE)])


@every_type
def test_requests_responses_functions_events_and_tests_arrive_as_tokens(
    server: ServerProcess, api: JsonApi, payload_type: str
) -> None:
    with ExitStack() as stack:
        target, receiver = encoded_by(api, payload_type, stack, server)
        for kind in ("request", "response"):
            execute(api, {kind: {"method": LIST}}, target)
        execute(api, {"function": {"name": "price"}}, target)
        api.call("POST", "/v2/actions/targets/search", {"filters": [{"targetNameFilter": {"targetName": "é"}}]})
        request, response = receiver.request(), receiver.request()
        assert json.loads(payload_of(request))["request"] == {"filters": [{"targetNameFilter": {"targetName": "é"}}]}
        assert json.loads(payload_of(response))["response"]["pagination"]
        assert request["header"]["alg"] == algorithm_of(server)
        assert request["header"]["typ"] == "JWT"
        if payload_type == "JWT":
            assert request["encryption"] is None
        else:
            assert request["encryption"]["alg"] == payload_type.split()[1]
            assert (request["encryption"]["cty"], request["encryption"]["enc"]) == ("JWT", "A256GCM")
        assert request["headers"]["content-type"] == "application/json"
        body = base64.b64decode(request["body"])
        verify(request["headers"]["zitadel-signature"], body, target.signing_key)

        api.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {"item": "cup"}})
        assert receiver.payload() == {"function": "function/price", "item": "cup"}

        api.call("POST", f"/v1/targets/{target.id}:test", {})
        assert receiver.payload()["event_type"] == "target.tested"

        execute(api, {"event": {"event": "target.added"}}, target)
        event = Target(api, "restWebhook", "http://127.0.0.1:9/")
        delivered = receiver.request()
        assert json.loads(payload_of(delivered))["aggregateID"] == event.id
        assert delivered["headers"]["webhook-id"]
        for condition in (
            {"event": {"event": "target.added"}},
            *({kind: {"method": LIST}} for kind in ("request", "response")),
        ):
            execute(api, condition)


@one_algorithm
def test_a_payload_that_is_encoded_off_the_event_loop_arrives(server: ServerProcess, api: JsonApi) -> None:
    with ExitStack() as stack:
        target, receiver = encoded_by(api, "JWE RSA-OAEP-256", stack, server)
        execute(api, {"function": {"name": "price"}}, target)
        text = "x" * 200_000
        api.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {"text": text}})
        assert receiver.payload() == {"function": "function/price", "text": text}


@one_algorithm
def test_no_verification_fails_across_rotations_under_load(server: ServerProcess, api: JsonApi) -> None:
    """Receivers keep the keys for three seconds, and new keys are published for longer before they sign."""
    stop = time.monotonic() + 40
    with ExitStack() as stack:
        receiver = open_receiver(stack, server, {}, seconds=3)
        execute(api, {"function": {"name": "price"}}, Target(api, "restCall", receiver.url))
        key_ids: list[str] = []

        def call(_number: int) -> None:
            client = JsonApi.of(server)
            while len(key_ids) < 3 and time.monotonic() < stop:
                client.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {}})

        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(call, number) for number in range(4)]
            while len(key_ids) < 3 and time.monotonic() < stop:
                seen = receiver.request()
                assert "error" not in seen, seen
                if seen["header"]["kid"] not in key_ids:
                    key_ids.append(seen["header"]["kid"])
                    if len(key_ids) < 3:
                        rotate(server, "--ahead", "8s", "--overlap", "1m")
            for each in calls:
                each.result()
        assert len(set(key_ids)) == 3
        assert not [one for one in receiver.close() if "error" in one]


def rotate(server: ServerProcess, *arguments: str) -> None:
    command = [sys.executable, "-m", "actiond", "key", "rotate", "--data-dir", str(server.data_dir), *arguments]
    subprocess.run(command, env=server.environment, check=True, capture_output=True)


def withdraw_keys(server: ServerProcess, api: JsonApi) -> None:
    """Rotate as for a key that has leaked, and wait until each worker publishes the new key alone."""
    before = {key["kid"] for key in api.call("GET", "/oauth/v2/keys")["keys"]}
    rotate(server, "--ahead", "0s", "--overlap", "0s")

    def followed() -> bool:
        found = [api.call("GET", "/oauth/v2/keys")["keys"] for _ in range(32)]  # of either worker
        return all(len(keys) == 1 and keys[0]["kid"] not in before for keys in found)

    until(followed, "no worker publishes the former keys", seconds=20)


@one_algorithm
def test_a_key_that_leaked_is_used_no_more(server: ServerProcess, api: JsonApi) -> None:
    withdraw_keys(server, api)


RECEIVERS = {"js": ("node", 'listen(9000, "127.0.0.1")'), "python": (sys.executable, 'HTTPServer(("127.0.0.1", 9000)')}
"""The programs of the receivers that docs/targets.md shows, and where each names its port."""
FOR_EC = {"RSA-OAEP-256": "ECDH-ES+A256KW", "RSAKey": "ECKey"}
"""What the page says to change for a key on an elliptic curve."""


def documented(language: str) -> str:
    """Return the receiver of the page for tokens."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (found,) = (block for block in blocks if "PRIVATE_KEY" in block)
    return str(found)


@contextmanager
def running_receiver(server: ServerProcess, directory: Path, language: str, alg: str) -> Iterator[tuple[int, IO[str]]]:
    """Run the documented receiver, and yield its port and what it prints."""
    program, listens = RECEIVERS[language]
    block, port = documented(language), free_port()
    assert block.count(listens) == 1
    for word, other in FOR_EC.items() if alg.startswith("ECDH") else ():
        block = block.replace(word, other)
    (directory / "node_modules").symlink_to(PACKAGES)
    script, private_key = directory / f"receiver.{'mjs' if language == 'js' else 'py'}", directory / "private.pem"
    script.write_text(block.replace(listens, listens.replace("9000", str(port))))
    private_key.write_text(pem_of(alg))
    environment = {**os.environ, "ISSUER": server.http_url, "PRIVATE_KEY": str(private_key)}
    process = subprocess.Popen([program, script], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        try:
            until(lambda: accepts(port), "the receiver listens")
            yield port, process.stdout
        finally:
            process.kill()


def sealed_target(api: JsonApi, port: int, alg: str) -> None:
    """Let the function `price` call the receiver at a port."""
    target = Target(api, "restCall", f"http://127.0.0.1:{port}/", "JWE")
    target.add_key(alg)
    execute(api, {"function": {"name": "price"}}, target)


@one_algorithm
@pytest.mark.parametrize("alg", PRIVATE)
@pytest.mark.parametrize("language", RECEIVERS)
def test_the_documented_receivers_verify_and_decrypt(
    server: ServerProcess, api: JsonApi, tmp_path: Path, language: str, alg: str
) -> None:
    open_packages()
    with running_receiver(server, tmp_path, language, alg) as (port, printed):
        sealed_target(api, port, alg)
        for body in (b"", b"a.b.c.d.e", b"{}"):
            assert refused(port, body)
        api.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {}})
        assert printed.readline() == "function/price\n"


@one_algorithm
def test_the_documented_receiver_in_python_follows_a_rotation_after_a_leak(
    server: ServerProcess, api: JsonApi, tmp_path: Path
) -> None:
    with running_receiver(server, tmp_path, "python", "RSA-OAEP-256") as (port, printed):
        sealed_target(api, port, "RSA-OAEP-256")
        api.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {}})
        assert printed.readline() == "function/price\n"
        withdraw_keys(server, api)
        until(lambda: is_taken(api), "the receiver knows the new key", seconds=20)
        assert printed.readline() == "function/price\n"


def test_the_documented_receiver_in_python_fetches_the_keys_for_strangers_once_in_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private.pem").write_text(pem_of("RSA-OAEP-256"))
    monkeypatch.setenv("ISSUER", "http://127.0.0.1:9")
    monkeypatch.setenv("PRIVATE_KEY", str(tmp_path / "private.pem"))
    names: dict[str, Any] = {"__name__": "page"}
    exec(documented("python"), names)  # noqa: S102  # that is the point
    now, fetched = 0.0, []

    def get(url: str) -> None:
        fetched.append((now, url))
        raise ConnectionRefusedError

    names["get"], names["time"] = get, SimpleNamespace(monotonic=lambda: now)
    for now in (5.0, 6.0, 14.0, 16.0):  # noqa: B007  # the functions read it
        with pytest.raises((ConnectionRefusedError, ValueError)):
            names["issuer_keys"](SimpleNamespace(headers=lambda: {"kid": "unknown"}))
    assert [when for when, _ in fetched] == [5.0, 16.0]


def is_taken(api: JsonApi) -> bool:
    """Execute the function, and return whether the receiver has accepted the token."""
    try:
        api.call("POST", "/v1/executions:executeFunction", {"function": "price", "payload": {}})
    except AssertionError:
        return False
    return True


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def refused(port: int, body: bytes) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("POST", "/", body)
        return connection.getresponse().status == 401
