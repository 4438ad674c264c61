"""SQLite, the default store: one file, which several processes may share."""

from actiond.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
