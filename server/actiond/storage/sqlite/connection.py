"""One connection to the file: making the file, opening it, beginning a transaction, translating what goes wrong."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from actiond.actions.errors import StoreError
from actiond.secrets.private_files import make_directory, sync_directory

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's lock."""

DRIVER_ERRORS = (sqlite3.Error, OverflowError, ValueError)
"""What the sqlite3 module raises, and what a value does that the file cannot hold or should not have held."""

_POLL = 0.0005
_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # in WAL mode NORMAL may lose acknowledged writes when the power goes
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA journal_size_limit = 67108864",  # a WAL that a burst made long is cut again
)


def store_error(cause: BaseException) -> StoreError:
    """A StoreError of its own for each caller: an exception that two raise gathers both their tracebacks."""
    error = StoreError(f"sqlite: {cause}")
    error.__cause__ = cause
    return error


def connect(path: Path, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Return a connection whose transactions are begun and ended explicitly.

    It may move to another thread, but two must never use it at the same time. `busy_timeout` is how long SQLite itself
    waits for a lock, in seconds: 0 where `retry` waits.
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
    """Begins a transaction that may write, waiting for other processes.

    SQLite's own wait sleeps up to 100 ms between two looks. A process that commits without a pause leaves gaps much
    shorter than that: three of them at once were measured to hold one another up for 430 ms, and for 25 ms like this.
    """
    retry(connection, "BEGIN IMMEDIATE", busy_timeout)


def retry(connection: sqlite3.Connection, statement: str, busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Cursor:
    """Executes a statement again and again while another process's lock is in its way."""
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_POLL)


def roll_back(connection: sqlite3.Connection) -> None:
    """Leaves no transaction open; SQLite has ended it already after some errors, as a full disk."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # the next BEGIN tells
            connection.execute("ROLLBACK")


def create_privately(path: Path) -> None:
    """Makes the file and its directory, where missing, for this user alone; SQLite gives WAL and SHM the same mode.

    O_EXCL, since a file that is there must not even be opened: closing any descriptor of it would drop the locks that
    this process holds on it (sqlite.org/howtocorrupt.html, 2.2).
    """
    make_directory(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        sync_directory(path.parent)
