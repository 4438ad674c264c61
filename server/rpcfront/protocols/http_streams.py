"""Streamed responses over HTTP."""

import asyncio
from contextlib import suppress

from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.metadata import to_headers
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, Write
from rpcfront.status import StatusError


class HttpStream:
    """A streamed response. Its head is sent once, with the first message at the latest.

    Protocols override `headers` and `frame` to say what the head contains and how a message is written.
    """

    def __init__(self, request: HttpRequest, context: HttpContext, status: int = 200) -> None:
        self._request = request
        self.context = context
        self._status = status
        self._write: Write | None = None
        self.room = request.room
        self._starting = asyncio.Lock()

    def headers(self) -> Headers:
        """Return the headers beside the metadata and those of every response."""
        raise NotImplementedError

    def frame(self, message: bytes) -> bytes:
        """Return a message as it is written to the body."""
        return message

    @property
    def has_started(self) -> bool:
        """Whether the head has been sent: from then on only the body can tell of a failure."""
        return self._write is not None

    async def start(self) -> None:
        """Send the head."""
        await self._started()

    async def send(self, message: bytes) -> None:
        """Send a message. Raises StatusError if the client has disconnected."""
        write = self._write or await self._started()
        if self._request.method == "HEAD":
            # The client asked for the head only, so the call ends here.
            self.context.interrupt(CLIENT_LEFT)
            await asyncio.sleep(0)
            return
        await write(self.frame(message))

    async def end(self, data: bytes) -> None:
        """Send the last bytes of the body after the call, if the client is still there."""
        if self._write is not None and data and self._request.method != "HEAD":
            with suppress(StatusError):
                await self._write(data)

    async def _started(self) -> Write:
        if self._write is None:
            async with self._starting:
                if self._write is None:
                    self.context.initial_is_sent = True
                    headers = self.headers() + to_headers(self.context.initial_metadata())
                    self._write = await self._request.begin_stream(self._status, headers + self._request.common_headers)
        return self._write
