"""A target's signing key comes with its creation, as trailing metadata. That no other call has it, `run` sees to.

That it comes in both of its forms, the drivers see to.
"""

import base64
import http.client
from contextlib import closing
from email.message import Message as Headers
from pathlib import Path

import pytest
from google.protobuf import json_format

from tests.parity.service import token_of
from tests.support.action_service.connections import DRIVERS, Ports
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import SIGNING_KEY, WEBHOOK_SECRET, Call
from tests.support.action_service.requests import create, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

BITS = 256
ORIGIN = "https://console.example"


@pytest.mark.parametrize("name", [name for name in DRIVERS if name != "envoy-json"])
def test_each_target_comes_with_a_key_of_its_own(name: str, drivers: dict[str, Driver]) -> None:
    driver = drivers[name]
    outcomes = [driver(create(request(f"{number} of two targets with keys"))) for number in (1, 2)]
    keys = [outcome.signing_key for outcome in outcomes]
    assert len(set(keys)) == 2
    for outcome, key in zip(outcomes, keys, strict=True):
        assert key is not None
        assert len(key) * 6 >= BITS
        assert key not in str(outcome.response)


def test_through_envoys_transcoder_it_is_lost(drivers: dict[str, Driver]) -> None:
    outcome = drivers["envoy-json"](create(request("a target without its key")))
    assert (outcome.code, outcome.signing_key) == (0, None)


@pytest.mark.parametrize("encoding", ["json", "proto"])
def test_over_connect_it_is_a_header(encoding: str, ports: Ports) -> None:
    message = request(f"a target over Connect, by {encoding}")
    body = json_format.MessageToJson(message).encode() if encoding == "json" else message.SerializeToString()
    headers = {"content-type": f"application/{encoding}", "connect-protocol-version": "1"}
    received = _post(ports.http, Call("CreateTarget").rpc_path, token_of("json"), body, headers)
    key, secret = received[f"trailer-{SIGNING_KEY}"], received[f"trailer-{WEBHOOK_SECRET}"]
    assert len(key) * 6 >= BITS
    assert base64.b64decode(secret.removeprefix("whsec_"), validate=True) == key.encode()
    assert SIGNING_KEY not in received
    assert WEBHOOK_SECRET not in received


@pytest.mark.parametrize(
    ("path", "prefix"), [("/v3alpha/targets", "grpc-trailer-"), (Call("CreateTarget").rpc_path, "trailer-")]
)
def test_a_page_of_an_allowed_origin_can_read_it_in_both_forms(path: str, prefix: str, tmp_path: Path) -> None:
    body = json_format.MessageToJson(request("a target from a page")).encode()
    headers = {"content-type": "application/json", "connect-protocol-version": "1", "origin": ORIGIN}
    with ServerProcess(tmp_path, "--cors-origin", ORIGIN) as server:
        received = _post(server.http_port, path, ADMIN_TOKEN, body, headers)
    names = {prefix + SIGNING_KEY, prefix + WEBHOOK_SECRET}
    assert names <= {name.lower() for name in received}
    assert names <= set(received["access-control-expose-headers"].split(", "))


def _post(port: int, path: str, token: str, body: bytes, headers: dict[str, str]) -> Headers:
    """The headers of a response that is a success."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", path, body, headers | {"authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
    assert response.status in {200, 201}
    return response.headers
