"""A client that sends what it is told to the letter and takes nothing but well-formed HTTP/1.1 for an answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress

import h11

from tests.support.clients.http import Reply

Headers = Sequence[tuple[str, str]]

_SECONDS = 15


async def exchange(port: int, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Reply:
    """One request, and its whole answer. The body's length goes along unless the headers say how it is framed."""
    client = h11.Connection(h11.CLIENT)
    return await _reply(client, port, [_head(client, method, target, headers, body), *_body(client, [body])])


async def in_parts(port: int, target: str, headers: Headers, parts: Iterable[bytes]) -> Reply:
    """A POST whose body is sent part by part, each a chunk of HTTP's."""
    client = h11.Connection(h11.CLIENT)
    head = _head(client, "POST", target, [*headers, ("transfer-encoding", "chunked")], b"")
    return await _reply(client, port, [head, *_body(client, parts)])


async def half_sent(port: int, target: str, headers: Headers, body: bytes) -> Reply:
    """A POST of whose body the second half never comes."""
    client = h11.Connection(h11.CLIENT)
    head = _head(client, "POST", target, headers, body)
    return await _reply(client, port, [head, body[: len(body) // 2]])


async def pieces(port: int, method: str, target: str, headers: Headers = (), body: bytes = b"") -> AsyncIterator[bytes]:
    """One request, and the bytes of its answer's body as they come in."""
    client = h11.Connection(h11.CLIENT)
    sent = [_head(client, method, target, headers, body), *_body(client, [body])]
    async for event in _events(client, port, sent):
        if isinstance(event, h11.Data):
            yield bytes(event.data)


def _head(client: h11.Connection, method: str, target: str, headers: Headers, body: bytes) -> bytes:
    lines = [("host", "localhost"), ("connection", "close"), *headers]
    if body and not {"content-length", "transfer-encoding"}.intersection(name.lower() for name, _ in lines):
        lines.append(("content-length", str(len(body))))
    return client.send(h11.Request(method=method, target=target, headers=lines)) or b""


def _body(client: h11.Connection, parts: Iterable[bytes]) -> list[bytes]:
    sent = [client.send(h11.Data(data=part)) or b"" for part in parts if part]
    return [*sent, client.send(h11.EndOfMessage()) or b""]


async def _reply(client: h11.Connection, port: int, sent: Iterable[bytes]) -> Reply:
    reply = Reply(0, [], b"")
    async with asyncio.timeout(_SECONDS):
        async for event in _events(client, port, sent):
            if isinstance(event, h11.Response):
                headers = [(name.decode("ascii"), value.decode("ascii")) for name, value in event.headers]
                reply = Reply(event.status_code, headers, b"")
            elif isinstance(event, h11.Data):
                reply = Reply(reply.status, reply.headers, reply.body + bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                # No protocol here has anything to say in HTTP's own trailers (gw067).
                assert not event.headers
    return reply


async def _events(client: h11.Connection, port: int, sent: Iterable[bytes]) -> AsyncIterator[h11.Event]:
    # Not a stream of asyncio's: when it cannot write, it does not read any more either.
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setblocking(False)
        with suppress(ConnectionError):  # a server may respond, and close, before it has read everything
            for part in sent:
                await loop.sock_sendall(connection, part)
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                client.receive_data(await loop.sock_recv(connection, 65536))
                continue
            assert isinstance(event, h11.Event)
            yield event
            if isinstance(event, h11.EndOfMessage):
                # Nothing follows, such as the body of an answer to HEAD.
                assert client.trailing_data[0] == b""
                with suppress(ConnectionError):
                    assert await loop.sock_recv(connection, 65536) == b""
                return
