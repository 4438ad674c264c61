from pathlib import Path

import pytest

from actiond.actions.errors import StoreError
from actiond.storage.memory import MemoryStore
from actiond.storage.opening import open_store
from actiond.storage.sqlite import SqliteStore
from actiond.storage.urls import DatabaseUrl, StoreTraits, parse_database_url

GOOD = {
    "memory:": DatabaseUrl("memory"),
    "sqlite:///actiond.db": DatabaseUrl("sqlite", Path("actiond.db")),
    "sqlite:///data/actiond.db": DatabaseUrl("sqlite", Path("data/actiond.db")),
    "sqlite:////var/lib/actiond.db": DatabaseUrl("sqlite", Path("/var/lib/actiond.db")),
    "sqlite:///with space%20/ä.db": DatabaseUrl("sqlite", Path("with space%20/ä.db")),
}

BAD = [
    "",
    "data/actiond.db",
    "memory",
    "memory://",
    "memory:x",
    "sqlite:",
    "sqlite:relative.db",
    "sqlite:/absolute.db",
    "sqlite://host/actiond.db",
    "sqlite:///",
    "sqlite:////",
    "sqlite:///data/",
    "sqlite:///data/..",
    "sqlite:///:memory:",
    "sqlite:///actiond.db?mode=ro",
    "sqlite:///actiond.db#x",
    "sqlite:///a\0b",
    "sqlite:///a\nb",
    "SQLITE:///actiond.db",
    "postgresql://user:secret@host/actiond",
]


@pytest.mark.parametrize(("url", "expected"), GOOD.items())
def test_a_url_that_means_a_store_is_read(url: str, expected: DatabaseUrl) -> None:
    assert parse_database_url(url) == expected


@pytest.mark.parametrize("url", BAD)
def test_any_other_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_database_url(url)


def test_a_refused_url_is_not_repeated_since_it_may_hold_a_password() -> None:
    with pytest.raises(ValueError, match=r"^((?!secret).)*$"):
        parse_database_url("postgresql://user:secret@host/actiond")


async def test_a_memory_url_opens_a_memory_store() -> None:
    assert isinstance(open_store(DatabaseUrl("memory")), MemoryStore)


async def test_a_sqlite_url_opens_its_file(tmp_path: Path) -> None:
    store = open_store(DatabaseUrl("sqlite", tmp_path / "actiond.db"))
    assert isinstance(store, SqliteStore)
    await store.close()
    assert (tmp_path / "actiond.db").exists()


async def test_a_store_that_must_exist_is_not_made(tmp_path: Path) -> None:
    url = DatabaseUrl("sqlite", tmp_path / "actiond.db")
    with pytest.raises(StoreError, match="there is no such database"):
        open_store(url, must_exist=True)
    assert not (tmp_path / "actiond.db").exists()
    await open_store(url).close()
    await open_store(url, must_exist=True).close()


@pytest.mark.parametrize(
    ("url", "traits"),
    [
        ("memory:", StoreTraits(shared_by_processes=False, outlives_process=False)),
        ("sqlite:///actiond.db", StoreTraits(shared_by_processes=True, outlives_process=True)),
    ],
)
def test_the_traits_of_a_store_are_known_without_opening_it(url: str, traits: StoreTraits) -> None:
    assert parse_database_url(url).traits == traits
