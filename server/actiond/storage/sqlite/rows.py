"""Types and helpers that all tables share: rows, statements and JSON parameters.

Decoding a row that is not valid in the domain raises ValueError.
"""

# ruff: noqa: S608  # the statements consist of constants

import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

Row = tuple[Any, ...]
"""A row as sqlite3 returns it. The schema is STRICT, so the types of the columns are known."""
Statement = tuple[str, Row]
"""SQL text and its parameters."""

MAX_INTEGER = 2**63 - 1
"""Largest integer in SQLite, and thus the largest OFFSET. No table has as many rows."""

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_list(texts: Iterable[str]) -> str:
    """Encode any number of texts as a parameter for json_each.

    Texts with a NUL are left out: no column contains one, and SQLite would truncate the text there.
    """
    return to_json([text for text in texts if "\0" not in text])


def rows_to_json(rows: Sequence[object]) -> str:
    """Encode rows of texts and integers for json_each, faster than `to_json`."""
    return orjson.dumps(rows).decode()


def as_json(columns: str, rest: str, prefix: str = "") -> str:
    """Return a statement whose only row holds all rows as one JSON array.

    sqlite3 lets go of the interpreter lock for every row, and waits for it again, which takes tens of microseconds
    while the event loop is busy.
    """
    names = columns.split(", ")
    selected = ", ".join(f"{prefix}{name}" for name in names)
    return f"SELECT json_group_array(json_array({columns})) FROM (SELECT {selected} FROM {rest})"


def from_json(positions: Iterable[int]) -> str:
    """Return the columns of the rows in the JSON array `new`, for a statement that takes many rows at once."""
    return ", ".join(f"json_extract(new.value, '$[{position}]')" for position in positions)
