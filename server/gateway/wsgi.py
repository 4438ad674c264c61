"""The WSGI face: for any WSGI server. The call runs on an event loop of the gateway's own, on a thread beside.

The raw path is taken from `RAW_URI` or `REQUEST_URI` where the server gives one; else the path counts as decoded.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from server.gateway.http import Headers, HttpRequest, HttpResponse, cut_short, too_large

Environ = dict[str, Any]
StartResponse = Callable[[str, Headers], object]


class WsgiApplication:
    """A WSGI application (PEP 3333). One event loop, started with the first call, serves all its threads."""

    def __init__(self, handler: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._handler = handler
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = asyncio.run_coroutine_threadsafe(self._call(environ), self._running_loop())
        response = call.result()
        headers = [*response.headers, ("content-length", str(len(response.body)))]
        start_response(_status_line(response.status), headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    async def _call(self, environ: Environ) -> HttpResponse:
        return await self._handler(_request(environ))

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="gateway-wsgi", daemon=True).start()
            return self._loop


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Client Closed Request"  # 499, which no RFC knows


def _request(environ: Environ) -> HttpRequest:
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    path = urlsplit(raw).path if raw else (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
    if not raw:
        # PEP 3333 hands over bytes in the guise of Latin-1.
        path = path.encode("latin-1").decode("utf-8", "replace")

    async def read(limit: int, framing: int) -> bytes:
        return await asyncio.to_thread(_read, environ, limit, framing)

    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=path,
        query=environ.get("QUERY_STRING", ""),
        headers=_headers(environ),
        read=read,
        peer=f"ipv4:{environ.get('REMOTE_ADDR', '')}:{environ.get('REMOTE_PORT', '')}",
        path_is_decoded=not raw,
    )


def _headers(environ: Environ) -> Headers:
    headers = [(key[5:].replace("_", "-").lower(), value) for key, value in environ.items() if key.startswith("HTTP_")]
    headers += [
        (key.replace("_", "-").lower(), environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)
    ]
    return headers


def _read(environ: Environ, limit: int, framing: int) -> bytes:
    """The body, by its declared length, or to its end where the server says that it marks the end."""
    stream = environ["wsgi.input"]
    declared = environ.get("CONTENT_LENGTH")
    if declared:
        length = int(declared)
        if length > limit + framing:
            raise too_large(limit)
        body: bytes = stream.read(length)
        if len(body) < length:
            raise cut_short()
        return body
    if not environ.get("wsgi.input_terminated"):
        return b""
    body = stream.read(limit + framing + 1)
    if len(body) > limit + framing:
        raise too_large(limit)
    return body
