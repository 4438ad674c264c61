"""Stores the properties of this installation, in a table with one row."""

from typing import cast

from actiond.storage.sqlite.guarded_cursor import GuardedCursor

DEFAULT_OWNER = "SELECT default_owner FROM instance"

_SET_DEFAULT_OWNER = "UPDATE instance SET default_owner = ?"
_NEXT_WORKER = "UPDATE instance SET next_worker = next_worker + 1 RETURNING next_worker - 1"


class SqliteInstance:
    """Reads and writes the installation's row in one transaction."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: GuardedCursor) -> None:
        self._cursor = cursor

    def default_owner(self) -> str | None:
        return cast("str | None", self._cursor.read_value(DEFAULT_OWNER))

    def set_default_owner(self, owner: str) -> None:
        self._cursor.execute(_SET_DEFAULT_OWNER, (owner,))

    def next_worker_number(self) -> int:
        return cast("int", self._cursor.read_value(_NEXT_WORKER))
