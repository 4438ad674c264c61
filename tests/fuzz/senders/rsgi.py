"""A gateway's RSGI face, called as granian calls it."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # documented, but not in its __all__

from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.senders.answers import HttpAnswer


def scope_of(request: HttpInput) -> Any:
    """granian's scope: the path comes decoded, and header values outside ASCII do not come at all."""
    pairs = [(name, value) for name, value in request.framed() if value.isascii()]
    return SimpleNamespace(
        proto="http",
        http_version="1.1",
        rsgi_version="1.5",
        server="127.0.0.1:80",
        client="127.0.0.1:50000",
        scheme="http",
        method=request.method,
        path=unquote(request.path.decode("latin-1"), "utf-8", "replace"),
        query_string=request.query.decode("utf-8", "replace"),
        authority=None,
        headers=SimpleNamespace(
            items=lambda: pairs, keys=lambda: [name for name, _ in pairs], get=dict(reversed(pairs)).get
        ),
    )


class _Protocol:
    """granian's protocol object, and the transport of a stream at the same time."""

    def __init__(self, request: HttpInput) -> None:
        self._request = request
        self._head: tuple[int, list[tuple[str, str]]] | None = None
        self._sent: list[bytes] = []
        self._ended = asyncio.Event()
        self.faults: list[str] = []

    async def __call__(self) -> bytes:
        await asyncio.sleep(0)
        if self._request.leaves:
            raise ProtocolClosed
        return self._request.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._request.parts():
            await asyncio.sleep(0)
            yield part
        # The end of a body is one empty chunk; of one that was cut short, two.
        for _ in range(1 + self._request.leaves):
            yield b""

    async def client_disconnect(self) -> None:
        if self._request.stays:
            await self._ended.wait()

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    def response_str(self, status: int, headers: list[tuple[str, str]], body: str) -> None:
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.response_stream(status, headers)
        self._sent.append(body)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "_Protocol":
        if self._head is not None:
            self.faults.append("answered twice")
        self._head = status, headers
        return self

    async def send_bytes(self, data: bytes) -> None:
        if not self._request.stays:
            raise ProtocolClosed
        self._sent.append(data)

    async def send_str(self, data: str) -> None:
        await self.send_bytes(data.encode())

    def end(self) -> HttpAnswer | None:
        self._ended.set()
        if self._head is None and self._request.stays:
            self.faults.append("returned without an answer")
        if self._head is None or not self._request.stays:
            return None
        # granian itself leaves out what an answer to HEAD must not have.
        sent = () if self._request.method == "HEAD" else tuple(self._sent)
        return HttpAnswer(self._head[0], tuple(self._head[1]), sent)


async def call(application: Any, request: HttpInput) -> HttpAnswer | None:
    """The answer; None if the client had left before there was one. Raises AssertionError for a misuse of RSGI."""
    protocol = _Protocol(request)
    await application.__rsgi__(scope_of(request), protocol)
    answer = protocol.end()
    assert not protocol.faults, protocol.faults
    return answer
