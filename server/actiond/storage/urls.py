"""Parses database URLs. No error repeats the URL, which may contain a password."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FORMS = "memory:, sqlite:///relative/path or sqlite:////absolute/path"

Kind = Literal["memory", "sqlite"]


@dataclass(frozen=True, slots=True)
class StoreTraits:
    """Properties of a kind of store, known without opening one."""

    shared_by_processes: bool
    """Whether several processes can use the store at once."""
    outlives_process: bool
    """Whether the data is still there at the next start."""


_TRAITS: dict[Kind, StoreTraits] = {
    "memory": StoreTraits(shared_by_processes=False, outlives_process=False),
    "sqlite": StoreTraits(shared_by_processes=True, outlives_process=True),
}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A parsed database URL: the kind of store and where it is."""

    kind: Kind
    path: Path | None = None
    """The file, for `sqlite`."""

    @property
    def traits(self) -> StoreTraits:
        return _TRAITS[self.kind]


def parse_database_url(url: str) -> DatabaseUrl:
    """Parse a database URL. Raise ValueError, with a one-line reason, if it is invalid or not supported."""
    if url == "memory:":
        return DatabaseUrl("memory")
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in _TRAITS:
        raise ValueError(f"not the URL of a supported database: give {FORMS}")
    if scheme == "memory" or not rest.startswith("///"):
        raise ValueError(f"a {scheme} URL takes no host and no options: give {FORMS}")
    return DatabaseUrl("sqlite", _file(rest.removeprefix("///")))


def _file(path: str) -> Path:
    """Take the path literally, without percent-decoding, as SQLAlchemy does."""
    if "?" in path or "#" in path:
        raise ValueError("a sqlite URL takes no query and no fragment")
    if path == ":memory:":
        raise ValueError("SQLite's own memory databases cannot be shared by connections: give memory:")
    if not path or path.endswith("/") or path.rpartition("/")[2] in {".", ".."}:
        raise ValueError("a sqlite URL names a file, not a directory")
    if not path.isprintable():
        raise ValueError("a sqlite URL takes no control characters")
    return Path(path)
