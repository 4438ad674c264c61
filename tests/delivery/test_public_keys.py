"""Public keys of targets: which ones can be added, and why others cannot."""

import base64
import hashlib
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.errors import PublicKeyFormatError
from actiond.secrets.jose import MAX_PEM_BYTES, read_public_key

P256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()
OPENSSL_PEM = b"""\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEgt9iZuygdkfkcR3sALhhcAOoWsdgbb3O
WDd2x8UPoZjz+a4N0tcbPbRa4Rm7WE2wNRZ47Dspl4hShlCPJfwzDoMP5s9ldi+H
u+kflLKr9eIv72I8g8u4UZpmOA2fZ4JG
-----END PUBLIC KEY-----
"""
LABEL = 'must be one PEM block labelled "PUBLIC KEY", and nothing else'
UNREADABLE = "must be a SubjectPublicKeyInfo (PKIX) that can be read"
PKCS1 = "must be a SubjectPublicKeyInfo (PKIX) in DER, not in the form of PKCS #1"
KIND = "must be an RSA key or one on an elliptic curve"
CURVE = "must be on the curve P-256, P-384 or P-521"
SIZE = "must have from 2048 to 8192 bits"
NUMBERS = "must have an odd modulus, and an odd exponent from 3 to 2147483647"


def der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def pem_of(content: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(content) + b"-----END PUBLIC KEY-----\n"


def of_modulus(bits: int, exponent: int = 65_537, last_bit: int = 1) -> PublicKeyTypes:
    """An RSA key that nobody can decrypt with: whether the modulus is a product of primes cannot be seen."""
    return rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) | last_bit).public_key()


def why(text: bytes) -> str:
    with pytest.raises(PublicKeyFormatError) as caught:
        read_public_key(text)
    assert caught.value.__cause__ is None
    return caught.value.reason


@pytest.mark.parametrize(
    "key",
    [
        of_modulus(2048),
        of_modulus(8192),
        of_modulus(2048, exponent=3),
        of_modulus(2048, exponent=2**31 - 1),
        P256,
        ec.derive_private_key(7, ec.SECP384R1()).public_key(),
        ec.derive_private_key(7, ec.SECP521R1()).public_key(),
    ],
)
def test_the_fingerprint_is_the_hash_of_the_der(key: PublicKeyTypes) -> None:
    digest = base64.b64encode(hashlib.sha256(der(key)).digest()).decode()
    assert read_public_key(pem(key)) == f"SHA256:{digest.rstrip('=')}"


def test_the_fingerprint_is_that_of_openssl() -> None:
    # openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64
    assert read_public_key(OPENSSL_PEM) == "SHA256:8iuFqUiri1eb/uE13DVOkM5TCMSuV8eQUcRgSyG/Kfo"


@pytest.mark.parametrize(
    "text",
    [
        b"\n \t" + pem(P256) + b" \r\n\n",
        pem(P256).replace(b"\n", b"\r\n"),
        pem(P256).rstrip(),
        pem_of(der(P256)),
    ],
)
def test_white_space_does_not_matter(text: bytes) -> None:
    assert read_public_key(text) == read_public_key(pem(P256))


def test_a_compressed_point_is_read() -> None:
    point = P256.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = der(P256)[2:23]
    content = b"\x30" + bytes([len(algorithm) + len(point) + 3]) + algorithm + b"\x03\x22\x00" + point
    assert read_public_key(pem_of(content)).startswith("SHA256:")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", LABEL),
        (b"no key", LABEL),
        (b"# ours\n" + pem(P256), LABEL),
        (pem(P256) + b"# ours\n", LABEL),
        (pem(P256) + pem(P256), LABEL),
        (pem(P256) + b"\0", LABEL),
        (pem(P256).replace(b"BEGIN PUBLIC", b"BEGIN RSA PUBLIC"), LABEL),
        (pem(P256).replace(b"PUBLIC KEY", b"PRIVATE KEY"), LABEL),
        (pem(P256).replace(b"PUBLIC KEY", b"CERTIFICATE"), LABEL),
        (pem(P256).replace(b"KEY-----\nM", b"KEY-----\nProc-Type: 4,ENCRYPTED\n\nM"), LABEL),
        (b" " * MAX_PEM_BYTES + pem(P256), "must have at most 16384 bytes"),
        (pem(P256).replace(b"==", b"="), "must be in base64 between the lines of its PEM block"),
        (pem(P256).replace(b"==", b"===="), "must be in base64 between the lines of its PEM block"),
        (pem_of(of_modulus(2048).public_bytes(Encoding.DER, PublicFormat.PKCS1)), PKCS1),
        (pem_of(b""), UNREADABLE),
        (pem_of(b"0"), UNREADABLE),
        (pem_of(der(P256) + b"\0"), UNREADABLE),
        (pem_of(der(P256)[:-1] + b"\1"), UNREADABLE),
        (pem(ed25519.Ed25519PrivateKey.generate().public_key()), KIND),
        (pem(x25519.X25519PrivateKey.generate().public_key()), KIND),
        (pem(ec.derive_private_key(7, ec.SECP256K1()).public_key()), CURVE),
        (pem(ec.derive_private_key(7, ec.SECP224R1()).public_key()), CURVE),
        (pem(of_modulus(2047)), SIZE),
        (pem(of_modulus(1024)), SIZE),
        (pem(of_modulus(8193)), SIZE),
        (pem(of_modulus(2048, exponent=2**31 + 1)), NUMBERS),
        (pem(of_modulus(2048, last_bit=2)), NUMBERS),
    ],
)
def test_anything_else_is_refused_with_the_rule(text: bytes, reason: str) -> None:
    assert why(text) == reason


@given(st.binary(max_size=200))
def test_no_content_raises_another_error(content: bytes) -> None:
    assert why(pem_of(content)) in {UNREADABLE, KIND, CURVE, SIZE, NUMBERS}


@given(st.integers(0, len(der(P256)) - 1), st.integers(1, 255))
def test_no_changed_byte_is_read_as_the_same_key(position: int, change: int) -> None:
    content = bytearray(der(P256))
    content[position] ^= change
    with suppress(PublicKeyFormatError):
        assert read_public_key(pem_of(bytes(content))) != read_public_key(pem(P256))
