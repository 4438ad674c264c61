"""A client of HTTP/2 that shows every frame and sends any. It checks nothing and keeps no rule by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.clients.http1_client import reset

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INITIAL_WINDOW = 65_535
MAX_FRAME = 16_384
PATIENCE = 10.0

Fields = Sequence[tuple[str, str]]


def head(method: str = "GET", path: str = "/", *fields: tuple[str, str], authority: str = "localhost") -> Fields:
    """Return the fields of a request."""
    return [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path), *fields]


def grpc_head(path: str, *fields: tuple[str, str]) -> Fields:
    return head("POST", path, ("content-type", "application/grpc"), ("te", "trailers"), *fields)


@dataclass(slots=True)
class Stream:
    """What the server has sent on a stream."""

    blocks: list[dict[str, str]] = field(default_factory=list)
    """Blocks of fields: informational responses, the head, trailers."""
    body: bytearray = field(default_factory=bytearray)
    has_ended: bool = False
    reset: int | None = None
    """The error code of RST_STREAM."""
    order: list[str] = field(default_factory=list)
    """Names of the frames."""
    window: int = INITIAL_WINDOW
    """How many bytes of the request's body the server still takes."""

    @property
    def status(self) -> int:
        return int(self.blocks[0][":status"])

    @property
    def is_over(self) -> bool:
        return self.has_ended or self.reset is not None


class Http2Client:
    """The frames of one connection, without a socket."""

    def __init__(self, settings: Mapping[int, int] | None = None, *, opens_windows: bool = True) -> None:
        """Begin: preface and SETTINGS. Windows are opened as data arrives, unless that is not wanted."""
        self.out = bytearray(PREFACE + SettingsFrame(0, settings=dict(settings or {})).serialize())
        self.streams: dict[int, Stream] = {}
        self.settings: dict[int, int] = {}
        self.settings_acks = 0
        self.pings = 0
        self.pongs = 0
        self.goaways: list[tuple[int, int]] = []
        """Last stream and error code of every GOAWAY."""
        self.window = INITIAL_WINDOW
        """How many bytes of request bodies the server still takes."""
        self.opens_windows = opens_windows
        self.answers_pings = True
        self.has_ended = False
        """Whether the server has closed the connection."""
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder(max_header_list_size=2**24)
        self._next = 1
        self._in = bytearray()
        self._block = b""

    # Sending.

    def frame(self, frame: Frame) -> None:
        """Send any frame."""
        self.out += frame.serialize()

    def encode(self, fields: Fields) -> bytes:
        return self._encoder.encode(fields, huffman=False)  # whose Huffman code takes long

    def request(self, fields: Fields, *, end: bool = True) -> int:
        """Send a request's head, in CONTINUATION frames too if it is long."""
        stream, self._next = self._next, self._next + 2
        self.streams[stream] = Stream(window=self.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, INITIAL_WINDOW))
        self.fields(stream, fields, end=end)
        return stream

    def fields(self, stream: int, fields: Fields, *, end: bool) -> None:
        """Send a block of fields on a stream: trailers, unless it is the first one."""
        block = self.encode(fields)
        pieces = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)] or [b""]
        for number, piece in enumerate(pieces):
            flags = ["END_HEADERS"] if number == len(pieces) - 1 else []
            if number == 0:
                self.frame(HeadersFrame(stream, piece, flags=[*flags, *(["END_STREAM"] if end else [])]))
            else:
                self.out += len(piece).to_bytes(3) + bytes([9, 4 if flags else 0]) + stream.to_bytes(4) + piece

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send bytes of a body, whatever the windows are."""
        pieces = [data[at : at + MAX_FRAME] for at in range(0, len(data), MAX_FRAME)] or [b""]
        for number, piece in enumerate(pieces):
            is_last = end and number == len(pieces) - 1
            self.frame(DataFrame(stream, piece, flags=["END_STREAM"] if is_last else []))
        self.window -= len(data)
        self.streams[stream].window -= len(data)

    def room(self, stream: int) -> int:
        """Return how many bytes of a body the server takes now."""
        return min(self.window, self.streams[stream].window)

    def reset(self, stream: int, code: int = 8) -> None:
        self.frame(RstStreamFrame(stream, code))

    def ping(self) -> None:
        self.frame(PingFrame(0, b"pingpong"))

    def open_window(self, stream: int, size: int) -> None:
        """Let the server send more: on a stream, or, for 0, on the connection."""
        self.frame(WindowUpdateFrame(stream, size))

    # Receiving.

    def receive(self, data: bytes) -> None:
        self._in += data
        while len(self._in) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(bytes(self._in[:9])))
            if len(self._in) < 9 + size:
                return
            frame.parse_body(memoryview(bytes(self._in[9 : 9 + size])))
            del self._in[: 9 + size]
            self._receive(frame)

    def _receive(self, frame: Frame) -> None:
        stream = self.streams.get(frame.stream_id)
        if frame.type in {1, 9}:
            self._take_block(frame)
        elif stream is not None:
            self._receive_on_stream(stream, frame)
        elif frame.stream_id == 0:
            self._receive_on_connection(frame)
        if stream is not None:
            stream.order.append(type(frame).__name__.removesuffix("Frame"))

    def _receive_on_stream(self, stream: Stream, frame: Frame) -> None:
        match frame:
            case WindowUpdateFrame():
                stream.window += frame.window_increment
            case RstStreamFrame():
                stream.reset = frame.error_code
            case DataFrame():
                stream.body += frame.data
                stream.has_ended |= "END_STREAM" in frame.flags
                if self.opens_windows and frame.flow_controlled_length:
                    self.open_window(0, frame.flow_controlled_length)
                    self.open_window(frame.stream_id, frame.flow_controlled_length)

    def _receive_on_connection(self, frame: Frame) -> None:
        match frame:
            case SettingsFrame() if "ACK" in frame.flags:
                self.settings_acks += 1
            case SettingsFrame():
                self._take_settings(frame.settings)
            case PingFrame() if "ACK" in frame.flags:
                self.pongs += 1
            case PingFrame():
                self.pings += 1
                if self.answers_pings:
                    self.frame(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            case GoAwayFrame():
                self.goaways.append((frame.last_stream_id, frame.error_code))
            case WindowUpdateFrame():
                self.window += frame.window_increment

    def _take_settings(self, settings: Mapping[int, int]) -> None:
        before = self.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, INITIAL_WINDOW)
        self.settings |= settings
        for stream in self.streams.values():
            stream.window += self.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, INITIAL_WINDOW) - before
        self.frame(SettingsFrame(0, flags=["ACK"]))

    def _take_block(self, frame: Frame) -> None:
        stream = self.streams.get(frame.stream_id)
        if frame.type == 1 and stream is not None:
            stream.has_ended |= "END_STREAM" in frame.flags
        self._block += frame.data  # type: ignore[attr-defined]  # HEADERS and CONTINUATION have data
        if "END_HEADERS" in frame.flags:
            fields = self._decoder.decode(self._block, raw=True)
            self._block = b""
            if stream is not None:
                stream.blocks.append({name.decode(): value.decode("latin-1") for name, value in fields})


class Http2Connection(Http2Client):
    """The same over a socket."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: Mapping[int, int] | None = None,
        *,
        opens_windows: bool = True,
    ) -> None:
        super().__init__(settings, opens_windows=opens_windows)
        self._reader = reader
        self._writer = writer

    def flush(self) -> None:
        """Send what was written, as far as the server takes it. Raises ConnectionError if it takes nothing."""
        if self.out:
            if self._writer.is_closing():  # uvloop raises RuntimeError
                raise ConnectionResetError
            self._writer.write(bytes(self.out))
            self.out.clear()

    async def drain(self) -> None:
        """Send what was written, and wait until the kernel has taken it."""
        self.flush()
        await asyncio.wait_for(self._writer.drain(), PATIENCE)

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Send what was written, and read until the condition holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                assert not self.has_ended, "the server has closed the connection"
                await self.turn()

    async def turn(self) -> None:
        """Send what was written, and read once."""
        self.flush()
        try:
            data = await self._reader.read(2**16)
        except ConnectionError:
            data = b""
        if data:
            self.receive(data)
        else:
            self.has_ended = True

    async def until_closed(self, seconds: float = PATIENCE) -> None:
        """Read until the server closes the connection."""
        async with asyncio.timeout(seconds):
            while not self.has_ended:
                await self.turn()

    async def response(self, stream: int) -> Stream:
        """Read until a stream is over, and return it."""
        await self.until(lambda: self.streams[stream].is_over)
        return self.streams[stream]

    async def get(self, path: str = "/healthz") -> Stream:
        return await self.response(self.request(head("GET", path)))

    async def upload(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """Send a body as the windows allow it, until the stream is over."""
        state = self.streams[stream]
        while data and not state.is_over:
            await self.until(lambda: state.is_over or self.room(stream) > 0)
            size = min(self.room(stream), len(data))
            if size > 0 and not state.is_over:
                self.data(stream, data[:size], end=end and size == len(data))
                data = data[size:]
        await self.drain()

    def leave(self) -> None:
        """End the connection at once, by a TCP reset."""
        reset(self._writer)


@asynccontextmanager
async def connect(
    port: int,
    settings: Mapping[int, int] | None = None,
    *,
    opens_windows: bool = True,
    receive_buffer: int | None = None,
) -> AsyncIterator[Http2Connection]:
    """Open a connection. With `receive_buffer`, the kernel keeps about that much of what is not read."""
    limit = 2**16 if receive_buffer is None else receive_buffer
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    client = Http2Connection(reader, writer, settings, opens_windows=opens_windows)
    client.flush()
    try:
        yield client
    finally:
        # And not close: what the server does not take would hold up the end of the loop.
        writer.transport.abort()
