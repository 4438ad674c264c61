"""Creates the database file, connects to it, begins transactions and translates errors."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from actiond.actions.errors import StoreError, StoreUnavailableError
from actiond.secrets.private_files import make_directory, sync_directory

BUSY_TIMEOUT = 5.0
"""Default number of seconds to wait for another process's lock."""

DRIVER_ERRORS = (sqlite3.Error, OverflowError, ValueError)
"""Exceptions of the sqlite3 module, and those for values that the file cannot hold or should not contain."""

_POLL_SECONDS = 0.0005
_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # in WAL mode, NORMAL may lose acknowledged writes in a power failure
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA journal_size_limit = 67108864",  # truncates a WAL that has grown in a burst
)


_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""Results of SQLite that are not about the statement: any other would have had them, too."""


def store_error(cause: BaseException) -> StoreError:
    """Return a new StoreError: if several callers raised the same exception, it would collect all their tracebacks."""
    code = getattr(cause, "sqlite_errorcode", None)  # an extended one has the primary one in its low byte
    is_unavailable = isinstance(cause, StoreUnavailableError) or (code is not None and code & 0xFF in _UNAVAILABLE)
    text = str(cause) if isinstance(cause, StoreError) else f"sqlite: {cause}"
    error = StoreUnavailableError(text) if is_unavailable else StoreError(text)
    error.__cause__ = cause
    return error


def connect(path: Path, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Return a connection whose transactions are begun and ended explicitly.

    The connection may be passed to another thread, but must not be used by two at the same time.

    busy_timeout: seconds that SQLite itself waits for a lock; 0 if `retry` waits instead.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            retry(connection, pragma)  # some read the file
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: sqlite3.Connection, busy_timeout: float = BUSY_TIMEOUT) -> None:
    """Begin a transaction that may write; wait while another process holds the lock.

    SQLite's own busy handler sleeps up to 100 ms between attempts, and misses the much shorter gaps that a process
    leaves which commits without a pause. Measured with three such processes at once, a process waited up to 430 ms with
    SQLite's handler and up to 25 ms with this one.
    """
    retry(connection, "BEGIN IMMEDIATE", busy_timeout)


def retry(connection: sqlite3.Connection, statement: str, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Cursor:
    """Execute a statement, and retry it while another process holds the lock, until the timeout."""
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_SECONDS)


def empty_log(connection: sqlite3.Connection, seconds: float) -> bool:
    """Move the write-ahead log into the database, and truncate it. Return whether nobody has kept it from that.

    Another process that writes without a pause leaves short gaps, as for `begin`. Each attempt moves what there is.
    """
    deadline = time.monotonic() + seconds
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def roll_back(connection: sqlite3.Connection) -> None:
    """Roll back the transaction, unless SQLite has done so itself, as it does after some errors such as a full disk."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # the next BEGIN will fail with it
            connection.execute("ROLLBACK")


def create_privately(path: Path) -> None:
    """Create the file and its directory if missing, for this user alone. SQLite gives WAL and SHM the same mode.

    O_EXCL, because an existing file must not even be opened: closing any of its descriptors would drop all locks that
    this process holds on it (sqlite.org/howtocorrupt.html, 2.2).
    """
    make_directory(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        sync_directory(path.parent)
