"""Opens the store for a database URL. Each store, and its driver, is imported only when it is opened."""

from pathlib import Path

from actiond.actions.errors import StoreError
from actiond.actions.ports import ObserveBatch, Store
from actiond.storage.urls import DatabaseUrl


def open_store(url: DatabaseUrl, observe_batch: ObserveBatch | None = None, *, must_exist: bool = False) -> Store:
    """Open the store, on the event loop's thread; create it where it is missing, unless `must_exist`.

    A memory store has no batches and never calls `observe_batch`. Raise StoreError if the store cannot be opened.
    """
    match url:
        case DatabaseUrl("sqlite", Path() as path):
            if must_exist and not path.exists():
                raise StoreError(f"{path}: there is no such database")
            from actiond.storage.sqlite import SqliteStore

            return SqliteStore.open(path, observe_batch=observe_batch)
        case _:
            from actiond.storage.memory import MemoryStore

            return MemoryStore()
