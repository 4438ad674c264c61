"""Writes files with secrets: for this user alone, complete or not at all, and durable after a power failure.

All functions raise OSError, which their callers report.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Write the file, and replace an existing one."""
    with _draft(path, text) as draft:
        draft.replace(path)
    sync_directory(path.parent)


def write_first(path: Path, text: str) -> None:
    """Write the file unless it or a dangling link exists. If several processes do so at once, only one succeeds."""
    # Unlike a rename, creating a link does not replace an existing file.
    with _draft(path, text) as draft, suppress(FileExistsError):
        os.link(draft, path)
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Create the directory and its parents if missing, for this user alone."""
    if not directory.exists():
        make_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Sync the directory: only then does a new entry in it survive a power failure (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """Yield a file next to `path` that contains the text. It is removed afterwards, unless it was renamed."""
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
