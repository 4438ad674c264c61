"""Clients that behave badly, on bare sockets: they stop in the middle of a request, leave there, or do not listen."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.support.action_service.requests import request
from tests.support.clients.http import ask
from tests.support.servers.actiond import ADMIN_TOKEN
from tests.support.wire.grpc_web import frame

RPC = "/zitadel.action.v3alpha.ActionService/CreateTarget"
PATIENCE = 60.0
"""Seconds that a client waits for the server, when the server should not make it wait."""
PADDING = 100_000
"""Bytes that make a body heavy enough for a leak of bodies to be seen."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A POST as its bytes."""

    path: str
    content_type: str
    body: bytes
    chunked: bool = False
    """Whether it leaves its length open, as a client does that makes up the body as it goes."""

    def head(self, token: str | None) -> bytes:
        """The head, and of a chunked call the size of its one chunk."""
        lines = [f"POST {self.path} HTTP/1.1", "host: x", f"content-type: {self.content_type}"]
        lines.append("transfer-encoding: chunked" if self.chunked else f"content-length: {len(self.body)}")
        if token is not None:
            lines.append(f"authorization: Bearer {token}")
        head = "\r\n".join([*lines, "", ""])
        return (f"{head}{len(self.body):x}\r\n" if self.chunked else head).encode()

    def half(self, token: str | None) -> bytes:
        """The head and half of the body."""
        return self.head(token) + self.body[: len(self.body) // 2]

    def whole(self, token: str | None) -> bytes:
        """All of it."""
        return self.head(token) + self.body + (b"\r\n0\r\n\r\n" if self.chunked else b"")


def places_for(calls: int) -> int:
    """Return the `--max-concurrent` of which one owner may take just so many places, see actiond/fairness.py."""
    return calls + (calls - 1) // 3


async def is_full(port: int) -> bool:
    """Tell whether a call of the owner that the tests call for finds no place."""
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    return (await ask(port, "GET", "/v3alpha/executions/functions", None, headers)).status == 429


def json_call(name: str, *, padding: int = PADDING, chunked: bool = False) -> HttpCall:
    """A CreateTarget as JSON, in which spaces mean nothing."""
    target = {"name": name, "restAsync": {}, "timeout": "10s", "endpoint": "https://example.com"}
    return HttpCall("/v3alpha/targets", "application/json", json.dumps(target).encode() + b" " * padding, chunked)


def web_call(name: str) -> HttpCall:
    """A CreateTarget as gRPC-Web, in which an unknown field (number 15) means nothing."""
    length = bytes([PADDING & 0x7F | 0x80, PADDING >> 7 & 0x7F | 0x80, PADDING >> 14])
    message = request(name).SerializeToString() + b"\x7a" + length + b" " * PADDING
    return HttpCall(RPC, "application/grpc-web+proto", frame(message))


_KINDS: tuple[Callable[[str], HttpCall], ...] = (json_call, web_call, partial(json_call, chunked=True))


def http_call(number: int, name: str) -> HttpCall:
    """Every kind in turns."""
    return _KINDS[number % len(_KINDS)](f"{name} {number}")


class Connection:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, first: bytes = b"") -> "Connection":
        """Connects and sends."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        await connection.send(first)
        return connection

    async def send(self, data: bytes) -> None:
        """Returns when the kernel has all of it, so that no leaving takes it back."""
        self._writer.transport.set_write_buffer_limits(0)
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """The answer's HTTP status and body."""
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode().lower().split("\r\n")
            [length] = [line.partition(":")[2] for line in lines if line.startswith("content-length:")]
            return int(status.split()[1]), await self._reader.readexactly(int(length))

    async def until_closed(self) -> bytes:
        """What else comes until the server ends the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read()

    async def leave(self) -> None:
        """FIN, as an orderly program does."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def break_off(self) -> None:
        """RST, as a program does that was killed with unread data, or a middlebox."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        await asyncio.sleep(0)


async def all_at_once(count: int, client: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """So many clients. The first that fails ends them all, and the test."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(client(number))
