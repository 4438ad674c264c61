"""Stores the public keys of targets: the statements and their rows."""
# ruff: noqa: S608  # the statements consist of constants

from actiond.actions.public_keys import PublicKey
from actiond.storage.sqlite.rows import Row

COLUMNS = "key_id, pem, fingerprint, key_created_at_ns, key_changed_at_ns, key_expires_at_ns"

PUT = f"REPLACE INTO public_keys (target_id, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
REMOVE = "DELETE FROM public_keys WHERE target_id = ? AND key_id = ?"
REMOVE_ALL = "DELETE FROM public_keys WHERE target_id = ?"
OF_TARGET = f"SELECT {COLUMNS} FROM public_keys WHERE target_id = ? ORDER BY key_id"


def to_row(target_id: str, key: PublicKey) -> Row:
    """Return the parameters of PUT."""
    # bytearray, see `targets.to_row`.
    return (
        target_id,
        key.id,
        bytearray(key.pem),
        key.fingerprint,
        key.created_at_ns,
        key.changed_at_ns,
        key.expires_at_ns,
    )


def from_row(row: Row) -> PublicKey:
    """Return the key in a row of COLUMNS."""
    return PublicKey(*row)


def active_from_row(row: Row) -> PublicKey | None:
    """Return the key in a row of COLUMNS that an outer join has added; None if it has added none."""
    return None if row[0] is None else from_row(row)
