"""Targets."""
# ruff: noqa: S608, the statements are built of constants alone

from actiond.actions.targets import Target, TargetType
from actiond.storage.sqlite.rows import Row

_KEY = "owner, id_length, id"
_REST = (
    "name, name_key, type, is_async, interrupt_on_error, timeout_seconds, timeout_nanos, endpoint, sequence, "
    "created_at_ns, changed_at_ns"
)
_HAS_KEY = "owner = ? AND id_length = ? AND id = ?"

# Wants the owner and a JSON array of ids. Without its types SQLite would look up less than the whole key.
IN_JSON = f"""
({_KEY}) IN (
    SELECT CAST(? AS TEXT), CAST(length(value) AS INTEGER), CAST(value AS TEXT) FROM json_each(?))
"""

# Adds no row when the owner has a target of that name.
INSERT = f"""
INSERT INTO targets ({_KEY}, {_REST}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (owner, name_key) DO NOTHING
"""
UPDATE = f"UPDATE targets SET ({_REST}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE {_HAS_KEY}"
DELETE = f"DELETE FROM targets WHERE {_HAS_KEY}"
BY_ID = f"SELECT {_KEY}, {_REST} FROM targets WHERE {_HAS_KEY}"
BY_IDS = f"""
SELECT {_KEY}, {_REST} FROM targets
WHERE {IN_JSON}
"""
OF_EXECUTIONS = f"""
SELECT {_KEY}, {_REST} FROM targets WHERE ({_KEY}) IN (
    SELECT owner, length(target_id), target_id FROM execution_steps WHERE owner = ? AND target_id IS NOT NULL)
"""
NAMESAKE = "SELECT id FROM targets WHERE owner = ? AND name_key = ? AND id <> ?"

ADD_TO_COUNT = """
INSERT INTO target_counts (owner, targets) VALUES (?, ?)
ON CONFLICT (owner) DO UPDATE SET targets = targets + excluded.targets
"""
COUNT = "SELECT targets FROM target_counts WHERE owner = ?"

_NANOS = 1_000_000_000


def key(owner: str, target_id: str) -> Row:
    """What every statement on one target asks for."""
    return owner, len(target_id), target_id


def rest(target: Target) -> Row:
    """What INSERT wants behind the key, and UPDATE before it."""
    seconds, nanos = divmod(target.timeout_ns, _NANOS)
    # sqlite3 looks for an adapter of all that is not exactly a str, int, float or bytearray, which is dear.
    return (
        target.name,
        target.name_key,
        target.type.value,
        int(target.type is TargetType.ASYNC),
        int(target.interrupt_on_error),
        seconds,
        nanos,
        target.endpoint,
        target.sequence,
        target.created_at_ns,
        target.changed_at_ns,
    )


def of(row: Row) -> Target:
    """What the statements with all columns found."""
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
    )
