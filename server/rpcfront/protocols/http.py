"""The internal form of an HTTP request and its response.

Protocols know nothing else of HTTP. The server adapters (RSGI, ASGI, WSGI) translate to it and from it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from google.rpc import code_pb2

from rpcfront.calls.context import ServicerContext
from rpcfront.metadata import Metadata, from_headers, parse_connect_timeout, parse_timeout
from rpcfront.status import StatusError, status_error

Headers = list[tuple[str, str]]
Write = Callable[[bytes], Awaitable[None]]
"""Sends some bytes of a streamed body, and returns when more may be sent."""

JSON_TYPE = "application/json"


class MediaType(NamedTuple):
    """RFC 9110, section 8.3.1."""

    essence: str
    """`type/subtype` in lower case."""
    charset: str
    """In lower case; empty when none is named."""


@lru_cache(maxsize=64)  # there are few kinds of clients
def parse_media_type(text: str) -> MediaType:
    """Parse a Content-Type header, or one element of an Accept header."""
    essence, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    named = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return MediaType(essence.strip().lower(), named.get("charset", "").lower())


class HeaderMap(Protocol):
    """The headers of a request, as granian has them. Names are in lower case."""

    def get(self, name: str, /) -> str | None:
        """Return the first value of a header, None without one."""

    def items(self) -> Headers:
        """Return all headers, repeats kept."""

    def keys(self) -> Iterable[str]:
        """Return each name once."""


class _HeaderList:
    """The headers of a request from a list of pairs."""

    def __init__(self, pairs: Headers) -> None:
        self._pairs = pairs
        # Of repeats the first.
        self._named = dict(reversed(pairs))
        self.get = self._named.get
        self.keys = self._named.keys

    def items(self) -> Headers:
        return self._pairs


class HttpRequest:
    """A request whose head has arrived. A server adapter says how its body is read and how a stream is begun."""

    # Defaults are on the class: a request is made for every call.
    query = ""
    path_is_decoded = False
    """Whether the server has already percent-decoded the path."""
    wait_disconnected: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Returns once the client has disconnected, if its body has been read before; None if the server cannot tell."""
    stream_limit: int | None = None
    """Bytes that a streamed response may have if the server buffers it for a slow client; None without a limit."""
    task: asyncio.Task[Any] | None = None
    """The task that answers the request, if the server adapter knows it."""
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

    def __init__(self, method: str, path: str, headers: Headers | HeaderMap) -> None:
        """Make a request. Names of `headers` are in lower case."""
        self.method = method
        self.path = path
        self._headers = _HeaderList(headers) if isinstance(headers, list) else headers
        self.header = self._headers.get

    @property
    def peer(self) -> str:
        """The other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`; empty if unknown."""
        return ""

    def headers(self) -> Headers:
        """Return all headers, names in lower case, repeats kept."""
        return self._headers.items()

    async def read(self, limit: int, framing: int) -> bytes:
        """Return the whole body.

        Raises StatusError if it is longer than a message of `limit` bytes and the `framing` around it (413), if it
        arrives too slowly (408) and if it is cut short.
        """
        raise NotImplementedError

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        """Send the head of a streamed response. An edge that has called this returns None as its response."""
        raise NotImplementedError

    def header_values(self, name: str) -> list[str]:
        """Return every value of a header, whose name is in lower case."""
        if self.header(name) is None:
            return []
        return [value for key, value in self.headers() if key == name]

    def header_names(self) -> Iterable[str]:
        """Return each name once."""
        return self._headers.keys()

    def media_type(self) -> "MediaType":
        """Return the content type; its essence is empty if there is none."""
        return parse_media_type(self.header("content-type") or "")

    def content_encoding(self) -> str:
        """Return the content encoding in lower case; `identity` if there is none."""
        encoding = self.header("content-encoding")
        return encoding.strip().lower() if encoding else "identity"


@dataclass(slots=True)
class HttpResponse:
    """A complete response."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Serves GET and HEAD on a path. An exception gets the response that it would get from a servicer."""

_TIMEOUTS = {"grpc-timeout": parse_timeout, "connect-timeout-ms": parse_connect_timeout}


class HttpContext(ServicerContext):
    """The context of a call over HTTP, whose metadata and deadline are in the headers."""

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
        # One search for all names. A name with this in its middle only makes us look in vain.
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
        # Read on demand, since few servicers ask. What could be malformed, `begin` has read.
        if self._invocation is None:
            self._invocation = from_headers(self._request.headers())
        return self._invocation


def unsupported_media_type(expected: str) -> StatusError:
    """Return the error for a content type, charset or content encoding that the path does not accept."""
    text = f"the content type must be {expected}"
    return status_error(code_pb2.INVALID_ARGUMENT, text, http_status=415)
