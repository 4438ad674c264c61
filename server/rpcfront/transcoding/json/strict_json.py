"""Strict JSON (RFC 8259) out of bytes: UTF-8, no doubled key, nested at most 100 deep. Knows nothing of messages.

`loads` is made for the hot path; what is dear it does only for a body that gives it cause.
"""

import json
from decimal import Decimal
from typing import NoReturn

import orjson

MAX_DEPTH = 100
# A float below this, if whole, is the very number that was written; above it digits may have been lost.
EXACT = 2.0**53
# No integer field holds a number this large, so nobody needs its digits.
_BEYOND_INTEGERS = 2.0**65


# As a number: bytes look for one of those three times as fast.
_BACKSLASH = ord("\\")


class MalformedJsonError(ValueError):
    """The bytes are not the JSON that they should be. Its text is fit for the client that sent them."""


class InexactNumberError(Exception):
    """An integer field met a number whose digits `loads` may have lost: read the body again with `loads_exactly`."""


class NotWhole(float):
    """A number that has a fraction, too large for a float to show it: no integer field takes it."""


def loads(body: bytes) -> object:
    """The document as dicts, lists, strings, ints, floats, bools and None; raises MalformedJsonError.

    An integer beyond 64 bits comes as a float, as orjson reads it; who needs its digits raises InexactNumberError.
    """
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(body, error) from None
    # Every level takes two bytes, and most bodies end the question here.
    if len(body) > 2 * MAX_DEPTH and body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise MalformedJsonError(_TOO_DEEP)
    # The last of two equal keys wins in orjson, so the document printed again has fewer colons than the body, whose
    # colons stand between key and value or inside a string, and strings survive unless they fell with a doubled key.
    # Only a colon written as \u003a would upset the count.
    if (_BACKSLASH in body and b"\\u003" in body) or body.count(b":") != orjson.dumps(document).count(b":"):
        _refuse_doubled_keys(body)
    return document


def loads_exactly(body: bytes) -> object:
    """The document of a body that `loads` has accepted, with every number an integer field could hold kept exact."""
    document: object = json.loads(body.decode(), parse_int=exact_number, parse_float=exact_number)
    return document


def exact_number(literal: str) -> int | float:
    """The value of a JSON number: a float that is exact, an int where a float is not, NotWhole where neither can be."""
    rounded = float(literal)
    if abs(rounded) < EXACT or abs(rounded) >= _BEYOND_INTEGERS:
        return rounded
    number = Decimal(literal)
    return int(number) if number == number.to_integral_value() else NotWhole(rounded)


def _depth(document: object) -> int:
    """How deep objects and arrays are nested; level by level, so that no recursion limit is met."""
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


def _refuse_doubled_keys(body: bytes) -> None:
    # Numbers are left as text: their values do not matter here, and Python refuses to convert very long ones.
    json.loads(body.decode(), object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _name_the_doubled_key(pairs)
    return members


def _name_the_doubled_key(pairs: list[tuple[str, object]]) -> NoReturn:
    keys = [key for key, _ in pairs]
    doubled = next(key for key in keys if keys.count(key) > 1)
    raise MalformedJsonError(f"invalid JSON: the key {json.dumps(doubled, ensure_ascii=False)} is given twice")


_TOO_DEEP = f"invalid JSON: nested deeper than {MAX_DEPTH} levels"


def _malformed(body: bytes, error: orjson.JSONDecodeError) -> MalformedJsonError:
    """Says in our words what is wrong; orjson's text only serves to tell the cases apart."""
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
