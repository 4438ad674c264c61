"""Responses of targets: good, late, too long, cut off, or not HTTP at all. `STANDARD` maps paths to them."""

import asyncio
import gzip
from collections.abc import Mapping

from tests.support.targets.exchanges import Answer, Exchange, Header, head

JSON: Header = ("content-type", "application/json")
WITHOUT_BODY = (204, 304)
CHUNKED: Header = ("transfer-encoding", "chunked")


def ok(body: bytes = b"{}", *headers: Header, status: int = 200) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(status, body, (JSON, *headers))

    return answer


def raw(data: bytes) -> Answer:
    """Return an answer that sends these bytes and closes the connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(data)
        await exchange.close()

    return answer


def raw_and_stay(data: bytes) -> Answer:
    """Return an answer that sends these bytes and keeps the connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(data)

    return answer


def repeated(start: bytes, again: bytes, *, pause: float = 0) -> Answer:
    """Return an answer that repeats these bytes until the client disconnects."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(start)
        while True:
            await exchange.send(again)
            await asyncio.sleep(pause)

    return answer


async def status(exchange: Exchange) -> None:
    """Respond with the status in the path: `/status/503`."""
    number = int(exchange.argument)
    await exchange.answer(number, b"" if number in WITHOUT_BODY else b"{}", (JSON,))


async def seconds(exchange: Exchange) -> None:
    """Respond after the delay in the path: `/seconds/0.5`."""
    await asyncio.sleep(float(exchange.argument))
    await exchange.answer(200, b"{}", (JSON,))


async def sized(exchange: Exchange) -> None:
    """Respond with a body of the size in the path: `/size/1000`."""
    await exchange.answer(200, b" " * int(exchange.argument))


async def held(exchange: Exchange) -> None:
    """Respond once the test releases the request; slow without depending on time."""
    await exchange.hold()
    await exchange.answer(200, b"{}", (JSON,))


async def echo(exchange: Exchange) -> None:
    await exchange.answer(200, exchange.received.body, (JSON,))


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def leave(exchange: Exchange) -> None:
    """Close the connection without a response, so that the client cannot know whether the request arrived."""
    await exchange.close()


async def redirect(exchange: Exchange) -> None:
    """Redirect to `/ok` of this server."""
    await exchange.answer(307, b"", (("location", "/ok"),))


async def close_after(exchange: Exchange) -> None:
    """Send a good response that promises to keep the connection, then close it."""
    await exchange.answer(200, b"{}", (JSON,))
    await exchange.close()


async def chunked(exchange: Exchange) -> None:
    await exchange.send(head(200, (JSON, CHUNKED)))
    for byte in b"{}":
        await exchange.send(b"1;extension\r\n%c\r\n" % byte)
    await exchange.send(b"0\r\ntrailer: 1\r\n\r\n")


async def half_head(exchange: Exchange) -> None:
    """Send half a head, and nothing more."""
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-")
    await exchange.hold()


async def half_body(exchange: Exchange) -> None:
    """Send half a body, and nothing more."""
    await exchange.send(head(200, (JSON, ("content-length", "2"))) + b"{")
    await exchange.hold()


STANDARD: Mapping[str, Answer] = {
    "ok": ok(),
    "echo": echo,
    "status": status,
    "size": sized,
    "empty": ok(b"", status=204),
    "chunked": chunked,
    "http10": raw(head(200, (JSON,), version="1.0") + b"{}"),
    "cookie": ok(b"{}", ("set-cookie", "a=b")),
    "invalid_json": ok(b'{"a":'),
    "gzip": ok(gzip.compress(bytes(10_000_000)), ("content-encoding", "gzip")),
    # late responses
    "hold": held,
    "seconds": seconds,
    "half_head": half_head,
    "half_body": half_body,
    "drip": repeated(head(200, (JSON, CHUNKED)), b"1\r\n \r\n", pause=0.02),
    "drip_head": repeated(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", pause=0.02),
    "continue": repeated(b"", head(100, ()), pause=0.02),
    # too long
    "endless": repeated(head(200, (JSON, CHUNKED)), b"2000\r\n" + b" " * 0x2000 + b"\r\n"),
    "endless_head": repeated(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "endless_line": repeated(b"HTTP/1.1 200 OK\r\na: ", b"b" * 1000),
    # redirects
    "redirect": redirect,
    # cut off
    "reset": reset,
    "leave": leave,
    "close_after": close_after,
    "cut_body": raw(head(200, (JSON, ("content-length", "2"))) + b"{"),
    "cut_chunk": raw(head(200, (JSON, CHUNKED)) + b"2\r\n{"),
    # not HTTP
    "garbage": raw(b"220 mail.example.com ESMTP\r\n"),
    "bad_chunk": raw(head(200, (JSON, CHUNKED)) + b"zz\r\n{}\r\n"),
    "bad_length": raw(head(200, (JSON, ("content-length", "two"))) + b"{}"),
    "two_lengths": raw(head(200, (JSON, ("content-length", "2"), ("content-length", "3"))) + b"{}"),
    "not_found": ok(b"{}", status=404),
}
"""Answers by the first segment of the path."""
