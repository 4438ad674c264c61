"""A client that speaks HTTP/2 and sends any fields and bodies: requests of every protocol, native gRPC's among them."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.fuzz import refusals
from tests.fuzz.cases.frames import frame
from tests.fuzz.cases.inputs import GrpcInput, HttpInput, Quirk
from tests.fuzz.due import essence
from tests.fuzz.readings import require
from tests.fuzz.senders.answers import Answer, GrpcAnswer, HttpAnswer, ServersOwn
from tests.fuzz.senders.http1 import PATIENCE, NotHttpError, Open
from tests.fuzz.senders.memory import Writer

Fields = list[tuple[bytes, bytes]]

_CONFIG = h2.config.H2Configuration(
    client_side=True,
    header_encoding=None,
    # What is sent is as wrong as the case wants it. What comes is checked.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
_UNITS = ((1e-9, "n"), (1e-6, "u"), (1e-3, "m"), (1, "S"), (60, "M"), (3600, "H"))
_MAX_TIMEOUT = 10**8
_NOT_METADATA = (b":status", b"content-type", b"grpc-status", b"grpc-message", b"grpc-accept-encoding")


@dataclass(slots=True)
class Exchange:
    """What came on a stream."""

    head: Fields = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    trailers: Fields = field(default_factory=list)
    reset: int | None = None
    """The code of RST_STREAM, if the stream ended so before the response did."""


class Http2Connection:
    """One connection, kept for as many requests as the server lets it live."""

    def __init__(self, to: int | Open) -> None:
        """Take the port of a server on this machine, or what opens a connection."""
        self._open_connection: Open = to if callable(to) else partial(asyncio.open_connection, "127.0.0.1", to)
        self._h2: h2.connection.H2Connection | None = None
        self._reader: asyncio.StreamReader
        self._writer: Writer

    async def _open(self) -> h2.connection.H2Connection:
        if self._h2 is None or self._reader.at_eof():
            await self.close()
            self._reader, self._writer = await self._open_connection()
            self._h2 = h2.connection.H2Connection(_CONFIG)
            self._h2.initiate_connection()
        return self._h2

    async def close(self) -> None:
        if self._h2 is not None:
            self._h2 = None
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def _flush(self) -> None:
        if self._h2 is not None and (data := self._h2.data_to_send()):
            self._writer.write(data)

    async def exchange(self, head: Fields, parts: Sequence[bytes]) -> Exchange:
        """Send a request, and return what comes until its stream ends."""
        async with asyncio.timeout(PATIENCE):
            stream = await self._send(head, parts, ends=True)
            self._flush()
            return await self._receive(stream)

    async def leave(self, head: Fields, parts: Sequence[bytes], *, ends: bool) -> None:
        """Send a request and the reset of its stream: at once if its body does not end, else when it has arrived."""
        async with asyncio.timeout(PATIENCE):
            stream = await self._send(head, parts, ends=ends)
            if ends:
                self._flush()
                await self._writer.drain()
            if self._h2 is not None:
                with suppress(h2.exceptions.StreamClosedError):
                    self._h2.reset_stream(stream, 8)
                self._flush()
                await self._writer.drain()

    async def _send(self, head: Fields, parts: Sequence[bytes], *, ends: bool) -> int:
        client = await self._open()
        stream = client.get_next_available_stream_id()
        sent = [part for part in parts if part]
        client.send_headers(stream, head, end_stream=ends and not sent)
        for index, part in enumerate(sent):
            if ends:
                self._flush()
            is_last = ends and index == len(sent) - 1
            if not self._send_part(client, stream, part, is_last=is_last):
                break
        return stream

    def _send_part(self, client: h2.connection.H2Connection, stream: int, part: bytes, *, is_last: bool) -> bool:
        rest = part
        while rest:
            size = min(len(rest), client.max_outbound_frame_size, client.local_flow_control_window(stream))
            if size <= 0:
                return False  # the request is larger than anything is read of: the response is there
            data, rest = rest[:size], rest[size:]
            client.send_data(stream, data, end_stream=is_last and not rest)
        return True

    async def _receive(self, stream: int) -> Exchange:
        came = Exchange()
        has_ended = False
        while not has_ended:
            data = await self._reader.read(65536)
            if not data or self._h2 is None:
                raise NotHttpError(f"hung up in the middle of {came}")
            try:
                events = self._h2.receive_data(data)
            except h2.exceptions.ProtocolError as error:
                raise NotHttpError(f"{error!r} after {came}") from None
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    raise NotHttpError(f"GOAWAY {event.error_code} {event.additional_data!r}")
                if getattr(event, "stream_id", None) == stream:
                    has_ended |= self._take(event, came)
            self._flush()
        return came

    def _take(self, event: Any, came: Exchange) -> bool:
        """Add an event to what came. Return whether it was the last."""
        match event:
            case h2.events.ResponseReceived():
                came.head = list(event.headers)
            case h2.events.DataReceived():
                came.parts.append(event.data)
                if self._h2 is not None and event.flow_controlled_length:
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                came.trailers = list(event.headers)
            case h2.events.StreamReset():
                came.reset = int(event.error_code)
                return True
            case h2.events.StreamEnded():
                return True
        return False


async def http(connection: Http2Connection, request: HttpInput) -> Answer | None:
    """The answer to a request; None if the client left before there was one."""
    head = [
        (b":method", request.method.encode()),
        (b":scheme", b"http"),
        (b":path", request.target),
        (b":authority", b"x"),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers if name != "host"),
    ]
    if request.body and not request.has(Quirk.CHUNKED):
        head.append((b"content-length", b"%d" % len(request.body)))
    if not request.stays:
        await connection.leave(head, request.parts(), ends=not request.leaves)
        return None
    came = await connection.exchange(head, request.parts())
    if came.reset is not None or refusals.is_malformed(request):
        require(refusals.is_malformed(request), "a stream is reset whose request is malformed", came)
        require(came.reset == refusals.PROTOCOL_ERROR, "a malformed request is not served", came)
        return ServersOwn(refusals.PROTOCOL_ERROR)
    if _is_grpc(request):
        # Another protocol than the case is of. What it says of itself is all that is known of its end.
        require(0 <= _ended(came).code <= 16, "a call ends with a code from 0 to 16", came)
        return ServersOwn(int(came.head[0][1]))
    status, *fields = came.head
    require(status[0] == b":status" and not came.trailers, "a response has one head", came)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)
    return refusals.checked(request, HttpAnswer(int(status[1]), headers, tuple(came.parts)), over_http2=True)


async def grpc(connection: Http2Connection, request: GrpcInput) -> Answer | None:
    """The end of a call over native gRPC; None if it was cancelled before."""
    head = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", request.path.encode("utf-8", "surrogateescape")),
        (b":authority", b"x"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *((b"grpc-timeout", _timeout(seconds)) for seconds in (request.timeout,) if seconds is not None),
        *(_field(key, value) for key, value in request.metadata if key not in {"grpc-timeout", "te"}),
    ]
    parts = [frame(message) for message in request.messages]
    if request.leaves:
        await connection.leave(head, parts, ends=True)
        return None
    came = await connection.exchange(head, parts)
    require(dict(came.head).get(b":status") == b"200", "a call's HTTP status is 200", came)
    return _ended(came)


def _is_grpc(request: HttpInput) -> bool:
    """Whether the listener speaks native gRPC with it: by the content type, which over HTTP/1.1 means nothing."""
    kind = essence((request.values("content-type") or [""])[0])
    is_answered = request.method == "POST" or bool(refusals.http2(request))
    return is_answered and kind.startswith("application/grpc") and not kind.startswith("application/grpc-web")


def _ended(came: Exchange) -> GrpcAnswer:
    """What came, as the end of a call over native gRPC."""
    require(came.reset is None, "a call ends with trailers", came)
    ending = came.trailers or came.head
    codes = [int(value) for name, value in ending if name == b"grpc-status"]
    require(len(codes) == 1, "a call has one status", came)
    text = unquote(dict(ending).get(b"grpc-message", b"").decode("ascii"), errors="strict")
    initial = _metadata(came.head) if came.trailers else ()
    return GrpcAnswer(_messages(b"".join(came.parts)), codes[0], text, initial, _metadata(ending))


def _timeout(seconds: float) -> bytes:
    # A client sends none that has passed.
    unit, letter = next((unit, letter) for unit, letter in _UNITS if seconds / unit < _MAX_TIMEOUT)
    return b"%d%s" % (max(1, seconds / unit), letter.encode())


def _field(key: str, value: str | bytes) -> tuple[bytes, bytes]:
    if isinstance(value, bytes):
        return key.encode(), base64.b64encode(value).rstrip(b"=")
    return key.encode(), value.encode()


def _metadata(fields: Fields) -> tuple[tuple[str, str | bytes], ...]:
    pairs: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        if name.endswith(b"-bin"):
            require(not value.endswith(b"="), "base64 is emitted unpadded", value)
            pairs.append((name.decode(), base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)))
        elif name not in _NOT_METADATA:
            pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    return tuple(pairs)


def _messages(body: bytes) -> tuple[bytes, ...]:
    messages = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        require(body[0] == 0 and len(body) >= 5 + size, "a body is frames that are not compressed", body)
        messages.append(body[5 : 5 + size])
        body = body[5 + size :]
    return tuple(messages)
