"""The lines of the access log and of the log of calls to targets: the same names in text and in JSON.

Text is `key=value` pairs with a space between them, `-` for a value that there is none of. JSON has null there.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

Record = Mapping[str, str | int | float | None]
"""The fields of a line, in order. Nothing of what was sent or received, and no secret."""
Format = Callable[[Record], bytes]
"""Makes a line of a record, its end included."""

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without the space, which ends a value, and the backslash, which begins an escape."""


def as_text(record: Record) -> bytes:
    """Return the record as `key=value` pairs."""
    return (" ".join(f"{key}={_word(value)}" for key, value in record.items()) + "\n").encode()


def as_json(record: Record) -> bytes:
    """Return the record as a JSON object."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


FORMATS: Mapping[str, Format] = {"text": as_text, "json": as_json}
"""By the name that the settings give them."""


def timestamp(moment: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(seconds: float) -> float:
    """Return a duration as the logs have it, to the microsecond."""
    return round(seconds * 1000, 3)


def _word(value: str | float | None) -> str:
    """Return a value as one word, whatever a client or an operator has put into it."""
    if value is None or value == "":
        return "-"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return text.encode("unicode_escape").decode().replace(" ", "\\x20")
