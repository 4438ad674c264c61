"""Opening: the files that are made, the files that are refused, and bringing a file up to date."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.storage.sqlite import SqliteStore, schema
from actiond.storage.sqlite.connection import connect
from tests.support.samples import SAMPLE_TARGET, insert


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actiond.db"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def open_and_close(path: Path) -> None:
    await SqliteStore.open(path).close()


def held() -> tuple[int, int]:
    """How many files and threads this process has."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def prepare(path: Path, scripts: Sequence[str]) -> None:
    with closing(connect(path)) as connection:
        schema.prepare(connection, path, scripts)


def fetch(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def test_the_database_and_its_companions_are_for_this_user_alone(path: Path) -> None:
    store = SqliteStore.open(path)
    await store.write(insert(SAMPLE_TARGET))
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    await store.close()
    assert modes == {"actiond.db": 0o600, "actiond.db-wal": 0o600, "actiond.db-shm": 0o600}


async def test_directories_that_are_missing_are_made_for_this_user_alone(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "a" / "b" / "actiond.db")
    await store.close()
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_the_mode_of_a_file_that_is_there_is_left_alone(path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    asyncio.run(open_and_close(path))
    assert mode(path) == 0o640


def test_a_path_that_looks_like_a_uri_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(open_and_close(Path("file:actiond.db?mode=memory")))
    assert [file.name for file in tmp_path.iterdir()] == ["file:actiond.db?mode=memory"]


async def test_a_link_to_a_file_that_is_missing_makes_that_file_for_this_user_alone(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    store = SqliteStore.open(tmp_path / "link.db")
    await store.close()
    assert mode(tmp_path / "real.db") == 0o600


async def test_a_newer_schema_is_refused_with_both_versions_and_the_path(path: Path) -> None:
    await SqliteStore.open(path).close()
    execute(path, "PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNewError) as caught:
        SqliteStore.open(path)
    newest = len(schema.migrations())
    assert str(caught.value) == (
        f"{path} has schema version 99, but this release of actiond supports only {newest} and older: "
        "start the release that wrote the file, or a later one"
    )


@pytest.mark.parametrize(
    "statements",
    [["CREATE TABLE theirs (a)"], ["PRAGMA user_version = 1"], ["PRAGMA application_id = 1"]],
    ids=["tables", "a version", "an application id"],
)
def test_another_programs_database_is_refused_and_not_touched(path: Path, statements: list[str]) -> None:
    execute(path, *statements)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"actiond\.db belongs to another program$"):
        SqliteStore.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello\n", b"hello\n" * 1000], ids=["a line", "pages"])
def test_a_file_that_is_no_database_is_refused_and_not_touched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"^cannot open \S+/actiond\.db: file is not a database$"):
        SqliteStore.open(path)
    assert path.read_bytes() == content


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^cannot open "):
        SqliteStore.open(tmp_path)


def test_a_file_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"^cannot open "):
        SqliteStore.open(tmp_path / "file" / "actiond.db")


def test_a_refused_file_is_let_go_of(path: Path) -> None:
    path.write_bytes(b"hello\n")
    before = held()
    with pytest.raises(StoreError):
        SqliteStore.open(path)
    assert held() == before


async def test_closing_lets_go_of_every_file_and_thread(path: Path) -> None:
    await asyncio.to_thread(lambda: None)  # the loop's own pool has its thread
    before = held()
    store = SqliteStore.open(path)
    await store.write(insert(SAMPLE_TARGET))
    await store.events("target", SAMPLE_TARGET.id)
    await store.close()
    assert held() == before


@pytest.mark.parametrize("attempt", range(10))
def test_any_number_may_be_the_first_to_open_a_file(path: Path, attempt: int) -> None:
    barrier = threading.Barrier(8)

    def be_first(_: int) -> int:
        async def number() -> int:
            store = SqliteStore.open(path)
            given = await store.write(lambda transaction: transaction.instance.next_worker_number())
            await store.close()
            return given

        barrier.wait()
        return asyncio.run(number())

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(be_first, range(8))) == list(range(8))


def test_the_migrations_are_numbered_from_1_without_a_gap() -> None:
    directory = Path(schema.__file__).with_name("migrations")
    numbers = sorted(int(script.name[:4]) for script in directory.glob("*.sql"))
    assert numbers == list(range(1, len(schema.migrations()) + 1))


def test_a_file_of_an_older_schema_gets_the_scripts_that_it_lacks(path: Path) -> None:
    first, second = "CREATE TABLE a (x);\n", "-- a comment; with a semicolon\nINSERT INTO a\nVALUES (';');\n"
    prepare(path, [first])
    prepare(path, [first, second])
    prepare(path, [first, second])
    assert fetch(path, "SELECT x FROM a") == [(";",)]
    assert fetch(path, "PRAGMA user_version") == [(2,)]


def test_a_script_that_fails_leaves_the_schema_as_it_was(path: Path) -> None:
    first = "CREATE TABLE a (x);\n"
    prepare(path, [first])
    with pytest.raises(sqlite3.OperationalError):
        prepare(path, [first, "CREATE TABLE b (x);\nCREATE TABLE a (x);\n"])
    assert fetch(path, "SELECT name FROM sqlite_master") == [("a",)]
    assert fetch(path, "PRAGMA user_version") == [(1,)]
