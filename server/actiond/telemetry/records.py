"""Formats the lines of the access log and of the log of calls to targets, with the same field names in text and JSON.

Text is `key=value` pairs separated by spaces. A missing value is `-` in text and null in JSON.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

Record = Mapping[str, str | int | float | None]
"""The fields of a line, in order: no secret, and no data that was sent or received."""
Format = Callable[[Record], bytes]
"""Returns a record as a line, with its line break."""

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII except the space, which ends a value, and the backslash, which begins an escape."""


def as_text(record: Record) -> bytes:
    """Return the record as `key=value` pairs."""
    return (" ".join(f"{key}={_word(value)}" for key, value in record.items()) + "\n").encode()


def as_json(record: Record) -> bytes:
    """Return the record as a JSON object."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


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
