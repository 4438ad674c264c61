"""Rows of the tables and the domain's values: the SQL, and the way there and back. A module for each kind of value.

What a row holds that the domain cannot take raises ValueError.
"""

import json
from collections.abc import Iterable
from typing import Any

# What sqlite3 hands over: the columns' types are the schema's promise, which STRICT keeps.
Row = tuple[Any, ...]

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_list(texts: Iterable[str]) -> str:
    """A parameter of any length, for json_each: without what no column holds and SQLite would cut short at its NUL."""
    return to_json([text for text in texts if "\0" not in text])
