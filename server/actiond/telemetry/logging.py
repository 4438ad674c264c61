"""Configures logging: exactly one line per record, escaped, and bounded per second.

Whatever Python has to say goes through here: log records, warnings, and exceptions that nobody has caught.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from actiond.telemetry.escaping import escaped

MAX_LINE_CHARACTERS = 16_384
"""Characters of a line; of a longer one, the middle is cut out."""
BURST_BYTES = 64 * 1024
"""Bytes that one place in the code may log at once."""
BYTES_PER_SECOND = 16 * 1024
"""Bytes that one place in the code may log per second in the long run: strangers can cause what some places log."""
MAX_PLACES = 4096
"""Places in the code that are counted. Code that is compiled at run time could make any number of them."""

_log = logging.getLogger(__name__)


class OneLineFormatter(logging.Formatter):
    """Formats time, level, logger and message. Escapes what is not printable, also in tracebacks, against forgery."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return _shortened(escaped(super().format(record)))


def _shortened(line: str) -> str:
    """Cut out the middle: a traceback's end says what happened, and its beginning says where."""
    missing = len(line) - MAX_LINE_CHARACTERS
    half = MAX_LINE_CHARACTERS // 2
    return line if missing <= 0 else f"{line[:half]} [… {missing} characters …] {line[-half:]}"


class _Place:
    """How much one place in the code may log now."""

    __slots__ = ("available", "seen_at", "suppressed")

    def __init__(self, now: float) -> None:
        self.available = float(BURST_BYTES)
        self.seen_at = now
        self.suppressed = 0


class LineHandler(logging.Handler):
    """Gives each record as a line to `put`, and counts what one place in the code logs beyond its share.

    The count is added to the next line from that place.
    """

    def __init__(self, put: Callable[[bytes], object], encoding: str, clock: Callable[[], float]) -> None:
        """`clock` returns seconds."""
        super().__init__()
        self._put = put
        self._encoding = encoding
        self._clock = clock
        self._places: dict[tuple[str, int], _Place] = {}
        self.setFormatter(OneLineFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        place = self._place(record)
        if place.available <= 0:
            place.suppressed += 1
            return
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001  # a record whose arguments fail must not fail its caller
            text = self._unformatted(record, error)
        if place.suppressed:
            text += f" ({place.suppressed} more from here were not logged)"
            place.suppressed = 0
        line = f"{text}\n".encode(self._encoding, "backslashreplace")
        place.available -= len(line)
        self._put(line)

    def line(self, level: int, message: str) -> bytes:
        """Return a line about the log itself."""
        record = logging.LogRecord(__name__, level, __file__, 0, message, (), None)
        return f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")

    def _place(self, record: logging.LogRecord) -> _Place:
        key = (record.pathname, record.lineno)
        now = self._clock()
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= MAX_PLACES:
                self._places.clear()
            place = self._places[key] = _Place(now)
        place.available = min(BURST_BYTES, place.available + (now - place.seen_at) * BYTES_PER_SECOND)
        place.seen_at = now
        return place

    def _unformatted(self, record: logging.LogRecord, error: Exception) -> str:
        record = logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, "", (), None)
        record.msg = f"a record of line {record.lineno} could not be formatted: {type(error).__name__}"
        return self.format(record)


def set_up(level: str, handler: logging.Handler) -> None:
    """Log records of `level` and above with the handler, in place of all handlers set before.

    Warnings, and exceptions that end a thread or that nobody can catch, become records too.
    """
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_ended_thread
    sys.unraisablehook = _log_unraisable


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _log.critical("the program failed", exc_info=(kind, error, traceback))


def _log_ended_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_type is SystemExit:
        return
    name = "unknown" if failure.thread is None else failure.thread.name
    _log.error("the thread %s failed", name, exc_info=failure.exc_value)


class _Unraisable(Protocol):
    """`sys.UnraisableHookArgs`, whose type exists for type checkers only."""

    @property
    def exc_value(self) -> BaseException | None: ...
    @property
    def err_msg(self) -> str | None: ...
    @property
    def object(self) -> object: ...


def _log_unraisable(failure: _Unraisable) -> None:
    _log.error("%s: %r", failure.err_msg or "exception ignored in", failure.object, exc_info=failure.exc_value)
