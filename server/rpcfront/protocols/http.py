"""The internal form of an HTTP request and its response.

Protocols know nothing else of HTTP. The listener and the server adapters (ASGI, WSGI) translate to it and from it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
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


class Security(NamedTuple):
    """What is known about a connection's TLS, as grpcio's contexts show it."""

    auth_context: Mapping[str, Sequence[bytes]]
    identities: Sequence[bytes] | None = None
    identity_key: str | None = None


INSECURE = Security({"transport_security_type": [b"insecure"]})
"""A connection without TLS."""
UNKNOWN_SECURITY = Security({})
"""A connection of a server that does not say."""


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


class HttpRequest:
    """A request whose head has arrived. A server says how its body is read and how a response is streamed."""

    # Defaults are on the class: a request is made for every call.
    query = ""
    root_path = ""
    """The path of the gateway's mount, percent-encoded, such as `/api`; empty if it is not mounted below one."""
    carries_trailers = False
    """Whether the response may have trailers that reach the client, see `TrailersRequest`."""
    task: asyncio.Task[Any] | None = None
    """The task that answers the request, if the server knows it."""
    context: ServicerContext | None = None
    """The call that the request makes, for a server that learns of a disconnect."""
    router: "RouterFacts"
    """Set by the router."""
    route: Any = None
    """What the edge that claimed the request has found out about it."""
    has_call_headers: bool
    """Whether there may be a timeout or binary metadata, see `has_call_headers`."""
    content_type: str
    """The Content-Type header; empty without one."""
    _request_id = ""

    def __init__(self, method: str, path: str, headers: Headers) -> None:
        """Make a request. Names of `headers` are in lower case; the path is as it was sent."""
        self.method = method
        self.path = path
        self._headers = headers
        # Of repeats the first.
        self._named = dict(reversed(headers))
        self.content_type = self._named.get("content-type", "")
        self.has_call_headers = has_call_headers("\n".join(self._named))

    @property
    def peer(self) -> str:
        """The other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`; empty if unknown."""
        return ""

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client has used it."""
        return "http"

    @property
    def authority(self) -> str:
        """Where the client has sent the request: `host` or `host:port`; empty if it does not say."""
        return self.header("host") or ""

    @property
    def security(self) -> "Security":
        """What is known about the connection's TLS."""
        return UNKNOWN_SECURITY

    @property
    def request_id(self) -> str:
        """The client's request id, or a new one."""
        if not self._request_id:
            self._request_id = self.router.take_request_id(self)
        return self._request_id

    @property
    def common_headers(self) -> Headers:
        """The headers of every response over HTTP, whatever it is."""
        return self.router.common_headers(self)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whose name is in lower case; None without one."""
        return self._named.get(name)

    def headers(self) -> Headers:
        """Return all headers, names in lower case, repeats kept."""
        return self._headers

    def whole(self, limit: int, framing: int) -> bytes | None:  # noqa: ARG002  # for servers that know
        """Return the whole body if it has arrived already, else None. Raises StatusError as `read` does."""
        return None

    async def read(self, limit: int, framing: int) -> bytes:
        """Return the whole body.

        Raises StatusError if it is longer than a message of `limit` bytes and the `framing` around it (413), if it
        arrives too slowly (408) and if it is cut short.
        """
        raise NotImplementedError

    async def receive(self, *, timely: bool) -> bytes:
        """Return the next bytes of the body, as they arrive; none after its end.

        Raises StatusError if it is cut short, and if nothing arrives in time although it should be `timely`.
        """
        raise NotImplementedError

    def room(self) -> Awaitable[None] | None:
        """Return what to await before more of a stream is made; None unless the client is slow."""
        return None

    def bound_reading(self) -> None:
        """Bound the time for all of the body that `receive` is going to return, from now on."""
        raise NotImplementedError

    async def begin_stream(self, status: int, headers: Headers) -> Write:
        """Send the head of a streamed response. An edge that has called this returns None as its response."""
        raise NotImplementedError

    def header_values(self, name: str) -> list[str]:
        """Return every value of a header, whose name is in lower case."""
        if self.header(name) is None:
            return []
        return [value for key, value in self.headers() if key == name]

    def media_type(self) -> "MediaType":
        """Return the content type; its essence is empty if there is none."""
        return parse_media_type(self.content_type)

    def content_encoding(self) -> str:
        """Return the content encoding in lower case; `identity` if there is none."""
        encoding = self.header("content-encoding")
        return encoding.strip().lower() if encoding else "identity"


RawHeaders = Sequence[tuple[bytes, bytes]]
"""Headers as HTTP/2 has them; in the head of a response, the first one is `:status`."""


class TrailersRequest(HttpRequest):
    """A request of the listener, which may carry trailers."""

    def respond_raw(self, head: RawHeaders, body: bytes, trailers: RawHeaders) -> None:
        """Send a complete response. Without a body, the head alone."""
        raise NotImplementedError

    def begin_raw(self, head: RawHeaders) -> Write:
        """Send the head of a streamed response."""
        raise NotImplementedError

    def end_raw(self, trailers: RawHeaders) -> None:
        """End a streamed response."""
        raise NotImplementedError


class RouterFacts(Protocol):
    """What a request asks of the router."""

    def take_request_id(self, request: HttpRequest) -> str:
        """Return the client's request id, or a new one."""

    def common_headers(self, request: HttpRequest) -> Headers:
        """Return the headers of every response to a request."""


@dataclass(slots=True)
class HttpResponse:
    """A complete response."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Serves GET and HEAD on a path. An exception gets the response that it would get from a servicer."""

Authorize = Callable[[HttpRequest], Awaitable[object]]
"""Raises an error, which the gateway translates, if a handler must not serve the request."""

_TIMEOUTS = {"grpc-timeout": parse_timeout, "connect-timeout-ms": parse_connect_timeout}


def has_call_headers(names: str) -> bool:
    """Return whether `HttpContext.begin` may have to read something, by the names of a request's headers, joined.

    Names that end with `-bin` count, and those of the timeouts. A proxy's own, as Envoy's
    `x-envoy-expected-rq-timeout-ms`, do not.
    """
    return "-bin" in names or any(name in names for name in _TIMEOUTS)


class HttpContext(ServicerContext):
    """The context of a call over HTTP, whose metadata and deadline are in the headers."""

    replies_after_cancel = True
    enforces_deadline = True

    def __init__(self, request: HttpRequest, protocol: str) -> None:
        self._request = request
        self.task = request.task
        self.protocol = protocol
        request.context = self

    @property
    def request_id(self) -> str:  # type: ignore[override]  # few calls need it, and making it takes longer than reading
        return self._request.request_id

    def header_values(self, name: str) -> Sequence[str]:
        authority = self._request.header(":authority") if name == "host" else None
        return self._request.header_values(name) if authority is None else [authority]

    def authorization(self) -> list[str]:
        return self._request.header_values("authorization")

    def begin(self) -> None:
        if not self._request.has_call_headers:
            return
        self._invocation = from_headers(self._request.headers())
        texts = ((parse, self._request.header(name)) for name, parse in _TIMEOUTS.items())
        seconds = [parse(text) for parse, text in texts if text is not None]
        if seconds:
            self._deadline = time.monotonic() + min(seconds)
            self.may_have_failed = True
            self.start_timer()
            super().begin()

    def peer(self) -> str:
        return self._request.peer

    def peer_identities(self) -> Sequence[bytes] | None:
        return self._request.security.identities

    def peer_identity_key(self) -> str | None:
        return self._request.security.identity_key

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        return self._request.security.auth_context

    def invocation_metadata(self) -> Metadata:
        # Read on demand, since few servicers ask. What could be malformed, `begin` has read.
        if self._invocation is None:
            self._invocation = from_headers(self._request.headers())
        return self._invocation


def unsupported_media_type(expected: str) -> StatusError:
    """Return the error for a content type, charset or content encoding that the path does not accept."""
    text = f"the content type must be {expected}"
    return status_error(code_pb2.INVALID_ARGUMENT, text, http_status=415)
