"""Opens the aiohttp session that calls are sent with, and decides which connections a POST may reuse.

**A POST is sent once.** A target may have acted on a request although no response arrived, so a request is never sent
again once it was handed to the kernel (RFC 9110, 9.2.2). Yet a target may close a keep-alive connection at any moment,
and that must not make a call to a healthy target fail. Hence:

- idle connections are kept for less time than common servers keep theirs, so that usually this side closes first;
- just before a connection is reused, the kernel is asked whether anything has arrived on it. On an idle connection,
  anything means that it is over: it is dropped and another one is used, before a byte was sent.

This leaves the case of a FIN still in transit when the request is sent. That call fails, as it does in Go's client.
"""

import asyncio
import io
import re
import select
from collections.abc import Mapping
from ssl import SSLContext
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from actiond.delivery.egress.policy import AddressGuard

KEEPALIVE_SECONDS = 4
"""How long an idle connection is kept. Node, uvicorn and Apache close theirs after 5 s."""
MAX_HEADER_LINE_BYTES = 8_190
"""Limit on the status line and on each header line of a response."""
MAX_HEADERS = 100
"""Limit on the number of header lines of a response."""
READ_BUFFER_BYTES = 65_536
"""About how much of a response's body is buffered before it is read."""
MAX_UNCHUNKED_BYTES = 1_048_576
"""Limit on a request's body that is written to the connection at once; a larger one is written in chunks."""

_PRINTABLE_ASCII = re.compile(r"[!-~]+")


class StaleConnectionError(aiohttp.ServerDisconnectedError):
    """The target had already closed the keep-alive connection. Nothing was sent."""


def open_session(
    guard: AddressGuard, headers: Mapping[str, str], ssl_context: SSLContext | None
) -> aiohttp.ClientSession:
    """Open a session; must be called on the event loop. Requests have no timeout: the caller sets a deadline for each.

    headers: sent with every request.
    ssl_context: verifies https targets; None for the system's trust store.
    """
    connector = guard.connector(
        limit=0,  # the concurrency limiter has already admitted the call
        keepalive_timeout=KEEPALIVE_SECONDS,
        ssl=True if ssl_context is None else ssl_context,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        request_class=_request_class(),
        middlewares=(_send_once,),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),
        trust_env=False,  # no proxy, no .netrc
        auto_decompress=False,  # so that the limit on received bytes limits the body too
        max_line_size=MAX_HEADER_LINE_BYTES,
        max_field_size=MAX_HEADER_LINE_BYTES,
        max_headers=MAX_HEADERS,
        read_bufsize=READ_BUFFER_BYTES,
    )


def read_url(endpoint: str) -> URL:
    """Parse the endpoint and keep its escapes as written: a query may be signed. Raise aiohttp.InvalidURL."""
    try:
        # Other characters have to be percent-encoded, or IDNA-encoded in the host.
        url = URL(endpoint, encoded=_PRINTABLE_ASCII.fullmatch(endpoint) is not None)
        has_port = bool(url.port)
    except ValueError as error:
        raise aiohttp.InvalidURL(endpoint) from error
    if not has_port:
        raise aiohttp.InvalidURL(endpoint)
    return url


def as_data(body: bytes) -> bytes | io.BytesIO:
    """Return what aiohttp sends the body from: chunk by chunk if it is large, so that the event loop is not blocked."""
    return body if len(body) <= MAX_UNCHUNKED_BYTES else io.BytesIO(body)


class _Request(aiohttp.ClientRequest):
    transport: asyncio.Transport | None = None
    """The connection that the request was sent on."""


def _request_class() -> type[_Request]:
    """Return a request class for one session, whose requests share a record of the connections that were used."""
    used: WeakSet[ResponseHandler] = WeakSet()

    class Request(_Request):
        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            protocol, transport = conn.protocol, conn.transport
            if protocol in used and (transport is None or _is_readable(transport)):
                raise StaleConnectionError
            if protocol is not None:
                used.add(protocol)
            self.transport = transport
            return await super().send(conn)

    return Request


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send the request on the first idle connection that is still open, or else on a new one."""
    while True:
        try:
            return await send(request)
        except StaleConnectionError:
            continue
        except BaseException:
            cut(request.transport if isinstance(request, _Request) else None)
            raise


def cut(transport: asyncio.Transport | None) -> None:
    """Close the connection at once. A TLS shutdown would keep it for half a minute if the target does not respond."""
    if transport is not None:
        transport.abort()


def _is_readable(transport: asyncio.Transport) -> bool:
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
