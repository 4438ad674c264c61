"""The WSGI adapter: for any WSGI server. Calls run on an event loop of the gateway's own, in another thread.

The raw path is `RAW_URI` or `REQUEST_URI` if the server has one; else the decoded path is encoded again, so that
an encoded slash cannot be told from a plain one. WSGI cannot tell of a disconnect before it writes, nor bound the time
that a body takes to arrive: both are up to the server.
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
from urllib.parse import quote

from google.rpc import code_pb2

from rpcfront.adapters.request_body import DRAIN_BYTES, PATH_SAFE, declared_length, origin_path, split_mount
from rpcfront.calls.dispatch import INTERNAL, Outcome
from rpcfront.limits import cut_short, too_large
from rpcfront.protocols.http import Headers, HttpRequest, HttpResponse, Write
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.router import Router
from rpcfront.status import status_error

_log = logging.getLogger(__name__)

Environ = dict[str, Any]

_PIECE = 64 * 1024
"""Bytes of a stream of requests that are read at once."""
_UNKNOWN = 2**63
"""The length of a body whose end the server marks."""


class StartResponse(Protocol):
    """See PEP 3333."""

    def __call__(self, status: str, headers: Headers, /) -> object: ...


class _Head(NamedTuple):
    """The head of a stream."""

    status: int
    headers: Headers


class _Piece(NamedTuple):
    """Some bytes of a stream, and a future that is done once the server wants more."""

    data: bytes
    taken: "asyncio.Future[None]"


class _WsgiRequest(HttpRequest):
    """A request between the server's thread and the event loop's, which sends events to the former."""

    def __init__(self, environ: Environ) -> None:
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        root_path, path = _path(environ, raw)
        super().__init__(environ["REQUEST_METHOD"], path, _headers(environ))
        self.root_path = root_path
        self.query = environ.get("QUERY_STRING", "")
        self._environ = environ
        self._unread: int | None = None
        self._events: queue.SimpleQueue[_Head | _Piece | None] = queue.SimpleQueue()
        """The head of a stream, its pieces, and None once the call has ended."""

    @property
    def peer(self) -> str:
        return _peer(self._environ)

    @property
    def scheme(self) -> str:
        return str(self._environ["wsgi.url_scheme"])

    # On the event loop's thread.

    async def read(self, limit: int, framing: int) -> bytes:
        return await asyncio.to_thread(_read, self._environ, limit, framing)

    async def receive(self, *, timely: bool) -> bytes:  # noqa: ARG002  # time is the server's to bound
        return await asyncio.to_thread(self._receive)

    def _receive(self) -> bytes:
        environ = self._environ
        if self._unread is None:
            length = _body_length(environ)
            self._unread = _UNKNOWN if length is None else length
        try:
            data: bytes = environ["wsgi.input"].read(min(_PIECE, self._unread))
        except Exception:  # noqa: BLE001  # as in `_read`
            raise cut_short() from None
        if not data and self._unread not in {0, _UNKNOWN}:
            raise cut_short()
        if self._unread != _UNKNOWN:
            self._unread -= len(data)
        return data

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        self._events.put(_Head(status, headers))
        return self._write

    async def _write(self, data: bytes) -> None:
        taken = asyncio.get_running_loop().create_future()
        self._events.put(_Piece(data, taken))
        await taken

    # On the server's thread.

    def head(self, call: "Future[Any]") -> _Head | None:
        """Wait for the head of a stream; None if the call ends without one."""
        call.add_done_callback(lambda _: self._events.put(None))
        first = self._events.get()
        return first if isinstance(first, _Head) else None

    def drain(self) -> None:
        """Read the rest of a chunked body, which some servers would take for the next request."""
        if self._environ.get("wsgi.input_terminated") and not self._environ.get("CONTENT_LENGTH"):
            with suppress(Exception):  # it does not matter any more what is wrong with it
                self._environ["wsgi.input"].read(DRAIN_BYTES)

    def pieces(self, call: "Future[Any]", loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
        """Yield the pieces of a stream. The next one is made when the server asks for it."""
        try:
            while isinstance(piece := self._events.get(), _Piece):
                yield piece.data
                loop.call_soon_threadsafe(_resolve, piece.taken)
        finally:
            # The server closes the iterator when its client has disconnected.
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
            response = await self._router(request)
        except Exception:  # noqa: BLE001  # whatever it is, the client gets a response
            _log.exception("%s %s failed", request.method, request.path)
            return self._internal
        if response is not None:
            response.headers += request.common_headers
        return response

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
        return f"{status} Client Closed Request"  # 499, which is in no RFC


def _path(environ: Environ, raw: str | None) -> tuple[str, str]:
    """Return the path of a mount, and the path below it."""
    # PEP 3333: bytes, decoded as Latin-1.
    mount = environ.get("SCRIPT_NAME", "").encode("latin-1").decode(errors="replace")
    if raw:
        return split_mount(origin_path(raw), mount)
    path: str = environ.get("PATH_INFO", "")
    root_path, _ = split_mount("", mount)
    return root_path, quote(path.encode("latin-1"), PATH_SAFE)


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


def _body_length(environ: Environ) -> int | None:
    """Return how many bytes the body has; None if the server marks its end. Raises StatusError."""
    declared = environ.get("CONTENT_LENGTH")
    if not declared:
        return None if environ.get("wsgi.input_terminated") else 0
    length = declared_length(declared)
    if length is None:
        raise status_error(code_pb2.INVALID_ARGUMENT, "content-length must be digits")
    return length


def _read(environ: Environ, limit: int, framing: int) -> bytes:
    """Return the whole body."""
    max_size = limit + framing
    length = _body_length(environ)
    if length is not None and length > max_size:
        raise too_large(limit)
    try:
        body: bytes = environ["wsgi.input"].read(max_size + 1 if length is None else length)
    except Exception:  # noqa: BLE001  # servers raise different errors for a body that is broken, late or lost
        raise cut_short() from None
    if length is not None and len(body) < length:
        raise cut_short()
    if len(body) > max_size:
        raise too_large(limit)
    return body
