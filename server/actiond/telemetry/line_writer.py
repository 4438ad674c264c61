"""Lines that many calls leave behind, written without holding up any.

They are gathered and written on a thread, every tenth of a second: whoever reads them slowly, or not at all, holds up
no call. What does not fit is counted, and the count is written.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Sequence

Line = Callable[[], bytes]
"""Makes a line, its end included. It is called on the thread."""

FLUSH_SECONDS = 0.1
BATCHES = 32
"""Waiting for the thread at the most; more are dropped."""


class LineWriter:
    """Writes to a file descriptor. `put` and `close` belong to one event loop."""

    def __init__(self, descriptor: int, name: str) -> None:
        """`name` is what stands before the count of lines that were dropped."""
        self._descriptor = descriptor
        self._name = name
        self._gathered: list[Line] = []
        self._is_flushing = False
        self._dropped = 0
        self._batches: queue.Queue[list[Line] | None] = queue.Queue(BATCHES)
        self._thread: threading.Thread | None = None

    def put(self, line: Line) -> None:
        """Takes a line. It is out within a tenth of a second."""
        self._gathered.append(line)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def close(self, seconds: float = 1.0) -> None:
        """Writes what is left, for so long at the most."""
        self._flush()
        try:
            self._batches.put_nowait(None)
        except queue.Full:
            return
        if self._thread is not None:
            self._thread.join(seconds)

    def _flush(self) -> None:
        self._is_flushing = False
        batch, self._gathered = self._gathered, []
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name=self._name, daemon=True)
            self._thread.start()
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            self._dropped += len(batch)

    def _write_all(self) -> None:
        while (batch := self._batches.get()) is not None:
            text = self._text(batch)
            try:
                while text:
                    text = text[os.write(self._descriptor, text) :]
            except OSError:
                """Nobody reads it any more."""

    def _text(self, batch: Sequence[Line]) -> bytes:
        lines = [line() for line in batch]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(f"{self._name}: {dropped} lines were dropped\n".encode())
        return b"".join(lines)
