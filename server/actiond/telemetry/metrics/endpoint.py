"""The handler of `GET /metrics`. It knows only that rendering the metrics takes a while."""

import asyncio
from collections.abc import Callable

from rpcfront import Authorize, HttpRequest, HttpResponse


class MetricsEndpoint:
    """Renders the metrics on a thread, once for all concurrent requests, so that frequent scrapes delay no call."""

    def __init__(self, render: Callable[[], bytes], content_type: str, authorize: Authorize | None = None) -> None:
        """Take a check to make before rendering; None serves every request."""
        self._render = render
        self._content_type = content_type
        self._authorize = authorize
        self._rendering: asyncio.Future[bytes] | None = None

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._authorize is not None:
            await self._authorize(request)
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.ensure_future(asyncio.to_thread(self._render))
        # Shielded: a client that disconnects must not cancel the rendering that others wait for.
        body = await asyncio.shield(self._rendering)
        return HttpResponse(200, [("content-type", self._content_type)], body)
