"""Reads the keys that signing keys are encrypted with, from an environment variable or a file in the data directory.

Both contain keys of 32 bytes in base64, separated by commas or white space, the newest first. The newest one encrypts,
and all of them decrypt. No error contains a key.
"""

import base64
import re
import secrets
import stat
from pathlib import Path

from actiond.secrets import private_files

FILE = "encryption-key"
"""The file's name, in the data directory."""

_KEY_BYTES = 32
_VARIABLE_HINT = "(or set ACTIOND_ENCRYPTION_KEY)"
_KEY = re.compile(r"[A-Za-z0-9+/_-]{43}=?")  # in either alphabet; 43 digits encode 32 bytes
_URLSAFE = str.maketrans("-_", "+/")
MAX_FILE_BYTES = 65_536


class KeyFileError(Exception):
    """The key file cannot be used. The text is one line that begins with the file's path."""


def parse(text: str) -> tuple[bytes, ...]:
    """Parse the text of the variable or the file. Raise ValueError with a one-line reason."""
    parts = text.replace(",", " ").split()
    if not parts:
        raise ValueError("contains no key")
    for number, part in enumerate(parts, 1):
        if not _KEY.fullmatch(part):
            raise ValueError(f"key {number} of {len(parts)} is not 32 bytes in base64, see `openssl rand -base64 32`")
    return tuple(base64.b64decode(part.translate(_URLSAFE)[:43] + "=") for part in parts)


def in_use(given: tuple[bytes, ...] | None, data_dir: Path | None, *, may_create: bool) -> tuple[bytes, ...]:
    """Return the keys of the setting, else those in the data directory's file, else a new one for this process alone.

    A command that runs beside a server must not create the file: if the server has its keys from the variable and the
    command lacks it, the command would encrypt with a key that the server does not know. Raise KeyFileError.

    data_dir: None if no data, and thus no key, outlives the process.
    """
    if given is not None:
        return given
    if data_dir is None:
        return (_new_key(),)
    path = data_dir / FILE
    return load_or_create(path) if may_create else load(path)


def load(path: Path) -> tuple[bytes, ...]:
    """Return the keys in the file. Raise KeyFileError, also if there is no file."""
    try:
        text = _read(path)
    except OSError as error:
        raise KeyFileError(f"{path}: the encryption key cannot be read: {error.strerror} {_VARIABLE_HINT}") from error
    try:
        return parse(text)
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None


def load_or_create(path: Path) -> tuple[bytes, ...]:
    """Return the keys in the file; if it is missing, create it with a new key. Raise KeyFileError.

    Processes that create it at the same time agree on one key. An existing file is never written to, whatever it
    contains: it may be all that is left of a key that is still needed.
    """
    try:
        if not path.exists():
            private_files.make_directory(path.parent)
            private_files.write_first(path, f"{base64.b64encode(_new_key()).decode()}\n")
    except OSError as error:
        raise KeyFileError(
            f"{path}: the encryption key cannot be written: {error.strerror} {_VARIABLE_HINT}"
        ) from error
    return load(path)


def _read(path: Path) -> str:
    """Return the file's text. Raise OSError, and KeyFileError unless it is a small file for this user alone."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise KeyFileError(f"{path}: not a file")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(mode)
        raise KeyFileError(f"{path}: mode {mode:04o} gives other users access to the encryption key: chmod 600 it")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(f"{path}: too long for a key file")
    return content.decode("ascii", errors="replace")


def _new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)
