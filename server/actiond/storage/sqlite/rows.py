"""What the modules of the tables share: rows, statements and JSON parameters.

A row that the domain cannot take raises ValueError.
"""

import json
from collections.abc import Iterable
from typing import Any

Row = tuple[Any, ...]
"""As sqlite3 returns it: the schema is STRICT, so the types of the columns are known."""
Statement = tuple[str, Row]
"""SQL and its parameters."""

MAX_INTEGER = 2**63 - 1
"""The largest integer in SQLite; also the largest offset. No table has so many rows."""

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_list(texts: Iterable[str]) -> str:
    """Return a parameter of any length for json_each.

    Texts with a NUL are left out: no column holds one, and SQLite would cut the text there.
    """
    return to_json([text for text in texts if "\0" not in text])
