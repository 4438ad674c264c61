"""What a protocol over HTTP is to the router."""

from collections.abc import Awaitable
from typing import Protocol

from rpcfront.calls.methods import Method
from rpcfront.protocols.http import HttpRequest, HttpResponse


class Edge(Protocol):
    """Serves one protocol. The router asks each edge in turn, and the first that claims a request handles it."""

    allow_headers: tuple[str, ...]
    """Request headers that pages of other origins may send, which a preflight response must allow."""
    expose_headers: tuple[str, ...]
    """Response headers that such pages may read."""

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the request is of this protocol.

        `method` is the one that the path names, and the request a POST then; None if the path names none.
        """

    def handle(self, request: HttpRequest, method: Method | None) -> Awaitable[HttpResponse | None]:
        """Respond to a request that this edge has claimed; None once the response has been sent as a stream."""
