"""Misuses a server in one of several ways, until it is killed: `python -m bench.misuser KIND HTTP_PORT GRPC_PORT`."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count

from bench.calls import LIST_SERVICES
from bench.executions import MANY_EXECUTIONS
from bench.http2 import END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame
from bench.requests import JSON_PATH, JSON_TYPE
from bench.subjects import post

HELD = LIST_SERVICES
"""The method whose calls of the misusing owner wait for a target."""
KINDS: Mapping[str, str] = {
    "silent": "strangers open connections and say nothing, or half a head",
    "unread": "strangers ask for large responses and read none of them",
    "held": "another owner makes more calls that wait for a target than it may",
    "updates": "another owner changes a target of its own all the time",
    "lists": "another owner lists its targets by many filters all the time",
}

_OWNER = {"authorization": f"Bearer {MANY_EXECUTIONS}"}
_SILENT, _UNREAD, _HELD = 2_000, 50, 4_000
_AT_ONCE = 100
_TARGETS = 300
_DOCUMENT = b"\x82\x86\x04\x0d/openapi.json\x41\x01x"
"""GET, http, the path and the authority (RFC 7541, appendix A)."""
_NO_WINDOW = b"\0\4\0\0\0\0"
"""SETTINGS_INITIAL_WINDOW_SIZE of 0."""


async def _hold(port: int, sent: bytes) -> None:
    """Send something on a connection, read nothing, and do it again whenever the server closes it."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a Transport
            writer.write(sent)
            while not writer.transport.is_closing():
                await asyncio.sleep(1)
                writer.write(b"")
        await asyncio.sleep(1)


async def _ask_on(port: int, next_request: Callable[[], bytes], pause: float = 0.0) -> None:
    """Make one call after the other on one connection, whatever the responses are."""
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(next_request())
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(pause)
        await asyncio.sleep(0.1)


async def _made(port: int, name: str) -> str:
    """Create a target of the misusing owner, and return its id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    target = {"name": name, "restWebhook": {}, "timeout": "1s", "endpoint": "https://example.com/hook"}
    writer.write(post(JSON_PATH, {**JSON_TYPE, **_OWNER, "connection": "close"}, json.dumps(target).encode()))
    response = await reader.read()
    writer.close()
    return str(json.loads(response.partition(b"\r\n\r\n")[2])["id"])


async def _silent(http_port: int, grpc_port: int) -> list[Awaitable[None]]:
    sent = (b"", b"GET / HTTP/1.1\r\n", PREFACE)
    return [_hold((http_port, grpc_port)[number % 2], sent[number % 3]) for number in range(_SILENT)]


async def _unread(_http_port: int, grpc_port: int) -> list[Awaitable[None]]:
    streams = (frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, _DOCUMENT) for n in range(_AT_ONCE))
    sent = PREFACE + frame(SETTINGS, 0, 0, _NO_WINDOW) + b"".join(streams)
    return [_hold(grpc_port, sent) for _ in range(_UNREAD)]


async def _held(http_port: int, _grpc_port: int) -> list[Awaitable[None]]:
    request = post("/v3alpha/executions/services", _OWNER, b"", "GET")
    return [_ask_on(http_port, lambda: request, pause=1.0) for _ in range(_HELD)]


async def _updates(http_port: int, _grpc_port: int) -> list[Awaitable[None]]:
    target, numbers = await _made(http_port, "changed"), count(1)

    def next_request() -> bytes:
        body = json.dumps({"timeout": f"{next(numbers)}s"}).encode()
        return post(f"{JSON_PATH}/{target}", {**JSON_TYPE, **_OWNER}, body, "PUT")

    return [_ask_on(http_port, next_request, pause=0.01)]


async def _lists(http_port: int, _grpc_port: int) -> list[Awaitable[None]]:
    for number in range(_TARGETS):
        await _made(http_port, f"{'listed ' * 20}{number}")
    method = "TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE"
    names = ("listed " * n for n in range(1, 20))
    filters = [{"targetNameQuery": {"targetName": name, "method": method}} for name in names]
    request = post(f"{JSON_PATH}/search", {**JSON_TYPE, **_OWNER}, json.dumps({"queries": filters}).encode())
    return [_ask_on(http_port, lambda: request, pause=0.01) for _ in range(3)]


_MISUSES = {"silent": _silent, "unread": _unread, "held": _held, "updates": _updates, "lists": _lists}


async def _main(kind: str, http_port: int, grpc_port: int) -> None:
    misuses = [asyncio.ensure_future(each) for each in await _MISUSES[kind](http_port, grpc_port)]
    await asyncio.sleep(2)
    print("begun", flush=True)
    await asyncio.gather(*misuses)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
