"""Everything that Python says aside while answers are made: errors in the log, and exceptions that nobody caught."""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fuzz.endings import ServicerError

# grpcio says the first when a deadline passes while an answer is on its way, of methods that nobody has registered too,
# and the second of metadata that is no UTF-8.
_GRPCIOS_OWN = ("ExecuteBatchError raised in core", "Invalid encoding on")


class Aside(logging.Handler):
    """Collects what should not be there: all that no servicer has raised."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not (isinstance(error, ServicerError) or record.getMessage().startswith(_GRPCIOS_OWN)):
            where = traceback.extract_tb(error.__traceback__)[-1:] if error is not None else ""
            self._said.append(f"{record.levelname} {record.name}: {record.getMessage()}: {error!r} {where}")

    def uncaught(self, event: Any) -> None:
        """For the hooks of threads and destructors."""
        self._said.append(f"uncaught: {event.exc_type.__name__}: {event.exc_value}")

    def take(self) -> list[str]:
        """What was said since the last time."""
        said, self._said = self._said, []
        return said


@contextmanager
def listening() -> Iterator[Aside]:
    """Listens for as long as it is open."""
    aside = Aside()
    root = logging.getLogger()
    hooks = sys.unraisablehook, threading.excepthook
    root.addHandler(aside)
    sys.unraisablehook = threading.excepthook = aside.uncaught
    try:
        yield aside
    finally:
        sys.unraisablehook, threading.excepthook = hooks
        root.removeHandler(aside)
