"""The file's schema: whose file it is, which version it stands at, and bringing it up to date.

Migrations are the numbered scripts in `migrations/`. PRAGMA user_version counts those that were applied, PRAGMA
application_id marks the file as ours; both change in the transaction that applies the scripts.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.storage.sqlite.connection import begin, retry, roll_back

APPLICATION_ID = int.from_bytes(b"actd", "big")


def migrations() -> Sequence[str]:
    """The scripts in order: script number n brings a file from version n - 1 to n."""
    directory = resources.files("actiond.storage.sqlite") / "migrations"
    scripts = sorted((entry for entry in directory.iterdir() if entry.name.endswith(".sql")), key=lambda s: s.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def prepare(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    """Brings the file to the newest version in one transaction. Several processes may do so at once.

    Raises StoreError for a file that is not ours and SchemaTooNewError for one from the future, touching neither.
    """
    connection.execute("BEGIN")
    try:
        version = _version(connection, path, len(scripts))
    finally:
        roll_back(connection)
    # Kept in the file, so it is set once. SQLite's own wait does not cover the change to WAL.
    mode = retry(connection, "PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"{path}: no write-ahead log here, perhaps a network file system (journal mode {mode})")
    if version < len(scripts):
        _upgrade(connection, path, scripts)


def _upgrade(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    begin(connection)
    try:
        # Again: another process may have been first.
        for script in scripts[_version(connection, path, len(scripts)) :]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    finally:
        roll_back(connection)


def _version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    """How many migrations the file has seen. Wants a transaction, or another process could come between the looks."""
    (tables,) = retry(connection, "SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise StoreError(f"{path} is the database of another program")
    if version > newest:
        raise SchemaTooNewError(
            f"{path} has schema {version}, this actiond knows {newest} and older ones: "
            "start the release that wrote the file, or a later one"
        )
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction that it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
