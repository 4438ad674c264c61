"""Generates signing keys, and seals (encrypts) and opens (decrypts) keys. Knows neither files nor settings.

A sealed key consists of

    1 byte    the version of this format, 1
    8 bytes   the id of the encryption key: the first bytes of a hash of it
    12 bytes  a nonce
    48+ bytes the key's text, encrypted with AES-256-GCM, and the tag

The format version and the context, such as the target's id, are authenticated as associated data: a key that was copied
to another target's row cannot be opened.
"""

import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actiond.actions.ports import MakeKey, OpenKey
from actiond.actions.signing_keys import SigningKey

KEY_BYTES = 32
"""Size of an encryption key, for AES-256."""

_FORMAT = b"\x01"
_ID_END = 9
PREFIX_BYTES = _ID_END
"""How much of a sealed key tells which encryption key opens it."""
# Nonces are random: NIST SP 800-38D, 8.3, allows 2**32 of them per key, and each seals one key.
_NONCE_BYTES = 12
_NONCE_END = _ID_END + _NONCE_BYTES
_TAG_BYTES = 16


class UnsealError(Exception):
    """The sealed key cannot be opened: the encryption key is unknown, the context is another one, or it was modified.

    These cases are not distinguished: all require a new key, or the encryption key that was lost.
    """


class Sealer:
    """Seals keys with the first encryption key, and opens those sealed with any of the encryption keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a sealer needs encryption keys of {KEY_BYTES} bytes")
        self._ciphers = {_id(key): AESGCM(key) for key in keys}
        self._newest = _id(keys[0])

    def seal(self, context: str, key: str) -> bytes:
        """Encrypt a key's text. `context` says what the key is for: the id of a target, or what no target's id is."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, key.encode(), _associated(context))
        return b"".join((_FORMAT, self._newest, nonce, sealed))

    def knows(self, prefix: bytes) -> bool:
        """Return whether keys that begin with these PREFIX_BYTES can be opened, if nothing else is wrong with them."""
        return prefix[:1] == _FORMAT and prefix[1:] in self._ciphers

    def open(self, context: str, sealed: bytes) -> str:
        """Return the key's text. Raise UnsealError."""
        cipher = self._ciphers.get(sealed[1:_ID_END])
        if cipher is None or sealed[:1] != _FORMAT or len(sealed) < _NONCE_END + _TAG_BYTES:
            raise UnsealError
        try:
            opened = cipher.decrypt(sealed[_ID_END:_NONCE_END], sealed[_NONCE_END:], _associated(context))
        except InvalidTag:
            raise UnsealError from None
        return opened.decode()


def new_signing_key() -> str:
    """Return 256 random bits, as text that needs no quoting in a header, a shell or a settings file."""
    return secrets.token_urlsafe(32)


def make_key(sealer: Sealer) -> MakeKey:
    """Return the function with which the domain generates signing keys."""

    def make(target_id: str) -> tuple[str, SigningKey]:
        key = new_signing_key()
        return key, SigningKey(sealer.seal(target_id, key))

    return make


def open_key(sealer: Sealer) -> OpenKey:
    """Return the function with which the domain reads signing keys."""

    def opened(target_id: str, key: SigningKey) -> str | None:
        try:
            return sealer.open(target_id, key.sealed)
        except UnsealError:
            return None

    return opened


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"actiond encryption key\0" + key).digest()[: _ID_END - 1]


def _associated(context: str) -> bytes:
    return _FORMAT + context.encode(errors="surrogatepass")  # an id from a command line may be any text
