"""The database's files while it is open: whether they still have their names, and how large the write-ahead log is."""

from pathlib import Path

from actiond.actions.errors import StoreError, StoreUnavailableError

_Identity = tuple[int, int]


class DatabaseFiles:
    """The database and its write-ahead log, as they were when the database was opened.

    A file that is removed, or replaced as by a restore, goes on without a name: SQLite writes to it, and the next start
    does not find what it wrote. The files of an open database keep their inodes, so no other file can have the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = Path(f"{path}-wal")
        self._known: dict[Path, _Identity] = {}
        self.check()

    def check(self) -> int:
        """Return the size of the write-ahead log in bytes. Raise StoreUnavailableError for a file that is another."""
        size = 0
        for path in (self._path, self._wal):
            try:
                found = path.stat()
            except OSError as error:
                if path == self._wal and path not in self._known:
                    continue  # SQLite creates it when it first needs it
                raise StoreUnavailableError(f"{path} is gone, although it is open: {error.strerror}") from error
            if self._known.setdefault(path, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
                raise StoreUnavailableError(f"{path} is another file than the one that is open")
            size = found.st_size
        return size if self._wal in self._known else 0


def refuse_remains(path: Path) -> None:
    """Raise StoreError if a database is missing or empty, but its write-ahead log holds changes to it.

    SQLite would drop them, and make a new database.
    """
    wal = Path(f"{path}-wal")
    if not _size(path) and _size(wal):
        raise StoreError(
            f"{path} is {'empty' if path.exists() else 'missing'}, but {wal} holds changes to it: put the database"
            " back, or move that file away for a new installation"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
