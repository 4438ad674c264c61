"""Types and helpers that all tables share: rows, statements and JSON parameters.

Decoding a row that is not valid in the domain raises ValueError.
"""

import json
from collections.abc import Iterable
from typing import Any

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
