"""A request of HTTP/1.1 or 1.0, and its response (RFC 9112).

What llhttp leaves to the server is checked here: the version, Host, Transfer-Encoding, Expect, and the head's size.
"""

import asyncio
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from google.rpc import code_pb2

from rpcfront.listener.connection import Facts
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.request import NO_BODY, Carrier, ListenerRequest, is_host, refused
from rpcfront.protocols.http import HttpResponse, RawHeaders, Write
from rpcfront.status import StatusError

DISCARD_BYTES = 64 * 1024
"""How much of a body that nobody read may be missing for the connection to be kept, and the rest read and ignored."""

_LAST_CHUNK = b"0\r\n\r\n"


class Http1Carrier(Carrier, Protocol):
    """What a request knows of its connection."""

    @property
    def server(self) -> Facts: ...

    transport: asyncio.Transport
    has_eof: bool
    """Whether the client sends nothing more."""

    def write(self, data: bytes) -> None:
        """Write to the client, if it is still there."""

    def ended(self, request: "Http1Request") -> None:
        """Go on after a response."""


class Http1Request(ListenerRequest):
    """A request, one after the other on its connection."""

    connection: Http1Carrier
    keeps_alive = True
    """Whether the client wants to send another request on the connection."""
    received = 0
    """Bytes of the body."""
    is_http10 = False
    refusal: StatusError | None = None
    """Why the request is not answered by the router."""
    _closes = False

    # The head.

    def check_head(self, version: str, limits: ConnectionLimits) -> None:
        """Raise StatusError for a head that is not acceptable. The version is the parser's, such as 1.1."""
        raw = self._raw
        self.check_size(limits)
        if version != "1.1":
            if version != "1.0":
                raise refused(505, "the version must be HTTP/1.1")
            self.is_http10 = True
        hosts = 1 if b"host" in raw else 0
        if len(raw) != len(self._fields):
            hosts = sum(name == b"host" for name, _ in self._fields)
        if hosts != 1 and (hosts > 1 or not self.is_http10):
            raise refused(400, "a request has exactly one Host")
        if hosts and not is_host(raw[b"host"]):
            raise refused(400, "the Host is malformed")
        if self.method == "CONNECT":
            raise refused(501, "the method is not one that is served here", code_pb2.UNIMPLEMENTED)
        self._check_body()

    def _check_body(self) -> None:
        """Raise StatusError for a body that cannot be read, or is not going to be sent."""
        raw = self._raw
        if b"transfer-encoding" in raw:
            if self.is_http10:
                raise refused(400, "HTTP/1.0 has no Transfer-Encoding")
            codings = ",".join(self.header_values("transfer-encoding")).lower().split(",")
            if codings[-1].strip(" \t") != "chunked":
                raise refused(400, "the last Transfer-Encoding must be chunked")
            if len(codings) > 1:
                raise refused(501, "the only Transfer-Encoding must be chunked", code_pb2.UNIMPLEMENTED)
        if not self.is_http10:
            self.check_expectation()

    # The response.

    @property
    def has_body(self) -> bool:
        """Return whether a response to this request has a body."""
        return self.method != "HEAD"

    def respond(self, response: HttpResponse) -> None:
        self.has_begun = self.has_ended = True
        status, body = response.status, response.body
        lines = [_status_line(status)]
        lines += [f"{name}: {value}\r\n" for name, value in response.headers]
        if status not in NO_BODY:
            lines.append(f"content-length: {len(body)}\r\n")
        elif body:
            body = b""
        lines.append(self._end_of_head())
        head = "".join(lines).encode("latin-1")
        self.connection.write(head + body if self.has_body else head)
        self.connection.ended(self)

    def begin_raw(self, head: RawHeaders) -> Write:
        self.has_begun = True
        lines = [b"%s: %s\r\n" % field for field in head[1:]]
        if not self.is_http10:
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            self.keeps_alive = False
        line = _status_line(int(head[0][1])).encode()
        self.connection.write(b"".join([line, *lines, self._end_of_head().encode()]))
        return self.write

    def end_raw(self, _trailers: RawHeaders = ()) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        data = self.take_output()
        if self.has_body:
            if self.is_http10:
                self.connection.write(data)
            else:
                self.connection.write(_chunk(data) + _LAST_CHUNK if data else _LAST_CHUNK)
        self.connection.ended(self)

    def abort(self) -> None:
        self.has_ended = True
        self.connection.transport.abort()

    def _end_of_head(self) -> str:
        """Return the last lines of a head, and decide whether the connection is kept."""
        server = self.connection.server
        end = server.date_lines
        if not self.keeps_alive or server.is_draining or not (self.is_whole or self._is_disposable()):
            self._closes = True
            return f"connection: close\r\n{end}"
        return f"connection: keep-alive\r\n{end}" if self.is_http10 else end

    def _is_disposable(self) -> bool:
        """Return whether what is missing of the body is hardly worth a new connection."""
        if self.connection.has_eof:
            return False
        declared = self.declared_length()
        return not self.is_awaited and declared is not None and declared - self.received <= DISCARD_BYTES

    @property
    def closes(self) -> bool:
        """Whether the connection ends with the response."""
        return self._closes or not (self.is_whole or self._is_disposable())


@lru_cache(maxsize=128)  # there are few statuses
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    except ValueError:
        return f"HTTP/1.1 {status} Client Closed Request\r\n"  # 499, which is in no RFC


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def origin_form(target: bytes) -> bytes:
    """Return a target in the absolute form of proxies in origin form (RFC 9112, 3.2). Any other is left as it is.

    Raises StatusError for a host that is malformed or empty (RFC 9110, 4.2.1), or has a user before it (4.2.4).
    """
    scheme, separator, _ = target.partition(b"://")
    if not separator or scheme.lower() not in {b"http", b"https"}:
        return target
    try:
        parts = urlsplit(target)
        is_well = is_host(parts.netloc) and parts.hostname
    except ValueError:
        is_well = False
    if not is_well:
        raise refused(400, "the host of the request's target is malformed")
    path = parts.path or b"/"
    return path + b"?" + parts.query if parts.query else path
