"""Database URLs: which store one means, and opening it. A URL's text is never repeated: it may hold a password."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from actiond.actions.ports import Store
    from actiond.storage.sqlite.writer import ObserveBatch

FORMS = "memory:, sqlite:///relative/path or sqlite:////absolute/path"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where targets are kept."""

    kind: Literal["memory", "sqlite"]
    path: Path | None = None
    """The file of `sqlite`; None for `memory`."""


def parse_database_url(url: str) -> DatabaseUrl:
    """Raises ValueError, with one line that says what is wrong, for a URL that means no store."""
    if url == "memory:":
        return DatabaseUrl("memory")
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in {"memory", "sqlite"}:
        raise ValueError(f"not the URL of a database that is known here: give {FORMS}")
    if scheme == "memory" or not rest.startswith("///"):
        raise ValueError(f"a {scheme} database takes no host and no options: give {FORMS}")
    return DatabaseUrl("sqlite", _file(rest.removeprefix("///")))


def _file(path: str) -> Path:
    """The path is taken as it stands, without percent-decoding, as SQLAlchemy does."""
    if "?" in path or "#" in path:
        raise ValueError("a sqlite URL takes no query and no fragment")
    if path == ":memory:":
        raise ValueError("SQLite's own memory databases cannot be shared by connections: give memory:")
    if not path or path.endswith("/") or path.rpartition("/")[2] in {".", ".."}:
        raise ValueError("a sqlite URL names a file, not a directory")
    if not path.isprintable():
        raise ValueError("a sqlite URL takes no control characters")
    return Path(path)


def open_store(url: DatabaseUrl, observe_batch: "ObserveBatch | None" = None) -> "Store":
    """Opens what `url` means, on the event loop's thread. Raises StoreError when that cannot be.

    `observe_batch` is told of each batch that is written: how many changes were in it, and how many wait. It is called
    from any thread, and not at all by `memory:`, where nothing waits.
    """
    return MemoryStore() if url.path is None else SqliteStore.open(url.path, observe_batch=observe_batch)
