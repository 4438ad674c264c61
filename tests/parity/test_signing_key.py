"""A target's signing key comes with its creation, as trailing metadata. That no other call has it, `run` sees to."""

import http.client
from contextlib import closing

import pytest
from google.protobuf import json_format

from tests.parity.service import token_of
from tests.support.action_service.connections import DRIVERS, Ports
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import SIGNING_KEY, Call
from tests.support.action_service.requests import create, request

BITS = 256


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
    headers = {
        "authorization": f"Bearer {token_of('json')}",
        "content-type": f"application/{encoding}",
        "connect-protocol-version": "1",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", ports.http, timeout=20)) as connection:
        connection.request("POST", Call("CreateTarget").rpc_path, body, headers)
        response = connection.getresponse()
        response.read()
    assert response.status == 200
    assert len(response.headers[f"trailer-{SIGNING_KEY}"]) * 6 >= BITS
    assert SIGNING_KEY not in response.headers
