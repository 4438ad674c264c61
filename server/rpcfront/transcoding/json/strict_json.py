"""Parses JSON (RFC 8259) strictly: UTF-8, no duplicate keys, at most 100 levels deep. Knows nothing of messages.

`loads` is made for the hot path: it does what is expensive only for a body that gives it cause.
"""

import json
from collections import Counter
from decimal import Decimal
from typing import NoReturn

import orjson

from rpcfront.status import shortened

MAX_DEPTH = 100
# A whole float below this is exactly the number that was written; above it, digits may have been lost.
EXACT = 2.0**53
# No integer field holds numbers from here on, so their digits do not matter.
_MIN_TOO_LARGE = 2.0**65
_MAX_SHOWN = 100
"""Characters of a key in an error."""
# As a number, which is found in bytes three times as fast.
_BACKSLASH = ord("\\")


class MalformedJsonError(ValueError):
    """The bytes are not valid JSON. The text is meant for the client that sent them."""


class InexactNumberError(Exception):
    """An integer field got a number whose digits `loads` may have lost. Parse the body again with `loads_exactly`."""


class NotWhole(float):
    """A number with a fraction that is lost in a float of its size. No integer field accepts it."""


def loads(body: bytes) -> object:
    """Return the document as dicts, lists, strings, ints, floats, bools and None. Raises MalformedJsonError.

    An integer beyond 64 bits becomes a float, as orjson reads it. A reader that needs its digits raises
    InexactNumberError.
    """
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(body, error) from None
    # Every level takes two bytes, which settles the question for most bodies.
    if len(body) > 2 * MAX_DEPTH and body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise MalformedJsonError(_TOO_DEEP)
    # orjson keeps the last of two equal keys, so the document printed again has fewer colons than the body: colons are
    # between key and value or inside strings, and strings are kept unless they were lost with a duplicate key. Only a
    # colon written as \u003a would upset the count.
    if (_BACKSLASH in body and b"\\u003" in body) or body.count(b":") != orjson.dumps(document).count(b":"):
        _refuse_duplicate_keys(body)
    return document


def loads_exactly(body: bytes) -> object:
    """Parse a body that `loads` has accepted again, keeping every number that an integer field can hold exact."""
    document: object = json.loads(body.decode(), parse_int=exact_number, parse_float=exact_number)
    return document


def exact_number(literal: str) -> int | float:
    """Return a JSON number as an exact float, as an int if a float is inexact, or as NotWhole if neither is exact."""
    rounded = float(literal)
    if abs(rounded) < EXACT or abs(rounded) >= _MIN_TOO_LARGE:
        return rounded
    number = Decimal(literal)
    return int(number) if number == number.to_integral_value() else NotWhole(rounded)


def _depth(document: object) -> int:
    """Return how deep objects and arrays are nested. Level by level, since recursion has a limit."""
    depth = 0
    level = [document] if isinstance(document, dict | list) else []
    while level:
        depth += 1
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
    return depth


def _refuse_duplicate_keys(body: bytes) -> None:
    # Numbers stay text: their values do not matter here, and Python refuses to convert very long ones.
    json.loads(body.decode(), object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _raise_duplicate_key(pairs)
    return members


def _raise_duplicate_key(pairs: list[tuple[str, object]]) -> NoReturn:
    counts = Counter(key for key, _ in pairs)
    duplicate = next(key for key, count in counts.items() if count > 1)
    shown = json.dumps(shortened(duplicate, _MAX_SHOWN), ensure_ascii=False)
    raise MalformedJsonError(f"invalid JSON: the key {shown} is given twice")


_TOO_DEEP = f"invalid JSON: nested deeper than {MAX_DEPTH} levels"


def _malformed(body: bytes, error: orjson.JSONDecodeError) -> MalformedJsonError:
    """Return the error in our own words. orjson's text only serves to tell the cases apart."""
    if not body.strip(b" \t\r\n"):
        return MalformedJsonError("invalid JSON: the body is empty")
    try:
        body.decode()
    except UnicodeDecodeError as not_utf8:
        return MalformedJsonError(f"invalid JSON: the body is not UTF-8 at byte {not_utf8.start}")
    if "depth limit" in error.msg:
        return MalformedJsonError(_TOO_DEEP)
    what = "a number too large" if "infinity" in error.msg else "not JSON"
    return MalformedJsonError(f"invalid JSON: {what} at line {error.lineno}, column {error.colno}")
