"""SQLite, the default store: one file, which several processes may share."""

from server.storage.sqlite.schema import SchemaTooNewError
from server.storage.sqlite.store import SqliteStore

__all__ = ["SchemaTooNewError", "SqliteStore"]
