"""Stores signing keys, which are encrypted: the statements and their rows."""

from collections.abc import Iterable, Sequence

from actiond.actions.signing_keys import SigningKey
from actiond.storage.sqlite.rows import Row

INSERT = "INSERT INTO signing_keys (target_id, position, sealed, expires_at_ns) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM signing_keys WHERE target_id = ?"
OF_TARGET = "SELECT target_id, sealed, expires_at_ns FROM signing_keys WHERE target_id = ? ORDER BY position"
# Parameter: a JSON array of ids.
OF_TARGETS = """
SELECT target_id, sealed, expires_at_ns FROM signing_keys
WHERE target_id IN (SELECT CAST(value AS TEXT) FROM json_each(?))
ORDER BY target_id, position
"""
# Position 0 is the newest key.
NEWEST_PREFIXES = """
SELECT coalesce(substr(signing_keys.sealed, 1, ?), x''), count(*) FROM targets
LEFT JOIN signing_keys ON signing_keys.target_id = targets.id AND signing_keys.position = 0
GROUP BY 1
"""


def to_rows(target_id: str, keys: Sequence[SigningKey]) -> list[Row]:
    """Return the parameters of INSERT."""
    # bytearray, see `targets.to_row`.
    return [(target_id, position, bytearray(key.sealed), key.expires_at_ns) for position, key in enumerate(keys)]


def from_row(row: Row) -> SigningKey:
    """Return the key in a row of OF_TARGET."""
    _, sealed, expires_at_ns = row
    return SigningKey(sealed, expires_at_ns)


def by_target(rows: Iterable[Row]) -> dict[str, list[SigningKey]]:
    """Return the keys in the rows of OF_TARGETS, by target id."""
    found: dict[str, list[SigningKey]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(from_row(row))
    return found
