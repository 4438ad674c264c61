"""Stores targets: the repository of a transaction, and rows. Queries for lists are in `target_lists`."""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Sequence

from actiond.actions.errors import StoreError, TargetNameTakenError
from actiond.actions.public_keys import PublicKey
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import PayloadType, Target, TargetType
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite import public_keys, signing_keys
from actiond.storage.sqlite.executions import KEYS_WITH_TARGET, SqliteExecutions
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import Row

_KEY = "owner, id_length, id"
_REST = (
    "name, name_key, type, is_async, interrupt_on_error, timeout_seconds, timeout_nanos, endpoint, sequence, "
    "created_at_ns, changed_at_ns, payload_type, active_key_id"
)
_MARKS = ", ".join("?" * 13)
_HAS_KEY = "owner = ? AND id_length = ? AND id = ?"

# Parameters: the owner and a JSON array of ids. Without the casts, SQLite would not use the whole key.
IN_JSON = f"""
({_KEY}) IN (
    SELECT CAST(? AS TEXT), CAST(length(value) AS INTEGER), CAST(value AS TEXT) FROM json_each(?))
"""

# Inserts no row if the owner already has a target with that name.
INSERT = f"""
INSERT INTO targets ({_KEY}, {_REST}) VALUES (?, ?, ?, {_MARKS})
ON CONFLICT (owner, name_key) DO NOTHING
"""
UPDATE = f"UPDATE targets SET ({_REST}) = ({_MARKS}) WHERE {_HAS_KEY}"
DELETE = f"DELETE FROM targets WHERE {_HAS_KEY}"
_SELECT = f"""
SELECT {_KEY}, {_REST}, {public_keys.COLUMNS} FROM targets
LEFT JOIN public_keys ON target_id = id AND key_id = active_key_id
"""
BY_ID = f"{_SELECT} WHERE {_HAS_KEY}"
BY_IDS = f"{_SELECT} WHERE {IN_JSON}"
ACTIVE_KEY_ID = f"SELECT active_key_id FROM targets WHERE {_HAS_KEY}"
OTHER_WITH_NAME = "SELECT id FROM targets WHERE owner = ? AND name_key = ? AND id <> ?"

ADD_TO_COUNT = """
INSERT INTO target_counts (owner, targets) VALUES (?, ?)
ON CONFLICT (owner) DO UPDATE SET targets = targets + excluded.targets
"""
COUNT = "SELECT targets FROM target_counts WHERE owner = ?"

_NANOS = 1_000_000_000


class SqliteTargets:
    """Reads and writes the targets of one transaction."""

    __slots__ = ("_cursor", "_executions", "_record", "growth")

    def __init__(self, cursor: GuardedCursor, record: ChangeRecord, executions: SqliteExecutions) -> None:
        self._cursor = cursor
        self._record = record
        self._executions = executions
        self.growth: dict[str, int] = {}
        """Change in the number of targets, by owner. The writer stores it once per batch."""

    def insert(self, target: Target, keys: Sequence[SigningKey]) -> None:
        if not self._cursor.execute(INSERT, key(target.owner, target.id) + to_row(target)).rowcount:
            raise TargetNameTakenError
        self._record.target(target.id)
        self._grow(target.owner, 1)
        self._cursor.execute_each(signing_keys.INSERT, signing_keys.to_rows(target.id, keys))

    def get(self, owner: str, target_id: str) -> Target | None:
        return self._cursor.read_first(from_row, BY_ID, key(owner, target_id))

    def update(self, target: Target) -> None:
        if self._cursor.read(bool, OTHER_WITH_NAME, (target.owner, target.name_key, target.id)):
            raise TargetNameTakenError
        self._record.target(target.id)
        self._cursor.change(UPDATE, to_row(target) + key(target.owner, target.id))
        self._executions.raise_revision_if_used(target.owner, target.id)

    def delete(self, target: Target) -> None:
        if self._cursor.read(bool, KEYS_WITH_TARGET, (target.owner, target.id)):
            raise StoreError(f"target {target.id} is used by an execution")
        self._record.target(target.id)
        self._cursor.change(DELETE, key(target.owner, target.id))
        self._grow(target.owner, -1)
        self._cursor.execute(signing_keys.DELETE, (target.id,))
        self._cursor.execute(public_keys.REMOVE_ALL, (target.id,))

    def signing_keys(self, target_id: str) -> Sequence[SigningKey]:
        return self._cursor.read(
            lambda rows: [signing_keys.from_row(row) for row in rows], signing_keys.OF_TARGET, (target_id,)
        )

    def set_signing_keys(self, owner: str, target_id: str, keys: Sequence[SigningKey]) -> None:
        self._record.target(target_id)
        self._cursor.execute(signing_keys.DELETE, (target_id,))
        self._cursor.execute_each(signing_keys.INSERT, signing_keys.to_rows(target_id, keys))
        self._executions.raise_revision_if_used(owner, target_id)

    def public_keys(self, target_id: str) -> Sequence[PublicKey]:
        return self._cursor.read(
            lambda rows: list(map(public_keys.from_row, rows)), public_keys.OF_TARGET, (target_id,)
        )

    def put_public_key(self, target_id: str, key: PublicKey) -> None:
        self._record.target(target_id)
        self._cursor.execute(public_keys.PUT, public_keys.to_row(target_id, key))

    def remove_public_key(self, target_id: str, key_id: str) -> None:
        self._record.target(target_id)
        self._cursor.execute(public_keys.REMOVE, (target_id, key_id))

    def _grow(self, owner: str, more: int) -> None:
        self.growth[owner] = self.growth.get(owner, 0) + more


def key(owner: str, target_id: str) -> Row:
    """Return the parameters that identify a target."""
    return owner, len(target_id), target_id


def to_row(target: Target) -> Row:
    """Return the columns other than the key, which INSERT takes after the key and UPDATE before it."""
    seconds, nanos = divmod(target.timeout_ns, _NANOS)
    # Plain int, str, float or bytearray: for any other type sqlite3 looks up an adapter, which is slow.
    return (
        target.name,
        target.name_key,
        target.type.value,
        int(not target.type.waits),
        int(target.interrupt_on_error),
        seconds,
        nanos,
        target.endpoint,
        target.sequence,
        target.created_at_ns,
        target.changed_at_ns,
        target.payload_type.value,
        None if target.public_key is None else target.public_key.id,
    )


def from_row(row: Row) -> Target:
    """Return the target in a row with all columns."""
    (
        owner,
        _,
        target_id,
        name,
        _,
        kind,
        _,
        interrupt_on_error,
        seconds,
        nanos,
        endpoint,
        sequence,
        created_at_ns,
        changed_at_ns,
        payload_type,
        _,
        *public_key,
    ) = row
    return Target(
        id=target_id,
        owner=owner,
        name=name,
        type=TargetType(kind),
        interrupt_on_error=bool(interrupt_on_error),
        timeout_ns=seconds * _NANOS + nanos,
        endpoint=endpoint,
        sequence=sequence,
        created_at_ns=created_at_ns,
        changed_at_ns=changed_at_ns,
        payload_type=PayloadType(payload_type),
        public_key=public_keys.active_from_row(tuple(public_key)),
    )
