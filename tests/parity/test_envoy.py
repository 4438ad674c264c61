"""What envoy.yaml promises beside the scenarios: CORS, errors of its own in our form, calls that disturb no others."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import Call
from tests.support.action_service.requests import create, get, request
from tests.support.servers.envoy import EnvoyProcess

ORIGIN = "http://localhost:3000"
UNAVAILABLE = 14


def _send(port: int, verb: str, path: str, headers: Mapping[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(verb, path, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def _preflight(port: int, origin: str) -> http.client.HTTPMessage:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    return _send(port, "OPTIONS", Call("CreateTarget").rpc_path, headers)[1]


def test_a_preflight_from_an_allowed_origin_is_granted(ports: Ports) -> None:
    headers = _preflight(ports.envoy, ORIGIN)
    assert headers["access-control-allow-origin"] == ORIGIN
    allowed = headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "grpc-timeout", "x-grpc-web", "x-user-agent"} <= set(allowed)
    assert int(headers["access-control-max-age"]) <= 7200


def test_a_preflight_from_another_origin_is_granted_nothing(ports: Ports) -> None:
    assert "access-control-allow-origin" not in _preflight(ports.envoy, "http://elsewhere.example")


@pytest.mark.parametrize("path", ["/v3alpha/targets/1", "/v3alpha/nothing"], ids=["of the service's", "of Envoy's own"])
def test_an_error_may_be_read_by_a_page_of_an_allowed_origin(path: str, ports: Ports) -> None:
    _, headers, _ = _send(ports.envoy, "GET", path, {"origin": ORIGIN})
    assert headers["access-control-allow-origin"] == ORIGIN
    exposed = headers["access-control-expose-headers"].split(", ")
    assert {"grpc-status", "grpc-message", "grpc-status-details-bin"} <= set(exposed)


@pytest.mark.parametrize("header", [("grpc-timeout", "soon"), ("x-blob-bin", "@@@")], ids=lambda header: header[0])
def test_a_malformed_header_does_not_spoil_later_calls_on_the_shared_connection(
    header: tuple[str, str], drivers: dict[str, Driver]
) -> None:
    driver = drivers["envoy-json"]
    for attempt in range(5):
        driver(get("1", metadata=(header,)))
        name = f"after a malformed {header[0]}, {attempt}"
        assert driver(create(request(name), metadata=(("grpc-timeout", "10S"), ("x-blob-bin", b"\xff")))).code == 0


@pytest.fixture(scope="module")
def deserted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """Envoy before a port where nobody listens (1 is tcpmux's, which nobody runs)."""
    directory: Path = tmp_path_factory.mktemp("deserted")
    with EnvoyProcess(directory, upstream=1) as envoy:
        yield Ports(grpc=0, http=0, envoy=envoy.port)


def test_a_service_that_is_down_is_unavailable_as_json(deserted: Ports) -> None:
    status, headers, body = _send(deserted.envoy, "GET", "/v3alpha/targets/1", {})
    assert (status, headers["content-type"]) == (503, "application/json")
    content = json.loads(body)
    assert content.keys() == {"code", "message", "details"}
    assert (content["code"], content["details"]) == (UNAVAILABLE, [])


def test_a_service_that_is_down_is_unavailable_as_grpc_web(deserted: Ports) -> None:
    headers = {"content-type": "application/grpc-web+proto"}
    _, received, body = _send(deserted.envoy, "POST", Call("CreateTarget").rpc_path, headers)
    assert received["grpc-status"] == str(UNAVAILABLE)
    assert body == b""
    assert "{" not in received["grpc-message"]
