"""Configures logging: to stderr, exactly one line per record."""

import logging
import sys
import time


class OneLineFormatter(logging.Formatter):
    """Formats time, level, logger and message. Escapes line breaks, also in tracebacks, against forged records."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up(level: str) -> None:
    """Log records of `level` and above to stderr, in place of all handlers set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
