"""`GET /metrics`, and who may read it. Knows nothing of the metrics but that writing them takes a while."""

import asyncio
from collections.abc import Awaitable, Callable

from rpcfront import HttpRequest, HttpResponse

Authorize = Callable[[HttpRequest], Awaitable[object]]
"""Raises what the gateway translates, for a request that may not read them."""


class MetricsPage:
    """Writes the figures on a thread, and for all who ask in the meantime once: asking often holds up no call."""

    def __init__(self, render: Callable[[], bytes], content_type: str, authorize: Authorize | None = None) -> None:
        """`authorize` is asked first; None lets everybody read."""
        self._render = render
        self._content_type = content_type
        self._authorize = authorize
        self._rendering: asyncio.Future[bytes] | None = None

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._authorize is not None:
            await self._authorize(request)
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.ensure_future(asyncio.to_thread(self._render))
        # One who leaves takes the answer from nobody else.
        body = await asyncio.shield(self._rendering)
        return HttpResponse(200, [("content-type", self._content_type)], body)
