"""A client on a bare socket that says exactly what it is told to say, and takes no answer that is not HTTP/1.1."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

import h11

from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.senders.answers import HttpAnswer
from tests.fuzz.senders.memory import Writer

PATIENCE = 10.0
"""Seconds for an answer; on a busy machine, and far from never."""


class NotHttpError(AssertionError):
    """The server said something that is not HTTP, or stopped in the middle of it."""


Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, Writer]]]


def written(request: HttpInput) -> bytes:
    """The request as its bytes: all of them, or of one whose client leaves all but the last part of the body."""
    return b"".join(pieces(request))


def pieces(request: HttpInput) -> list[bytes]:
    """The same in the pieces in which it is sent: the head with the first part of the body, then every other part."""
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.target)]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in request.framed()]
    head = b"\r\n".join([*lines, b"", b""])
    parts = request.parts()
    if request.body and request.has(Quirk.CHUNKED):
        parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part]
        parts += [] if request.leaves else [b"0\r\n\r\n"]
    return [head + b"".join(parts[:1]), *parts[1:]]


class Connection:
    """One connection, kept for as many calls as the server lets it live."""

    def __init__(self, to: int | Open) -> None:
        """Take the port of a server on this machine, or what opens a connection."""
        self._open_connection: Open = to if callable(to) else partial(asyncio.open_connection, "127.0.0.1", to)
        self._in_pieces = callable(to)
        self._reader: asyncio.StreamReader | None = None
        self._writer: Writer | None = None
        self._is_fresh = True

    async def _open(self) -> tuple[asyncio.StreamReader, Writer]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            await self.close()
            self._reader, self._writer = await self._open_connection()
            self._is_fresh = True
        return self._reader, self._writer

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None

    async def call(self, request: HttpInput) -> HttpAnswer | None:
        """The answer; None if the client left before there was one."""
        try:
            return await self._call(request)
        except (NotHttpError, OSError):
            # A server may close a kept connection whenever it likes, and the client learns of it only now.
            if self._is_fresh:
                raise
        await self.close()
        return await self._call(request)

    async def _call(self, request: HttpInput) -> HttpAnswer | None:
        reader, writer = await self._open()
        # Over a socket at once: what is written after the server has closed takes its answer away.
        for piece in pieces(request) if self._in_pieces else [written(request)]:
            writer.write(piece)
        if not request.stays:
            await writer.drain()
            await self.close()
            return None
        answer, keeps = await asyncio.wait_for(answer_of(reader, request.method), PATIENCE)
        self._is_fresh = False
        if not keeps:
            await self.close()
        return answer

    async def blurt(self, data: bytes) -> list[int]:
        """Says anything at all and then no more. The statuses of the answers, all of which must be HTTP."""
        await self.close()
        reader, writer = await self._open()
        with suppress(OSError):
            writer.write(data)
            writer.write_eof()
        received = b""
        with suppress(OSError):
            received = await asyncio.wait_for(reader.read(-1), PATIENCE)
        await self.close()
        return list(_statuses(received))


def _client(method: str) -> h11.Connection:
    """h11 as a client that has sent a request of this method: it must know it to know where the answer ends."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    return client


async def answer_of(reader: asyncio.StreamReader, method: str) -> tuple[HttpAnswer, bool]:
    """The answer, and whether the connection lives on."""
    client = _client(method)
    head: h11.Response | None = None
    parts: list[bytes] = []
    is_inside = False
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError as error:
            raise NotHttpError(f"{error}, after {head}, {parts}") from None
        match event:
            case h11.NEED_DATA:
                client.receive_data(await reader.read(65536))
            case h11.Response():
                head = event
            case h11.Data():
                # A chunk is what was flushed at once; h11 may hand it over in several pieces.
                parts[-1:] = [parts[-1] + event.data] if is_inside else [*parts[-1:], bytes(event.data)]
                is_inside = not event.chunk_end
            case h11.EndOfMessage() if head is not None:
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in head.headers)
                return HttpAnswer(head.status_code, headers, tuple(parts)), client.their_state is h11.DONE
            case h11.ConnectionClosed():
                raise NotHttpError(f"hung up without an answer, after {head}")


def _statuses(received: bytes) -> Iterator[int]:
    """Of the answers to requests of unknown methods, each of them HTTP.

    The last may be cut short: who has said that he will say no more counts as gone with some servers.
    """
    rest = received
    while rest:
        client = _client("GET")
        client.receive_data(rest)
        event: object = None
        while not isinstance(event, h11.EndOfMessage):
            try:
                event = client.next_event()
            except h11.RemoteProtocolError as error:
                raise NotHttpError(f"{error}: {received!r}") from None
            if event is h11.NEED_DATA:
                return
            if isinstance(event, h11.Response):
                yield event.status_code
        rest = client.trailing_data[0]
