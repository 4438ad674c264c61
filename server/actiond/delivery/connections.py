"""The HTTP side of the calls: one aiohttp session, and which of its connections a POST may be sent on.

**A POST is sent once.** A target may have acted on a request although no answer came, so nothing is sent again that has
once been handed to the kernel (RFC 9110, 9.2.2). Yet a kept connection may be closed by the target at any moment, and
a healthy target must not fail for it. Hence:

- an idle connection is kept for less time than the usual servers keep theirs, so it is rarely they who close;
- just before sending on a kept connection the kernel is asked whether something has arrived on it. On an idle
  connection that is its end, whatever it is: the connection is dropped and another taken, before a byte was sent.

What remains is an end that is still on its way when the request leaves. That call fails, as in Go's client.
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

KEPT_SECONDS = 4
"""How long an idle connection is kept. Node, uvicorn and Apache close theirs after 5 s."""
HEAD_LINE = 8_190
"""Bytes of a line in an answer's head, at the most, and"""
HEAD_LINES = 100
"""how many of them."""
READ_AHEAD = 65_536
"""Bytes of a body that are taken from a connection before they are asked for, about."""

IN_ONE_PIECE = 1_048_576
"""Bytes of a body that are handed over at once."""

_PLAIN = re.compile(r"[!-~]+")


class StaleConnectionError(aiohttp.ServerDisconnectedError):
    """The target had closed the kept connection. Nothing was sent."""


def open_session(
    guard: AddressGuard, headers: Mapping[str, str], ssl_context: SSLContext | None
) -> aiohttp.ClientSession:
    """To be called on the loop. Its requests do not end by themselves: whoever sends one sets its deadline.

    headers: what every request carries.
    ssl_context: None for the system's trust.
    """
    connector = guard.connector(
        limit=0,  # whoever calls has a place for it already
        keepalive_timeout=KEPT_SECONDS,
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
        auto_decompress=False,  # a limit on the bytes that came is then a limit on the body
        max_line_size=HEAD_LINE,
        max_field_size=HEAD_LINE,
        max_headers=HEAD_LINES,
        read_bufsize=READ_AHEAD,
    )


def read_url(endpoint: str) -> URL:
    """As it is written, escapes included: a key in a query may be signed as it stands. Raises aiohttp.InvalidURL."""
    try:
        # What stands outside ASCII has to be escaped, or to become a name.
        url = URL(endpoint, encoded=_PLAIN.fullmatch(endpoint) is not None)
        has_port = bool(url.port)
    except ValueError as fault:
        raise aiohttp.InvalidURL(endpoint) from fault
    if not has_port:
        raise aiohttp.InvalidURL(endpoint)
    return url


def as_data(body: bytes) -> bytes | io.BytesIO:
    """A large body goes out in pieces, between which the loop does its other work."""
    return body if len(body) <= IN_ONE_PIECE else io.BytesIO(body)


class _Request(aiohttp.ClientRequest):
    transport: asyncio.Transport | None = None
    """What the request was sent on."""


def _request_class() -> type[_Request]:
    """The class of a session's requests, which share what connections they were sent on."""
    used: WeakSet[ResponseHandler] = WeakSet()

    class Request(_Request):
        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            protocol, transport = conn.protocol, conn.transport
            if protocol in used and (transport is None or _has_ended(transport)):
                raise StaleConnectionError
            if protocol is not None:
                used.add(protocol)
            self.transport = transport
            return await super().send(conn)

    return Request


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Goes through the kept connections until one lives, or a new one is made."""
    while True:
        try:
            return await send(request)
        except StaleConnectionError:
            continue
        except BaseException:
            cut(request.transport if isinstance(request, _Request) else None)
            raise


def cut(transport: asyncio.Transport | None) -> None:
    """Ends a connection at once. A polite end of TLS would keep it for half a minute if the target does not answer."""
    if transport is not None:
        transport.abort()


def _has_ended(transport: asyncio.Transport) -> bool:
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
