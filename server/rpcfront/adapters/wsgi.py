"""The WSGI face: for any WSGI server. The call runs on an event loop of the gateway's own, on a thread beside.

The raw path is taken from `RAW_URI` or `REQUEST_URI` where the server gives one; else the path counts as decoded.
WSGI cannot tell that a client has left before it is written to, nor bound the time that a body takes: both are the
server's.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from google.rpc import code_pb2

from rpcfront.adapters.request_body import DRAIN_BYTES, declared_length, origin_path
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.limits import cut_short, too_large
from rpcfront.protocols.http import Headers, HttpRequest, HttpResponse, Write
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import status_error

_log = logging.getLogger(__name__)

Environ = dict[str, Any]


class StartResponse(Protocol):
    """As PEP 3333 has it."""

    def __call__(self, status: str, headers: Headers, /) -> object: ...


class _Head(NamedTuple):
    """How a stream begins."""

    status: int
    headers: Headers


class _Piece(NamedTuple):
    """Some bytes of a stream, and what is told once the server wants more."""

    data: bytes
    taken: "asyncio.Future[None]"


class _WsgiRequest(HttpRequest):
    """One request between the server's thread and the loop's. What the loop has to say, the thread takes in order."""

    def __init__(self, environ: Environ) -> None:
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        super().__init__(environ["REQUEST_METHOD"], _path(environ, raw), _headers(environ))
        self.path_is_decoded = not raw
        self.query = environ.get("QUERY_STRING", "")
        self.peer = _peer(environ)
        self._environ = environ
        self._events: queue.SimpleQueue[_Head | _Piece | None] = queue.SimpleQueue()
        """The head of a stream and its pieces, None when the call has ended."""

    # On the loop's thread.

    async def read(self, limit: int, framing: int) -> bytes:
        return await asyncio.to_thread(_read, self._environ, limit, framing)

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        self._events.put(_Head(status, headers))
        return self._write

    async def _write(self, data: bytes) -> None:
        taken = asyncio.get_running_loop().create_future()
        self._events.put(_Piece(data, taken))
        await taken

    # On the server's thread.

    def head(self, call: "Future[Any]") -> _Head | None:
        """Waits for the head of a stream; None when the call has ended without one."""
        call.add_done_callback(lambda _: self._events.put(None))
        first = self._events.get()
        return first if isinstance(first, _Head) else None

    def drain(self) -> None:
        """Reads what nobody has read of a chunked body: there are servers that would take it for the next request."""
        if self._environ.get("wsgi.input_terminated") and not self._environ.get("CONTENT_LENGTH"):
            with suppress(Exception):  # what is wrong with it is of no interest any more
                self._environ["wsgi.input"].read(DRAIN_BYTES)

    def pieces(self, call: "Future[Any]", loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        """The pieces of a stream. The next one is made when the server asks for it."""
        try:
            while isinstance(piece := self._events.get(), _Piece):
                yield piece.data
                loop.call_soon_threadsafe(_resolve, piece.taken)
        finally:
            # The server closes what it does not want any more of: its client has left.
            call.cancel()


def _resolve(taken: "asyncio.Future[None]") -> None:
    if not taken.done():
        taken.set_result(None)


class WsgiApplication:
    """A WSGI application (PEP 3333). One event loop, started with the first call, serves all its threads."""

    def __init__(self, router: Router, errors: JsonErrors) -> None:
        self._router = router
        self._internal = errors.response(Outcome(status=INTERNAL))
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        loop = self._running_loop()
        request = _WsgiRequest(environ)
        call = asyncio.run_coroutine_threadsafe(self._answer(request), loop)
        head = request.head(call)
        if head is not None:
            start_response(_status_line(head.status), head.headers)
            return request.pieces(call, loop)
        response = self._response(call)
        request.drain()
        headers = response.headers
        if response.status != 204:
            headers = [*headers, ("content-length", str(len(response.body)))]
        start_response(_status_line(response.status), headers)
        return [] if request.method == "HEAD" else [response.body]

    def _response(self, call: "Future[HttpResponse | None]") -> HttpResponse:
        try:
            response = call.result()
        except CancelledError:
            response = None
        return self._internal if response is None else response

    async def _answer(self, request: _WsgiRequest) -> HttpResponse | None:
        try:
            return await self._router(request)
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            _log.exception("%s %s failed", request.method, request.path)
            return self._internal

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


def _path(environ: Environ, raw: str | None) -> str:
    """The path, behind that of a mount."""
    if raw:
        return origin_path(raw).removeprefix(environ.get("SCRIPT_NAME", ""))
    # PEP 3333 hands over bytes in the guise of Latin-1.
    path: str = environ.get("PATH_INFO", "")
    return path.encode("latin-1").decode("utf-8", "replace")


def _peer(environ: Environ) -> str:
    host = environ.get("REMOTE_ADDR", "")
    port = environ.get("REMOTE_PORT", "")
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"


def _headers(environ: Environ) -> Headers:
    headers = [(key[5:].replace("_", "-").lower(), value) for key, value in environ.items() if key.startswith("HTTP_")]
    headers += [
        (key.replace("_", "-").lower(), environ[key]) for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)
    ]
    return headers


def _read(environ: Environ, limit: int, framing: int) -> bytes:
    """The body, by its declared length, or to its end where the server says that it marks the end."""
    declared = environ.get("CONTENT_LENGTH")
    longest = limit + framing
    if declared:
        length = declared_length(declared)
        if length is None:
            raise status_error(code_pb2.INVALID_ARGUMENT, "content-length must be digits")
        if length > longest:
            raise too_large(limit)
    elif environ.get("wsgi.input_terminated"):
        length = None
    else:
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(longest + 1 if length is None else length)
    except Exception:  # noqa: BLE001  # each server has its own for a body that is broken, late or lost
        raise cut_short() from None
    if length is not None and len(body) < length:
        raise cut_short()
    if len(body) > longest:
        raise too_large(limit)
    return body
