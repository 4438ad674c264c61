"""Files with secrets: for this user alone, whole or not there at all, and still there after a power cut.

The functions raise OSError; what to say of it is their caller's to know.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Writes the file, in place of one that is there."""
    with _draft(path, text) as draft:
        draft.replace(path)
    sync_directory(path.parent)


def write_first(path: Path, text: str) -> None:
    """Writes the file unless there is one, or even a link to none. Of several that do so at once, one does."""
    # Unlike a rename, a link takes no other file's place.
    with _draft(path, text) as draft, suppress(FileExistsError):
        os.link(draft, path)
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Makes the directory, and those that it stands in, where missing, for this user alone."""
    if not directory.exists():
        make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """A new name survives a power cut only when its directory was synced (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """A file beside `path` that holds the text already. It is gone afterwards, unless it was renamed."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
