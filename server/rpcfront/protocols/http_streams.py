"""Answers over HTTP that come piece by piece: where the HTTP edges take the messages of a stream."""

import asyncio
from contextlib import suppress

from google.rpc import code_pb2

from rpcfront.calls.lifetime import CLIENT_LEFT
from rpcfront.metadata import to_headers
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, Write
from rpcfront.status import StatusError, status_error


class HttpStream:
    """One streamed answer. Its head goes out once, with the first message at the latest.

    An edge says what the head holds and how a message is written, by overriding `headers` and `frame`.
    """

    def __init__(self, request: HttpRequest, context: HttpContext, status: int = 200) -> None:
        self._request = request
        self.context = context
        self._status = status
        self._sent = 0
        self._write: Write | None = None
        self._starting = asyncio.Lock()

    def headers(self) -> Headers:
        """Beside the metadata and what every answer has."""
        raise NotImplementedError

    def frame(self, message: bytes) -> bytes:
        """A message as it stands in the body."""
        return message

    @property
    def has_started(self) -> bool:
        """Whether the head is out: from then on a failure can only be told in the body."""
        return self._write is not None

    async def start(self) -> None:
        """Sends the head."""
        await self._started()

    async def send(self, message: bytes) -> None:
        """Sends a message. Raises StatusError when the client has left, or the stream is longer than it may be."""
        write = await self._started()
        if self._request.method == "HEAD":
            # The head was all that it asked for. What makes the messages need not know.
            self.context.interrupt(CLIENT_LEFT)
            await asyncio.sleep(0)
            return
        data = self.frame(message)
        self._sent += len(data)
        limit = self._request.stream_limit
        if limit is not None and self._sent > limit:
            text = f"the stream is longer than the limit of {limit} bytes"
            raise status_error(code_pb2.RESOURCE_EXHAUSTED, text)
        await write(data)

    async def end(self, data: bytes) -> None:
        """Sends the last bytes of the body, once the call has ended. A client that has left misses them."""
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
