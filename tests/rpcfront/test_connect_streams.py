"""Streams of responses over Connect, over every HTTP face: envelopes in, envelopes out, and how they end."""

import gzip
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.rpcfront.cases.rows import parametrize
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES
from tests.support.services.fixture_protos import message_class
from tests.support.services.fixture_service import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/connect+json"
PROTO = "application/connect+proto"
_COMPRESSED = 1
_END = 2


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(request.param) as port:
        yield port


def envelope(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


def opened(body: bytes) -> tuple[list[bytes], Any]:
    """The messages of an answer, and the JSON that ends it."""
    messages: list[bytes] = []
    while True:
        flags, size = struct.unpack_from(">BI", body)
        data, body = body[5 : 5 + size], body[5 + size :]
        assert len(data) == size
        if flags == _END:
            assert not body
            return messages, json.loads(data)
        assert flags == 0
        messages.append(data)


async def call(port: int, body: bytes, content_type: str = JSON, **headers: str) -> tuple[list[bytes], Any]:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    reply = await ask(port, "POST", "/t.v1.T/Stream", body, {"content-type": content_type, **named})
    assert (reply.status, reply.header("content-type")) == (200, content_type)
    return opened(reply.body)


async def test_messages_come_as_json(port: int) -> None:
    messages, end = await call(port, envelope(b'{"i32":2,"id":"a"}'))
    assert messages == [b'{"id":"a","i32":1}', b'{"id":"a","i32":2}']
    assert "error" not in end


async def test_messages_come_as_protobuf(port: int) -> None:
    new: Any = message_class("t.v1.Req")
    messages, _ = await call(port, envelope(new(i32=2).SerializeToString()), PROTO)
    assert [new.FromString(message).i32 for message in messages] == [1, 2]


async def test_a_compressed_request_is_read(port: int) -> None:
    body = envelope(gzip.compress(b'{"i32":1}'), _COMPRESSED)
    messages, _ = await call(port, body, connect_content_encoding="gzip")
    assert messages == [b'{"i32":1}']


async def test_a_failure_in_the_middle_stands_in_the_last_envelope(port: int) -> None:
    messages, end = await call(port, envelope(b'{"i32":2,"name":"abort"}'))
    assert messages == [b'{"i32":1}', b'{"i32":2}']
    assert end == {"error": {"code": "not_found", "message": "mid"}}


async def test_trailing_metadata_stands_in_the_last_envelope(port: int) -> None:
    _, end = await call(port, envelope(b'{"i32":1,"name":"metadata"}'))
    assert end == {"metadata": {"x-trailing": ["two"]}}


async def test_a_stream_may_be_empty(port: int) -> None:
    messages, end = await call(port, envelope(b"{}"))
    assert (messages, end.get("error")) == ([], None)


@pytest.mark.parametrize("codec", ["json", "proto"])
@pytest.mark.parametrize("version", [{}, {"connect-protocol-version": "1"}], ids=["no version", "version 1"])
async def test_a_streaming_method_called_as_a_unary_one_says_how_it_is_called(
    port: int, codec: str, version: dict[str, str]
) -> None:
    headers = {"content-type": f"application/{codec}", **version}
    reply = await ask(port, "POST", "/t.v1.T/Stream", b"{}", headers)
    assert (reply.status, reply.header("content-type")) == (501, "application/json")
    assert json.loads(reply.body) == {
        "code": "unimplemented",
        "message": "a method with a stream is called with application/connect+json or application/connect+proto",
    }


@dataclass(frozen=True)
class Fault:
    """A request that is refused in the last envelope, which is the only one."""

    name: str
    body: bytes
    code: str
    encoding: str = "identity"
    version: str = "1"


@parametrize(
    [
        Fault("no message", b"", "unimplemented"),
        Fault("two messages", envelope(b"{}") * 2, "unimplemented"),
        Fault("an envelope that is cut short", envelope(b"{}")[:-1], "internal"),
        Fault("something behind the envelope", envelope(b"{}") + b"x", "internal"),
        Fault("an end where a message belongs", envelope(b"{}", _END), "internal"),
        Fault("compressed, but said not to be", envelope(gzip.compress(b"{}"), _COMPRESSED), "internal"),
        Fault("said to be compressed, but not", envelope(b"{}", _COMPRESSED), "internal", encoding="gzip"),
        Fault("an unknown encoding", envelope(b"{}"), "unimplemented", encoding="br"),
        Fault("a message longer than the limit", struct.pack(">BI", 0, 2**31), "resource_exhausted"),
        Fault("what is not JSON", envelope(b"{"), "invalid_argument"),
        Fault("a value of the wrong form", envelope(b'{"i32":"x"}'), "invalid_argument"),
        Fault("another version of the protocol", envelope(b"{}"), "invalid_argument", version="2"),
    ]
)
async def test_a_faulty_request_is_told_in_the_last_envelope(port: int, row: Fault) -> None:
    headers = {"connect_content_encoding": row.encoding, "connect_protocol_version": row.version}
    messages, end = await call(port, row.body, **headers)
    assert (messages, end["error"]["code"]) == ([], row.code)
