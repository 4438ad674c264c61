"""Writes lines to standard error or standard output. Whoever has a line to write never waits for the reader.

Lines wait in a queue that is bounded in bytes. What exceeds it is dropped and counted, and the count is written once
the reader goes on. A process that serves writes on a thread of its own, see `start`. Without that thread, as in a
supervisor, which must stay free of threads, lines are written as far as that is possible without waiting.
"""

import contextlib
import os
import select
import socket
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

Line = Callable[[], bytes]
"""Returns a line with its line break. Called on the writing thread."""

FLUSH_SECONDS = 0.1
"""The thread gathers lines for so long, so that it is woken ten times a second rather than once for each line."""
MAX_QUEUED_BYTES = 4 * 2**20
"""Bytes that wait for a slow reader, in each process and stream."""
CLOSE_SECONDS = 1.0
"""How long the end of a process waits for a reader that does not read."""

_PIPE_BUF = 4096  # POSIX and Linux: a write of so many bytes to a pipe is not interleaved with another process's
_BATCH_BYTES = 64 * 1024


class LineWriter:
    """Writes lines to a file descriptor, in the order in which they were put. `put` may be called by any thread."""

    def __init__(self, descriptor: int, report_dropped: Callable[[int], bytes]) -> None:
        """Take what makes the line about a number of dropped lines."""
        self._descriptor = descriptor
        self._report_dropped = report_dropped
        self.reset()

    def reset(self) -> None:
        """Begin anew in a forked child: with an empty queue, and without a thread."""
        # Re-entrant: a finalizer may log while the lock is held by its own thread.
        self._lock = threading.RLock()
        self._lines: deque[tuple[Line, int]] = deque()
        self._queued = 0
        """Bytes in the queue, and those that are being written."""
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._is_idle = False
        """Whether the thread waits for `_wake`."""
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._rest = b""
        """Without a thread: what could not be written yet of a chunk that has been begun."""
        self._now: _Immediate | None = None

    @property
    def descriptor(self) -> int:
        """Where it writes."""
        return self._descriptor

    def start(self, descriptor: int) -> None:
        """Write on a thread from now on, to this file descriptor."""
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._write_all, name=f"lines-{self._descriptor}", daemon=True)
        self._thread.start()

    def put(self, line: Line, size: int) -> None:
        """Enqueue a line of about `size` bytes. It is written within about FLUSH_SECONDS, if the reader reads."""
        with self._lock:
            # After a loss, half of the queue must be free, so that a slow reader is not given more reports than lines.
            limit = MAX_QUEUED_BYTES // 2 if self._dropped else MAX_QUEUED_BYTES
            if self._queued + size > limit:
                self._dropped += 1
                return
            self._report()
            self._append(line, size)
            wake, self._is_idle = self._is_idle, False
        if self._thread is None:
            self.pump()
        elif wake:
            self._wake.put(None)

    def put_bytes(self, line: bytes) -> None:
        """Enqueue a line that is complete, with its line break."""
        self.put(lambda: line, len(line))

    def pump(self) -> bool:
        """Without a thread: write what can be written without waiting. Return whether that was everything."""
        if self._now is None:
            self._now = _Immediate(self._descriptor)
        while self._rest or self._lines:
            if not self._rest:
                lines, size = self._take(_PIPE_BUF)
                self._rest = b"".join(map(self._text, lines))
                self._release(size)
            written = self._now.write(self._rest)
            if written is None:
                return False
            self._rest = self._rest[written:]
        return True

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write the remaining lines, for at most `seconds`. What is put afterwards may be lost."""
        if self._thread is None:
            if not self.pump():
                with contextlib.suppress(OSError):
                    select.select([], [self._descriptor], [], seconds)
                self.pump()
            if self._now is not None:
                self._now.close()
                self._now = None
            return
        self._closing.set()
        self._wake.put(None)
        self._thread.join(seconds)

    def _append(self, line: Line, size: int) -> None:
        self._lines.append((line, size))
        self._queued += size

    def _report(self) -> None:
        """Enqueue the count of the lines that were dropped here. Called with the lock."""
        if self._dropped:
            report = self._report_dropped(self._dropped)
            self._dropped = 0
            self._append(lambda: report, len(report))

    def _take(self, most: int) -> tuple[list[Line], int]:
        """Take lines of about `most` bytes from the queue, at least one. They count until they are released."""
        lines: list[Line] = []
        total = 0
        with self._lock:
            if not self._lines:
                self._report()
            while self._lines and (not lines or total + self._lines[0][1] <= most):
                line, size = self._lines.popleft()
                lines.append(line)
                total += size
        return lines, total

    def _release(self, size: int) -> None:
        with self._lock:
            self._queued -= size

    def _write_all(self) -> None:
        """Write until the writer is closed and the queue is empty. On the thread."""
        while True:
            self._closing.wait(FLUSH_SECONDS)
            lines, size = self._take(_BATCH_BYTES)
            if lines:
                self._write(lines)
                self._release(size)
                continue
            with self._lock:
                if self._lines or self._dropped:
                    continue
                if self._closing.is_set():
                    return
                self._is_idle = True
            self._wake.get()

    def _write(self, lines: list[Line]) -> None:
        for chunk in _chunks(map(self._text, lines)):
            rest = chunk
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                """Discard the chunk: the reader has gone, or the disk is full."""

    def _text(self, line: Line) -> bytes:
        try:
            return line()
        except Exception:  # noqa: BLE001  # the lines after it are written all the same
            with self._lock:
                self._dropped += 1
            return b""


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Gather lines into chunks of at most _PIPE_BUF bytes, so that no line of another process comes into one of ours.

    A longer line is a chunk by itself.
    """
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        if gathered and size + len(line) > _PIPE_BUF:
            yield b"".join(gathered)
            gathered, size = [], 0
        gathered.append(line)
        size += len(line)
    if gathered:
        yield b"".join(gathered)


class _Immediate:
    """Writes to a file descriptor without ever waiting.

    O_NONBLOCK belongs to an open file, which other processes share, so it is never set on ours. A pipe or a terminal is
    opened once more for it, and a socket has a flag for each message. A regular file is always ready.
    """

    def __init__(self, descriptor: int) -> None:
        self._own: int | None = None
        self._socket: socket.socket | None = None
        self._descriptor = descriptor
        self._is_ready = True
        """Whether a write never waits. If not, it is asked before."""
        try:
            kind = os.fstat(descriptor).st_mode
            if stat.S_ISSOCK(kind):
                self._socket = socket.socket(fileno=os.dup(descriptor))
            elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
                self._is_ready = False
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._descriptor = self._own = os.open(f"/proc/self/fd/{descriptor}", flags)
                self._is_ready = True
        except OSError:
            """It is closed, or the pipe of another user, or there is no /proc."""

    def write(self, data: bytes) -> int | None:
        """Return the number of bytes written; None if that would have to wait; all of them if nobody can read them."""
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            if not self._is_ready and not select.select([], [self._descriptor], [], 0)[1]:
                return None
            return os.write(self._descriptor, data[:_PIPE_BUF])
        except BlockingIOError:
            return None
        except OSError:
            return len(data)

    def close(self) -> None:
        """Close what was opened for this."""
        if self._own is not None:
            os.close(self._own)
        if self._socket is not None:
            self._socket.close()
