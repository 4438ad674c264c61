"""One connection to a target: sends one request after another, and reads one response to each."""

import asyncio
import select
import ssl
from typing import cast

from actiond.delivery.http1.response import BodyLimit, ConnectionLostError, ResponseReader

MAX_WRITE_BYTES = 262_144
"""How much of a request's body is written at once, so that a large one does not block the event loop."""


class Connection(asyncio.Protocol):
    """The client's side of a connection. It must not be used for two exchanges at once."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        """Reads the response; None between exchanges."""
        self._ended: asyncio.Future[None] | None = None
        """Done once the response is complete, or with the error of the exchange."""
        self._writable = asyncio.Event()
        self._writable.set()

    async def exchange(self, head: bytes, body: bytes, limit: BodyLimit) -> ResponseReader:
        """Send a request and return its response, which is complete.

        Raise ResponseError, ResponseTooLargeError, or an OSError if the connection is lost. After an error, a
        cancellation, or a response that came before the whole body was sent, the connection is closed.
        """
        if self._transport is None:
            raise ConnectionLostError
        reader = self._reader = ResponseReader(limit)
        self._ended = asyncio.get_running_loop().create_future()
        try:
            if len(body) <= MAX_WRITE_BYTES:
                self._transport.write(head + body)
            elif not await self._send(head, body):
                reader.is_reusable = False
            await self._ended
        except BaseException:
            self.abort()
            raise
        finally:
            self._reader = self._ended = None
            reader.release()
        if not reader.is_reusable:
            self.abort()
        return reader

    def is_usable(self) -> bool:
        """Return whether an idle connection is still open, and nothing has arrived on it, which would end it.

        The kernel is asked: the event loop may not yet know.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """Close the connection at once. A TLS shutdown would keep it for half a minute if the target is silent."""
        if self._transport is not None:
            self._transport.abort()

    async def _send(self, head: bytes, body: bytes) -> bool:
        """Send a large request; return whether it was sent whole before the response was complete."""
        ended = cast("asyncio.Future[None]", self._ended)
        self._write(head)
        view = memoryview(body)
        while view:
            # Let other calls run between two pieces.
            await asyncio.sleep(0)
            await self._writable.wait()
            if ended.done():
                return False
            self._write(view[:MAX_WRITE_BYTES])
            view = view[MAX_WRITE_BYTES:]
        return True

    def _write(self, data: bytes | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _end(self, error: Exception | None) -> None:
        ended = self._ended
        self._writable.set()
        if ended is None or ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    # The callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the response. Those that belong to none end the connection."""
        reader = self._reader
        if reader is None or reader.is_complete:
            if reader is not None:
                reader.is_reusable = False
            self.abort()
            return
        try:
            reader.feed(data)
        except Exception as error:  # noqa: BLE001  # the exchange raises it
            self._end(error)
            self.abort()
            return
        if reader.is_complete:
            self._end(None)

    def eof_received(self) -> bool:
        """Take the end of what the target sends; the connection is closed."""
        reader = self._reader
        if reader is not None and not reader.is_complete:
            try:
                reader.feed_eof()
            except Exception as error:  # noqa: BLE001  # the exchange raises it
                self._end(error)
            else:
                self._end(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the exchange, unless its response is complete."""
        self._transport = None
        reader = self._reader
        if reader is None:
            return
        reader.is_reusable = False
        if not reader.is_complete:
            # An alert of TLS may arrive after the handshake: of TLS 1.3, for a client certificate that is missing.
            self._end(error if isinstance(error, ssl.SSLError) else reader.lost())

    def pause_writing(self) -> None:
        """Wait with the rest of a large body."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on with the rest of a large body."""
        self._writable.set()
