"""The keys that signing keys are sealed under: from a variable's text, or from a file in the data directory.

Both hold keys of 32 bytes in base64, separated by commas or white space, the newest first: it seals, all of them open.
No key is ever part of an error. This module knows nothing of what is sealed.
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
_OR_ELSE = "(or set ACTIOND_ENCRYPTION_KEY)"
_KEY = re.compile(r"[A-Za-z0-9+/_-]{43}=?")  # in either alphabet: 43 digits are 32 bytes
_URLSAFE = str.maketrans("-_", "+/")
_LONGEST = 65_536


class KeyFileError(Exception):
    """The file cannot be used. Its text is one line that begins with the file's path."""


def parse(text: str) -> tuple[bytes, ...]:
    """The keys in a variable's or a file's text. Raises ValueError, with one line, for anything else."""
    parts = text.replace(",", " ").split()
    if not parts:
        raise ValueError("holds no key")
    for number, part in enumerate(parts, 1):
        if not _KEY.fullmatch(part):
            raise ValueError(f"key {number} of {len(parts)} is not 32 bytes in base64, as of `openssl rand -base64 32`")
    return tuple(base64.b64decode(part.translate(_URLSAFE)[:43] + "=") for part in parts)


def in_use(given: tuple[bytes, ...] | None, data_dir: Path | None, *, may_create: bool) -> tuple[bytes, ...]:
    """Return the keys of the setting, else those in the data directory's file, else one for this process alone.

    `data_dir` is None where no key outlives the process. A command beside a server must not create the file: where the
    server has its keys from the variable, and the command lacks it, the command would seal under a key that the server
    does not know. Raise KeyFileError.
    """
    if given is not None:
        return given
    if data_dir is None:
        return (_new_key(),)
    path = data_dir / FILE
    return load_or_create(path) if may_create else load(path)


def load(path: Path) -> tuple[bytes, ...]:
    """The keys in the file. Raises KeyFileError, as when there is none."""
    try:
        text = _read(path)
    except OSError as error:
        raise KeyFileError(f"{path}: the encryption key cannot be read: {error.strerror} {_OR_ELSE}") from error
    try:
        return parse(text)
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None


def load_or_create(path: Path) -> tuple[bytes, ...]:
    """The keys in the file, which gets a new one where there is no file. Raises KeyFileError.

    Processes that make it at once agree on one key. A file that is there is never written to, whatever it holds: it
    may be all that is left of a key that is needed.
    """
    try:
        if not path.exists():
            private_files.make_directory(path.parent)
            private_files.write_first(path, f"{base64.b64encode(_new_key()).decode()}\n")
    except OSError as error:
        raise KeyFileError(f"{path}: the encryption key cannot be written: {error.strerror} {_OR_ELSE}") from error
    return load(path)


def _read(path: Path) -> str:
    """Raises OSError, and KeyFileError for a file that is none, or not this user's alone, or too large."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise KeyFileError(f"{path}: not a file")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(mode)
        raise KeyFileError(f"{path}: mode {mode:04o} opens the encryption key to other users: chmod 600 it")
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise KeyFileError(f"{path}: too long for a file of keys")
    return content.decode("ascii", errors="replace")


def _new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)
