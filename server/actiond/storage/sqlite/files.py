"""The database's files while it is open: whether they still have their names, and how large the write-ahead log is."""

import os
import struct
import time
from math import inf
from pathlib import Path

from actiond.actions.errors import StoreError, StoreUnavailableError

_Identity = tuple[int, int]
_CHECK_SECONDS = 0.1
"""How long a revocation that another process stored may go unseen once the files are others."""


class DatabaseFiles:
    """The database and its write-ahead log, as they were when the database was opened.

    A file that is removed, or replaced as by a restore, goes on without a name: SQLite writes to it, and the next start
    does not find what it wrote. The files of an open database keep their inodes, so no other file can have the same.
    """

    def __init__(self, path: Path) -> None:
        self._database, self._wal = str(path), f"{path}-wal"
        # Processes that have other files with the locks do not know of each other.
        self._paths = (self._database, f"{path}-shm", self._wal)
        self._known: dict[str, _Identity] = {}
        # Open until `close`: closing any descriptor of a file gives up the process's locks on it, SQLite's too.
        self._file = os.open(path, os.O_RDONLY)
        self._size = 0
        """Of the database, which becomes smaller only by VACUUM."""
        self._checked_at = -inf
        self.check()

    def check(self) -> int:
        """Return the size of the write-ahead log in bytes. Raise StoreUnavailableError for a file that is another."""
        size = 0
        for path in self._paths:
            try:
                found = os.stat(path)  # noqa: PTH116  # Path's takes twice as long
            except OSError as error:
                if path != self._database and path not in self._known:
                    continue  # SQLite creates it when it first needs it
                raise StoreUnavailableError(f"{path} is gone, although it is open: {error.strerror}") from error
            if self._known.setdefault(path, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
                raise StoreUnavailableError(f"{path} is another file than the one that is open")
            if path == self._database:
                if found.st_size < self._size and self._is_cut():
                    raise StoreUnavailableError(f"{path} has been cut, although it is open")
                self._size = found.st_size
            elif path == self._wal:
                size = found.st_size
        return size

    def check_now_and_then(self) -> None:
        """Check if the last time was a while ago. Raise StoreUnavailableError."""
        now = time.monotonic()
        if now - self._checked_at >= _CHECK_SECONDS:
            self.check()
            self._checked_at = now

    def close(self) -> None:
        """Close what `check` has open, after the last connection."""
        os.close(self._file)

    def _is_cut(self) -> bool:
        """Tell whether the database's header promises more than there is."""
        header = os.pread(self._file, 32, 0)
        return len(header) < 32 or _database_size(header) > os.fstat(self._file).st_size


def _database_size(header: bytes) -> int:
    """Return the size in bytes, see https://www.sqlite.org/fileformat.html, "The Database Header"."""
    page_size, page_count = struct.unpack(">16xH10xI", header)
    pages: int = page_count
    return pages * (65536 if page_size == 1 else page_size)


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
