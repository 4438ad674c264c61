"""The one internal form of an HTTP request and its answer.

The edges (JSON, gRPC-Web) know nothing else of HTTP; the server faces (RSGI, WSGI) are thin adapters over it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from google.rpc import code_pb2

from rpcfront.calls.context import ServicerContext
from rpcfront.metadata import Metadata, from_headers, parse_connect_timeout, parse_timeout
from rpcfront.status import StatusError, status_error

Headers = list[tuple[str, str]]
Write = Callable[[bytes], Awaitable[None]]
"""Sends some bytes of a streamed body, and returns when more may come."""

JSON_TYPE = "application/json"


class MediaType(NamedTuple):
    """RFC 9110, section 8.3.1."""

    essence: str
    """`type/subtype` in lower case."""
    charset: str
    """In lower case; empty when none is named."""


@lru_cache(maxsize=64)  # clients are of few kinds
def parse_media_type(text: str) -> MediaType:
    """What a Content-Type header, or one element of an Accept header, says."""
    essence, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    named = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return MediaType(essence.strip().lower(), named.get("charset", "").lower())


class HttpRequest:
    """A request whose head has arrived. A face for a server says how its body is read and a stream is begun."""

    # Defaults stand on the class: a request is made for every call.
    query = ""
    peer = ""
    """As grpcio writes it: `ipv4:127.0.0.1:50000`."""
    path_is_decoded = False
    """Whether the server has percent-decoded the path already."""
    wait_disconnected: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Returns when the client has left, its body read before; None where the server cannot tell."""
    stream_limit: int | None = None
    """Bytes that a streamed body may have, where the server takes them faster than the client; None without a limit."""
    task: asyncio.Task[Any] | None = None
    """What answers it, where the face knows."""
    request_id = ""
    """Set by the router."""
    common_headers: Headers
    """Of every response, whatever it is; set by the router."""
    route: Any = None
    """What the edge that claimed the request has found out about it."""
    path: str
    """Starts with a slash; percent-encoded unless `path_is_decoded`."""
    header: Callable[[str], str | None]
    """The first value of a header, None without one. Names are in lower case."""

    def __init__(self, method: str, path: str, headers: Headers) -> None:
        self.method = method
        self.path = path
        self._headers = headers
        # Of repeats the first.
        self._named = dict(reversed(headers))
        self.header = self._named.get

    def headers(self) -> Headers:
        """All of them, names in lower case, repeats kept."""
        return self._headers

    async def read(self, limit: int, framing: int) -> bytes:
        """The whole body.

        Raises StatusError when it is longer than a message of `limit` bytes and the `framing` around it (413), comes
        too slowly (408) or is cut short.
        """
        raise NotImplementedError

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        """Sends the head of an answer whose body comes piece by piece. An edge that has called it answers None."""
        raise NotImplementedError

    def header_values(self, name: str) -> list[str]:
        """Return every value of a header, whose name is in lower case."""
        if self.header(name) is None:
            return []
        return [value for key, value in self.headers() if key == name]

    def header_names(self) -> Iterable[str]:
        """Each name once."""
        return self._named

    def media_type(self) -> "MediaType":
        """The content type; without one its essence is empty."""
        return parse_media_type(self.header("content-type") or "")

    def content_encoding(self) -> str:
        """In lower case; `identity` without one."""
        encoding = self.header("content-encoding")
        return encoding.strip().lower() if encoding else "identity"


@dataclass(slots=True)
class HttpResponse:
    """An answer, whole."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Serves GET and HEAD on a path. An exception gets the response that it would get from a servicer."""

_TIMEOUTS = {"grpc-timeout": parse_timeout, "connect-timeout-ms": parse_connect_timeout}


class HttpContext(ServicerContext):
    """The context of a call that came over HTTP: its metadata and deadline stand in the headers."""

    replies_after_cancel = True
    enforces_deadline = True

    def __init__(self, request: HttpRequest, protocol: str) -> None:
        self._request = request
        self._task = request.task
        self.request_id = request.request_id
        self.wait_disconnected = request.wait_disconnected
        self.protocol = protocol

    def authorization(self) -> list[str]:
        return self._request.header_values("authorization")

    def begin(self) -> None:
        # One search for all of them; a name that has this in its middle is only read for nothing.
        names = "\n".join(self._request.header_names())
        if "-bin" in names:
            self._invocation = from_headers(self._request.headers())
        if "-timeout" in names:
            texts = ((parse, self._request.header(name)) for name, parse in _TIMEOUTS.items())
            seconds = [parse(text) for parse, text in texts if text is not None]
            if seconds:
                self._deadline = time.monotonic() + min(seconds)
                self.start_timer()
                super().begin()

    def peer(self) -> str:
        return self._request.peer

    def invocation_metadata(self) -> Metadata:
        # Few servicers ask, so it is read when one does; what could be malformed, `begin` has read.
        if self._invocation is None:
            self._invocation = from_headers(self._request.headers())
        return self._invocation


def unsupported_media_type(expected: str) -> StatusError:
    """For a content type, charset or content encoding that the path does not take."""
    text = f"the content type must be {expected}"
    return status_error(code_pb2.INVALID_ARGUMENT, text, http_status=415)
