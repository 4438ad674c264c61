"""The admin token's secret: how the first start delivers it, and the file that it may be written to."""

from collections.abc import Callable
from pathlib import Path

from actiond.secrets import private_files

FILE = "admin-token"
"""The file's name, in the data directory."""

DeliverToken = Callable[[str], None]
"""Delivers the secret that was just generated to the operator. It is not stored, so nobody can read it again."""


def write(path: Path, secret: str) -> None:
    """Write the secret to the file, for this user alone. Raise OSError."""
    private_files.make_directory(path.parent)
    private_files.replace(path, f"{secret}\n")
