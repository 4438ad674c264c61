"""`GET /metrics`, and who may read it. Knows nothing of the metrics but that rendering them takes a while."""

import asyncio
from collections.abc import Awaitable, Callable

from rpcfront import HttpRequest, HttpResponse

Authorize = Callable[[HttpRequest], Awaitable[object]]
"""Raises an error that the gateway translates, for a request that may not read the metrics."""


class MetricsEndpoint:
    """Renders the metrics on a thread, once for all requests that arrive meanwhile: no call waits for them."""

    def __init__(self, render: Callable[[], bytes], content_type: str, authorize: Authorize | None = None) -> None:
        """Call `authorize` before each response; None lets everybody read."""
        self._render = render
        self._content_type = content_type
        self._authorize = authorize
        self._rendering: asyncio.Future[bytes] | None = None

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._authorize is not None:
            await self._authorize(request)
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.ensure_future(asyncio.to_thread(self._render))
        # A client that disconnects must not cancel it for the others.
        body = await asyncio.shield(self._rendering)
        return HttpResponse(200, [("content-type", self._content_type)], body)
