"""Formats the lines of the access log and of the log of calls to targets, with the same field names in text and JSON.

Text is `key=value` pairs separated by spaces. A missing value is `-` in text and null in JSON.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import orjson

Record = Mapping[str, str | int | float | None]
"""The fields of a line, in order: no secret, and no data that was sent or received."""
Format = Callable[[Record], bytes]
"""Returns a record as a line, with its line break."""
Put = Callable[[Callable[[], bytes], int], object]
"""Writes the line that a function returns, of about so many bytes, without delaying the caller (see LineWriter.put)."""
RECORD_BYTES = 512
"""About what a record takes while it waits to be written, without those of its values that others choose."""

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII except the space, which ends a value, and the backslash, which begins an escape."""


def as_text(record: Record) -> bytes:
    """Return the record as `key=value` pairs."""
    return (" ".join(f"{key}={_word(value)}" for key, value in record.items()) + "\n").encode()


def as_json(record: Record) -> bytes:
    """Return the record as a JSON object in ASCII, in which every other character is an escape."""
    with suppress(orjson.JSONEncodeError):  # for a lone surrogate
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        if line.isascii() and b"\x7f" not in line:
            return line
    # JSON leaves DEL and the control characters beyond ASCII as they are.
    return f"{json.dumps(record, separators=(',', ':'))}\n".replace("\x7f", "\\u007f").encode()


FORMATS: Mapping[str, Format] = {"text": as_text, "json": as_json}
"""By their name in the settings."""


def timestamp(moment: float) -> str:
    """Return seconds since the epoch as an RFC 3339 timestamp in UTC, with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(seconds: float) -> float:
    """Return a duration in milliseconds, rounded to the microsecond."""
    return round(seconds * 1000, 3)


def _word(value: str | float | None) -> str:
    """Return a value as one word, with spaces and line breaks from clients or operators escaped."""
    if value is None or value == "":
        return "-"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return text.encode("unicode_escape").decode().replace(" ", "\\x20")
