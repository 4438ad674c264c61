"""Instance keys, whose private keys are encrypted."""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Sequence

from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import Row

_COLUMNS = "id, algorithm, public_jwk, sealed, created_at_ns, signs_from_ns, expires_at_ns"

ALL = f"SELECT {_COLUMNS} FROM instance_keys ORDER BY created_at_ns, id"
_PUT = f"INSERT OR REPLACE INTO instance_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM instance_keys WHERE id = ?"


class SqliteInstanceKeys:
    """Reads and writes the instance keys of one transaction."""

    __slots__ = ("_cursor", "_record")

    def __init__(self, cursor: GuardedCursor, record: ChangeRecord) -> None:
        self._cursor = cursor
        self._record = record

    def all(self) -> Sequence[InstanceKey]:
        return self._cursor.read(lambda rows: [from_row(row) for row in rows], ALL)

    def put(self, key: InstanceKey) -> None:
        self._record.instance_key(key.id)
        self._cursor.execute(_PUT, _to_row(key))

    def delete(self, key: InstanceKey) -> None:
        self._record.instance_key(key.id)
        self._cursor.change(_DELETE, (key.id,))


def from_row(row: Row) -> InstanceKey:
    """Return the key in a row of ALL."""
    key_id, algorithm, public_jwk, sealed, created_at_ns, signs_from_ns, expires_at_ns = row
    return InstanceKey(
        id=key_id,
        algorithm=KeyAlgorithm(algorithm),
        public_jwk=public_jwk,
        sealed=sealed,
        created_at_ns=created_at_ns,
        signs_from_ns=signs_from_ns,
        expires_at_ns=expires_at_ns,
    )


def _to_row(key: InstanceKey) -> Row:
    """Return the parameters of _PUT."""
    return (
        key.id,
        key.algorithm.value,
        key.public_jwk,
        key.sealed,
        key.created_at_ns,
        key.signs_from_ns,
        key.expires_at_ns,
    )
