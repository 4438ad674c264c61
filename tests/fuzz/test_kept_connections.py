"""A body that nobody wanted is never taken for the next request of its connection, whatever face and framing it has."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.fuzz import oracles
from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.senders.http1 import Connection
from tests.fuzz.senders.sockets import http_ports
from tests.fuzz.service import LIMIT
from tests.support.servers.faces import HTTP_FACES

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = ("host", "x")
JSON, WEB = ("content-type", "application/json"), ("content-type", "application/grpc-web")
TEXT, STREAM = ("content-type", "application/grpc-web-text"), ("content-type", "application/connect+json")
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
TOO_LARGE = b"x" * (LIMIT + LIMIT // 2)
# Larger by little than the message and what frames it: what is left is less than any buffer.
BY_LITTLE = b"x" * (LIMIT + 7)
UNWANTED = {
    "no such path": HttpInput("POST", b"/nowhere", (HOST, JSON), SMUGGLED),
    "a wrong method": HttpInput("DELETE", b"/v1/all", (HOST, JSON), SMUGGLED),
    "a wrong type": HttpInput("POST", b"/t.v1.T/PostAll", (HOST, ("content-type", "image/png")), SMUGGLED),
    "no leave": HttpInput("POST", b"/v1/all", (HOST, JSON, ("authorization", "no")), SMUGGLED),
    "a deadline that has passed": HttpInput("POST", b"/v1/all", (HOST, JSON, ("grpc-timeout", "1n")), SMUGGLED),
    "a body for GET": HttpInput("GET", b"/v1/q", (HOST,), SMUGGLED),
    "a preflight": HttpInput("OPTIONS", b"/v1/all", (HOST, ("access-control-request-method", "POST")), SMUGGLED),
    "too large, json": HttpInput("POST", b"/v1/all", (HOST, JSON), TOO_LARGE),
    "too large, grpc-web": HttpInput("POST", b"/t.v1.T/PostAll", (HOST, WEB), TOO_LARGE),
    "too large, grpc-web-text": HttpInput("POST", b"/t.v1.T/PostAll", (HOST, TEXT), TOO_LARGE),
    "too large, connect": HttpInput("POST", b"/t.v1.T/PostAll", (HOST, JSON), TOO_LARGE),
    "too large, a connect stream": HttpInput("POST", b"/t.more.More/Lines", (HOST, STREAM), TOO_LARGE),
    "too large by little": HttpInput("POST", b"/t.more.More/Lines", (HOST, STREAM), BY_LITTLE),
}
FRAMINGS = {"with its length": Quirk(0), "chunked": Quirk.CHUNKED}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ports() -> AsyncIterator[dict[str, int]]:
    async with http_ports() as ports:
        yield ports


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("face", HTTP_FACES)
@pytest.mark.parametrize("name", UNWANTED)
async def test_the_next_request_is_answered_as_itself(
    ports: dict[str, int], name: str, face: str, framing: str
) -> None:
    sent = replace(UNWANTED[name], quirks=FRAMINGS[framing])
    well = HttpInput("GET", b"/healthz", (HOST,))
    connection = Connection(ports[face])
    for _ in range(2):
        refused = await connection.call(sent)
        assert refused is not None
        oracles.http(sent, refused)
        answer = await connection.call(well)
        assert answer is not None
        assert (answer.status, answer.body) == (200, b'{"status":"SERVING"}')
    await connection.close()
