"""A servicer written for grpcio, async or not, behaves the same over every protocol."""

import base64
import itertools
import json
import struct
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import grpc
import pytest
import pytest_asyncio
from google.protobuf import json_format
from google.rpc import status_pb2

from server.gateway import Gateway
from server.gateway.status import HTTP_STATUS
from tests.gateway import echo
from tests.gateway.faces import HTTP_FACES, Reply, ask, grpc_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICERS = {"async": echo.AsyncEcho, "threaded": echo.ThreadedEcho}
PROTOCOLS = ["grpc", "rsgi grpc-web", "rsgi grpc-web-text", "rsgi json", "wsgi grpc-web", "wsgi json"]

JSON_PATHS = {
    "Say": ("POST", "/v1/notes"),
    "Fail": ("POST", "/v1/failures"),
    "Metadata": ("GET", "/v1/metadata"),
}


class Ended:
    """How a call ended, in one form for every protocol."""

    def __init__(self, status: status_pb2.Status, note: Any, initial: Any, trailing: Any) -> None:
        self.status = status
        self.note = note
        self.initial = dict(initial)
        self.trailing = dict(trailing)


class Driver:
    """Calls the echo service over one protocol."""

    def __init__(self, protocol: str, port: int) -> None:
        self._protocol = protocol
        self._port = port

    async def __call__(self, method: str, request: Any = None, **metadata: str) -> Ended:
        request = echo.note() if request is None else request
        headers = {key.replace("_", "-"): value for key, value in metadata.items()}
        if self._protocol == "grpc":
            return await self._grpc(method, request, headers)
        if self._protocol.endswith("json"):
            return await self._json(method, request, headers)
        return await self._grpc_web(method, request, headers)

    async def _grpc(self, method: str, request: Any, metadata: dict[str, str]) -> Ended:
        timeout = metadata.pop("grpc-timeout", None)
        seconds = None if timeout is None else float(timeout.rstrip("S"))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            stub = channel.unary_unary(
                f"/echo.v1.Echo/{method}", request_serializer=bytes, response_deserializer=echo.note_class().FromString
            )
            pairs = tuple((key, _binary(value) if key.endswith("-bin") else value) for key, value in metadata.items())
            call = stub(request.SerializeToString(), metadata=pairs, timeout=seconds)
            note = None
            status = status_pb2.Status()
            try:
                note = await call
            except grpc.aio.AioRpcError:
                trailing = dict(await call.trailing_metadata() or ())
                status.MergeFromString(trailing.pop("grpc-status-details-bin", b""))
                status.code, status.message = (await call.code()).value[0], await call.details()
            else:
                trailing = dict(await call.trailing_metadata() or ())
            return Ended(status, note, await call.initial_metadata() or (), trailing)

    async def _grpc_web(self, method: str, request: Any, headers: dict[str, str]) -> Ended:
        is_text = "text" in self._protocol
        body = struct.pack(">BI", 0, len(request.SerializeToString())) + request.SerializeToString()
        headers["content-type"] = "application/grpc-web-text" if is_text else "application/grpc-web+proto"
        path = f"/echo.v1.Echo/{method}"
        reply = await ask(self._port, "POST", path, base64.b64encode(body) if is_text else body, headers)
        assert reply.status == 200
        kind = "-text" if is_text else ""
        assert reply.header("content-type") == f"application/grpc-web{kind}+proto"
        answer = _decode_quads(reply.body) if is_text else reply.body
        note = None
        if answer[0] == 0:
            size = struct.unpack(">I", answer[1:5])[0]
            note = echo.note_class().FromString(answer[5 : 5 + size])
            answer = answer[5 + size :]
        assert answer[0] == 0x80
        assert struct.unpack(">I", answer[1:5])[0] == len(answer) - 5
        lines = answer[5:].decode("ascii").removesuffix("\r\n").split("\r\n")
        trailers = dict(line.split(": ", 1) for line in lines)
        assert len(trailers) == len(lines)
        status = status_pb2.Status()
        status.MergeFromString(_binary(trailers.pop("grpc-status-details-bin", "")))
        code, message = int(trailers.pop("grpc-status")), unquote(trailers.pop("grpc-message", ""))
        if status.code:
            assert (status.code, status.message) == (code, message)
        status.code, status.message = code, message
        return Ended(status, note, _typed(dict(reply.headers)), _typed(trailers))

    async def _json(self, method: str, request: Any, headers: dict[str, str]) -> Ended:
        verb, path = JSON_PATHS[method]
        body = json_format.MessageToJson(request).encode() if verb == "POST" else None
        reply = await ask(self._port, verb, path, body, {"content-type": "application/json", **headers})
        assert reply.header("content-type") == "application/json"
        trailing = {
            key.removeprefix("grpc-trailer-"): value for key, value in reply.headers if key.startswith("grpc-trailer-")
        }
        status = status_pb2.Status()
        note = None
        if reply.status == 200:
            note = json_format.Parse(reply.body, echo.note_class()())
        else:
            _check_error_body(reply)
            json_format.Parse(reply.body, status)
            assert reply.status == HTTP_STATUS[status.code]
        return Ended(status, note, _typed(dict(reply.headers)), _typed(trailing))


def _check_error_body(reply: Reply) -> None:
    assert list(json.loads(reply.body)) == ["code", "message", "details"]


def _decode_quads(body: bytes) -> bytes:
    return b"".join(base64.b64decode(body[start : start + 4], validate=True) for start in range(0, len(body), 4))


def _binary(text: str) -> bytes:
    assert not text.endswith("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _typed(headers: dict[str, str]) -> dict[str, str | bytes]:
    return {key: _binary(value) if key.endswith("-bin") else value for key, value in headers.items()}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(itertools.product(PROTOCOLS, SERVICERS)))
async def call(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    protocol, servicer = request.param
    gateway = Gateway(services=[(echo.service(), SERVICERS[servicer]())])
    face = protocol.split()[0]
    server = grpc_server if face == "grpc" else HTTP_FACES[face]
    async with server(gateway) as port:
        yield Driver(protocol, port)


async def test_a_message_comes_back_as_it_was_sent(call: Driver) -> None:
    note = echo.note(id="1", text="ü 😀", code=-7, inner=echo.note(text="in"))
    assert (await call("Say", note)).note == note


async def test_an_empty_message_comes_back_as_one(call: Driver) -> None:
    ended = await call("Say")
    assert (ended.status.code, ended.note) == (0, echo.note())


@pytest.mark.parametrize("code", range(1, 17))
async def test_an_abort_carries_code_message_and_trailing_metadata(call: Driver, code: int) -> None:
    ended = await call("Fail", echo.note(text="abort", code=code))
    assert (ended.status.code, ended.status.message) == (code, "aborted: 100% ü")
    assert ended.note is None
    assert ended.trailing["x-why"] == "because"


async def test_a_rich_status_arrives_whole(call: Driver) -> None:
    assert (await call("Fail", echo.note(text="rich"))).status == echo.rich_status()


async def test_a_code_that_was_set_ends_the_call_with_it(call: Driver) -> None:
    ended = await call("Fail", echo.note(text="set"))
    assert (ended.status.code, ended.status.message) == (15, "half of it")


@pytest.mark.parametrize("fault", ["raise", "none", "wrong", "crlf"])
async def test_a_faulty_servicer_is_an_internal_error_of_fixed_text(
    call: Driver, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended = await call("Fail", echo.note(text=fault))
    assert ended.status == status_pb2.Status(code=13, message="internal error")
    assert "x-bad" not in ended.trailing
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.records[0].exc_info is not None


async def test_metadata_goes_both_ways(call: Driver) -> None:
    ended = await call("Metadata", x_text="a, b", x_raw_bin="_w".replace("_", "/"))
    assert ended.note.text.splitlines() == ["x-text='a, b'", "x-raw-bin=b'\\xff'"]
    assert (ended.initial["x-initial"], ended.initial["x-initial-bin"]) == ("one", b"\xff\x00")
    assert (ended.trailing["x-trailing"], ended.trailing["x-trailing-bin"]) == ("two", b"\x01")


async def test_the_peer_is_written_as_grpcio_writes_it(call: Driver) -> None:
    assert (await call("Metadata")).note.id == "ipv4"


async def test_without_a_deadline_there_is_no_time_remaining(call: Driver) -> None:
    assert (await call("Metadata")).note.code == -1


async def test_a_deadline_is_seen_by_the_servicer(call: Driver) -> None:
    # grpcio's client rounds long timeouts up.
    assert 95 <= (await call("Metadata", grpc_timeout="100S")).note.code <= 105
