"""Sets up logging, in one place: to stderr, one line per record, whatever the record holds."""

import logging
import sys
import time


class OneLineFormatter(logging.Formatter):
    """Time, level, logger, message. Line breaks, a traceback's too, are escaped, so that no text can forge a record."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up(level: str) -> None:
    """Replaces whatever handlers there are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
