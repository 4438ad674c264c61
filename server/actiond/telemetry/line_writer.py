"""Writes log lines without delaying calls.

Lines are collected and written by a thread, ten times a second, so a slow or disconnected reader delays no call. Lines
that exceed the queue are dropped and counted, and the count is logged.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Sequence

Line = Callable[[], bytes]
"""Returns a line with its line break. Called on the writing thread."""

FLUSH_SECONDS = 0.1
MAX_BATCHES = 32
"""Batches queued for the thread; further ones are dropped."""


class LineWriter:
    """Writes lines to a file descriptor. `put` and `close` must be called on one event loop."""

    def __init__(self, descriptor: int, name: str) -> None:
        """Take a `name` to prefix the count of dropped lines with."""
        self._descriptor = descriptor
        self._name = name
        self._pending: list[Line] = []
        self._is_flushing = False
        self._dropped = 0
        self._batches: queue.Queue[list[Line] | None] = queue.Queue(MAX_BATCHES)
        self._thread: threading.Thread | None = None

    def put(self, line: Line) -> None:
        """Enqueue a line; it is written within about FLUSH_SECONDS."""
        self._pending.append(line)
        if not self._is_flushing:
            self._is_flushing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def close(self, seconds: float = 1.0) -> None:
        """Write the remaining lines, for at most `seconds`."""
        self._flush()
        try:
            self._batches.put_nowait(None)
        except queue.Full:
            return
        if self._thread is not None:
            self._thread.join(seconds)

    def _flush(self) -> None:
        self._is_flushing = False
        batch, self._pending = self._pending, []
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
                """Discard the batch: the reader has disconnected."""

    def _text(self, batch: Sequence[Line]) -> bytes:
        lines = [line() for line in batch]
        dropped, self._dropped = self._dropped, 0
        if dropped:
            lines.append(f"{self._name}: {dropped} lines dropped\n".encode())
        return b"".join(lines)
