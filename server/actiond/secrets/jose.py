"""Makes instance keys, signs and encrypts payloads, and reads the public keys of targets. Knows no files or settings.

This is the only module that knows joserfc, which has the formats: JWS, JWE and JWK.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from joserfc import jwe, jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from actiond.actions.errors import PublicKeyFormatError
from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm, NewKey
from actiond.actions.public_keys import PublicKey
from actiond.secrets.sealing import Sealer, UnsealError

MIN_RSA_BITS = 2048
"""RFC 7518, 4.3, demands them."""
MAX_RSA_BITS = 8192
"""Bounds what encrypting for a key costs."""
MAX_RSA_EXPONENT = 2**31 - 1
"""Bounds it, too; Go reads no larger one."""
MAX_PEM_BYTES = 16_384
"""More than ten times what a key of MAX_RSA_BITS needs."""

INSTANCE_RSA_BITS = 2048

_ENCRYPTION = "A256GCM"
_CURVES = (SECP256R1.name, SECP384R1.name, SECP521R1.name)
# No headers and no explanatory text (RFC 7468): nothing that a reader could take for part of the key.
_PEM = re.compile(rb"\s*-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----\s*")


class _Signatures(jws.JWSRegistry):
    """The signatures that instance keys make. joserfc refuses long payloads by default, and warns of `EdDSA`.

    RFC 9864 has a new name for that, Ed25519, which the receivers of today do not know.
    """

    max_payload_length = 2**31

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


_signatures = _Signatures()
_encryptions = jwe.JWERegistry(algorithms=["RSA-OAEP-256", "ECDH-ES+A256KW", _ENCRYPTION])


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """A decrypted instance key."""

    id: str
    algorithm: KeyAlgorithm
    jwk: Key


def new_key(sealer: Sealer, algorithm: KeyAlgorithm) -> NewKey:
    """Generate an instance key. Its id is the thumbprint of RFC 7638. It takes a moment for RSA."""
    key: Key
    if algorithm is KeyAlgorithm.ES256:
        key = ECKey.generate_key("P-256")
    elif algorithm is KeyAlgorithm.RS256:
        key = RSAKey.generate_key(INSTANCE_RSA_BITS)
    else:
        key = OKPKey.generate_key("Ed25519")
    key_id = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": key_id, "alg": algorithm.value, "use": "sig"}
    sealed = sealer.seal(_context(key_id), _json(key.as_dict(private=True)))
    return NewKey(key_id, algorithm, _json(public), sealed)


def open_key(sealer: Sealer, key: InstanceKey) -> SignatureKey:
    """Return a decrypted instance key. It takes a moment for RSA, as the key is checked. Raise UnsealError."""
    return SignatureKey(key.id, key.algorithm, import_key(json.loads(sealer.open(_context(key.id), key.sealed))))


def can_open(sealer: Sealer, key: InstanceKey) -> bool:
    """Return whether an instance key can be decrypted."""
    try:
        sealer.open(_context(key.id), key.sealed)
    except UnsealError:
        return False
    return True


def sign(payload: bytes, key: SignatureKey) -> bytes:
    """Return a compact JWS of the payload, byte for byte."""
    header = {"alg": key.algorithm.value, "kid": key.id, "typ": "JWT"}
    return jws.serialize_compact(header, payload, key.jwk, registry=_signatures).encode()


def encrypt(token: bytes, public_key: PublicKey) -> bytes:
    """Return a compact JWE of a token, for the holder of the private key. Raise PublicKeyFormatError."""
    key = _encryption_key(public_key.pem)
    header = {
        "alg": "RSA-OAEP-256" if isinstance(key, RSAKey) else "ECDH-ES+A256KW",
        "enc": _ENCRYPTION,
        "kid": public_key.id,
        "typ": "JWT",
        "cty": "JWT",
    }
    return jwe.encrypt_compact(header, token, key, registry=_encryptions).encode()


@lru_cache(maxsize=256)
def _encryption_key(pem: bytes) -> RSAKey | ECKey:
    """Return a public key as joserfc has it. Cached, as it takes longer to read than to use."""
    found = _loaded(_der(pem))
    return RSAKey(found, found) if isinstance(found, RSAPublicKey) else ECKey(found, found)


def _json(jwk: Mapping[str, object]) -> str:
    return json.dumps(jwk, separators=(",", ":"))


def _context(key_id: str) -> str:
    """Return what the private key is sealed for. No target has such an id."""
    return f"instance-key:{key_id}"


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
    text = b"".join(block[1].split())
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error:
        der = b""
    if base64.b64encode(der) != text:  # Python lets too much padding pass
        raise PublicKeyFormatError("must be in base64 between the lines of its PEM block")
    return der


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
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        raise PublicKeyFormatError("must be a SubjectPublicKeyInfo (PKIX) in DER, not in the form of PKCS #1")
    numbers = key.public_numbers()
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise PublicKeyFormatError(f"must have from {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if not numbers.n % 2 or not numbers.e % 2 or not 3 <= numbers.e <= MAX_RSA_EXPONENT:
        raise PublicKeyFormatError(f"must have an odd modulus, and an odd exponent from 3 to {MAX_RSA_EXPONENT}")
    return key
