"""Checks which program a file belongs to and which schema version it has, and migrates it to the newest version.

Migrations are the numbered scripts in `migrations/`. PRAGMA user_version counts the applied ones, PRAGMA application_id
marks the file as actiond's; both are set in the transaction that applies the scripts.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.storage.sqlite.connection import begin, retry, roll_back

APPLICATION_ID = int.from_bytes(b"actd", "big")


def migrations() -> Sequence[str]:
    """Return the migration scripts in order: script number n migrates a file from version n - 1 to n."""
    directory = resources.files("actiond.storage.sqlite") / "migrations"
    scripts = sorted((entry for entry in directory.iterdir() if entry.name.endswith(".sql")), key=lambda s: s.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def prepare(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    """Migrate the file to the newest version in one transaction. Several processes may do so at once.

    Raise StoreError for another program's file, and SchemaTooNewError for a newer version; neither file is modified.
    """
    connection.execute("BEGIN")
    try:
        version = _version(connection, path, len(scripts))
    finally:
        roll_back(connection)
    # Stored in the file, so it is set only once. SQLite's busy timeout does not apply to the change to WAL.
    mode = retry(connection, "PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"{path}: write-ahead logging is not available, perhaps on a network file system (journal mode {mode})"
        )
    if version < len(scripts):
        _upgrade(connection, path, scripts)


def _upgrade(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    begin(connection)
    try:
        # Read again: another process may have migrated the file meanwhile.
        for script in scripts[_version(connection, path, len(scripts)) :]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    finally:
        roll_back(connection)


def _version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    """Return the file's schema version. Must run in a transaction, so that all statements see the same snapshot."""
    (tables,) = retry(connection, "SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise StoreError(f"{path} belongs to another program")
    if version > newest:
        raise SchemaTooNewError(
            f"{path} has schema version {version}, but this release of actiond supports only {newest} and older: "
            "start the release that wrote the file, or a later one"
        )
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements, because `executescript` would commit the current transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
