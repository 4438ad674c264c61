"""A gateway's ASGI face, called as an ASGI server calls it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.senders.answers import HttpAnswer

Application = Callable[
    [dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


def scope_of(request: HttpInput) -> dict[str, Any]:
    """The connection scope, of the ASGI specification's HTTP part."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path.decode("latin-1"), "utf-8", "replace"),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.framed()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }
    if request.has(Quirk.NO_RAW_PATH):
        del scope["raw_path"]
    if request.has(Quirk.NO_PEER):
        scope["client"] = None
    return scope


class _Connection:
    """One request and its answer: `receive`, `send`, and what was wrong with the use of them."""

    def __init__(self, request: HttpInput) -> None:
        self._request = request
        self._parts = request.parts()
        self._ended = asyncio.Event()
        self._closed = False
        self._start: dict[str, Any] | None = None
        self._sent: list[bytes] = []
        self.faults: list[str] = []

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts) or self._request.leaves}
        if self._request.stays:
            await self._ended.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if not self._request.stays and not self._parts and self._request.has(Quirk.SEND_RAISES):
            raise OSError("the client has left")
        expected = "http.response.body" if self._start is not None else "http.response.start"
        if message["type"] != expected or self._closed:
            self.faults.append(f"sent {message['type']} where {expected} was due, closed: {self._closed}")
        elif self._start is None:
            self._start = message
        else:
            self._sent.append(message.get("body", b""))
            self._closed = not message.get("more_body", False)

    def end(self) -> HttpAnswer | None:
        self._ended.set()
        if not self._request.stays and not self._closed:
            return None
        if self._start is None or not self._closed:
            self.faults.append("returned without a whole answer")
            return None
        names = [name for name, _ in self._start["headers"]]
        if names != [name.lower() for name in names]:
            self.faults.append(f"header names that are not in lower case: {names}")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start["headers"])
        return HttpAnswer(self._start["status"], headers, tuple(self._sent))


async def call(application: Application, request: HttpInput) -> HttpAnswer | None:
    """The answer; None if the client had left before there was one. Raises AssertionError for a misuse of ASGI."""
    connection = _Connection(request)
    await application(scope_of(request), connection.receive, connection.send)
    answer = connection.end()
    assert not connection.faults, connection.faults
    return answer
