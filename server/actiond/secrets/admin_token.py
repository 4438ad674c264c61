"""Delivers the admin token's secret at the first start, for example in a file."""

from collections.abc import Callable
from pathlib import Path

from actiond.secrets import private_files

FILE = "admin-token"
"""The file's name, in the data directory."""

DeliverToken = Callable[[str], None]
"""Delivers the newly generated secret to the operator. It is not stored, so it cannot be shown again."""


def write(path: Path, secret: str) -> None:
    """Write the secret to the file, for this user alone. Raise OSError."""
    private_files.make_directory(path.parent)
    private_files.replace(path, f"{secret}\n")
