"""Signing keys: making them, sealing them for the store, and opening them again. Knows neither files nor settings.

A sealed key is

    1 byte    the form, 1
    8 bytes   which encryption key opens it: the beginning of a hash of that key
    12 bytes  a nonce
    48+ bytes the key's text under AES-256-GCM, and its tag

The form and the target's id are authenticated beside it: a key that was copied to another target's row does not open.
"""

import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actiond.actions.ports import MakeKey
from actiond.actions.signing_keys import SigningKey

KEY_BYTES = 32
"""Of an encryption key, for AES-256."""

_FORM = b"\x01"
_ID_END = 9
# Drawn at random: NIST SP 800-38D, 8.3, allows 2**32 of them under one key, and each seals one signing key.
_NONCE_BYTES = 12
_NONCE_END = _ID_END + _NONCE_BYTES
_TAG_BYTES = 16


class UnsealError(Exception):
    """The sealed key does not open: another encryption key sealed it, or it belongs to another target, or was changed.

    The three cannot be told apart: all call for a new signing key, or for the encryption key that was lost.
    """


class Sealer:
    """Seals under the first encryption key and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a sealer needs encryption keys of {KEY_BYTES} bytes")
        self._ciphers = {_id(key): AESGCM(key) for key in keys}
        self._newest = _id(keys[0])

    def seal(self, target_id: str, key: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, key.encode(), _associated(target_id))
        return b"".join((_FORM, self._newest, nonce, sealed))

    def open(self, target_id: str, sealed: bytes) -> str:
        """Return the key's text. Raise UnsealError."""
        cipher = self._ciphers.get(sealed[1:_ID_END])
        if cipher is None or sealed[:1] != _FORM or len(sealed) < _NONCE_END + _TAG_BYTES:
            raise UnsealError
        try:
            opened = cipher.decrypt(sealed[_ID_END:_NONCE_END], sealed[_NONCE_END:], _associated(target_id))
        except InvalidTag:
            raise UnsealError from None
        return opened.decode()


def new_signing_key() -> str:
    """Return 256 random bits, as text that needs no quoting in a header, a shell or a file of settings."""
    return secrets.token_urlsafe(32)


def make_key(sealer: Sealer) -> MakeKey:
    """Return what the domain generates signing keys with."""

    def make(target_id: str) -> tuple[str, SigningKey]:
        key = new_signing_key()
        return key, SigningKey(sealer.seal(target_id, key))

    return make


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"actiond encryption key\0" + key).digest()[: _ID_END - 1]


def _associated(target_id: str) -> bytes:
    return _FORM + target_id.encode(errors="surrogatepass")  # an id from a command line may be any text
