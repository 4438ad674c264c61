"""Reads the public keys of targets, for which payloads are encrypted. Knows neither files nor settings."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from actiond.actions.errors import PublicKeyFormatError

MIN_RSA_BITS = 2048
"""RFC 7518, 4.3, demands them."""
MAX_RSA_BITS = 8192
"""Bounds what encrypting for a key costs."""
MAX_RSA_EXPONENT = 2**31 - 1
"""Bounds it, too; Go reads no larger one."""
MAX_PEM_BYTES = 16_384
"""More than ten times what a key of MAX_RSA_BITS needs."""

_CURVES = (SECP256R1.name, SECP384R1.name, SECP521R1.name)
# No headers and no explanatory text (RFC 7468): nothing that a reader could take for part of the key.
_PEM = re.compile(rb"\s*-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----\s*")


def read_public_key(pem: bytes) -> str:
    """Return the fingerprint of a public key in PEM, see `PublicKey`. Raise PublicKeyFormatError."""
    der = _der(pem)
    _loaded(der)
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).rstrip(b'=').decode()}"


def _der(pem: bytes) -> bytes:
    """Return what the PEM block contains."""
    if len(pem) > MAX_PEM_BYTES:
        raise PublicKeyFormatError(f"must have at most {MAX_PEM_BYTES} bytes")
    block = _PEM.fullmatch(pem)
    if block is None:
        raise PublicKeyFormatError('must be one PEM block labelled "PUBLIC KEY", and nothing else')
    try:
        return base64.b64decode(b"".join(block[1].split()), validate=True)
    except binascii.Error:
        raise PublicKeyFormatError("must be in base64 between the lines of its PEM block") from None


def _loaded(der: bytes) -> RSAPublicKey | EllipticCurvePublicKey:
    """Return the key. Raise PublicKeyFormatError unless payloads can be encrypted for it, at a bounded cost."""
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyFormatError("must be a SubjectPublicKeyInfo (PKIX) that can be read") from None
    if isinstance(key, EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise PublicKeyFormatError("must be on the curve P-256, P-384 or P-521")
        return key
    if not isinstance(key, RSAPublicKey):
        raise PublicKeyFormatError("must be an RSA key or one on an elliptic curve")
    numbers = key.public_numbers()
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise PublicKeyFormatError(f"must have from {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if not numbers.n % 2 or not numbers.e % 2 or not 3 <= numbers.e <= MAX_RSA_EXPONENT:
        raise PublicKeyFormatError(f"must have an odd modulus, and an odd exponent from 3 to {MAX_RSA_EXPONENT}")
    return key
