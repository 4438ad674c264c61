"""Writes the lines of the logs without delaying calls.

Lines are gathered and written on a thread, ten times a second: a reader that is slow, or gone, delays no call. Lines
that do not fit are dropped and counted, and the count is written.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Sequence

Line = Callable[[], bytes]
"""Makes a line, its end included. Called on the thread."""

FLUSH_SECONDS = 0.1
MAX_BATCHES = 32
"""Batches that wait for the thread; further ones are dropped."""


class LineWriter:
    """Writes to a file descriptor. `put` and `close` belong to one event loop."""

    def __init__(self, descriptor: int, name: str) -> None:
        """`name` is written before the count of lines that were dropped."""
        self._descriptor = descriptor
        self._name = name
        self._gathered: list[Line] = []
        self._is_flushing = False
        self._dropped = 0
        self._batches: queue.Queue[list[Line] | None] = queue.Queue(MAX_BATCHES)
        self._thread: threading.Thread | None = None

    def put(self, line: Line) -> None:
        """Write a line within a tenth of a second."""
        self._gathered.append(line)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def close(self, seconds: float = 1.0) -> None:
        """Write what is left, for at most so many seconds."""
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
                """The reader is gone."""

    def _text(self, batch: Sequence[Line]) -> bytes:
        lines = [line() for line in batch]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(f"{self._name}: {dropped} lines were dropped\n".encode())
        return b"".join(lines)
