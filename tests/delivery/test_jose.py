"""Tokens: signed with an instance key, and encrypted for a target."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, Key, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm, NewKey
from actiond.actions.public_keys import PublicKey
from actiond.secrets.jose import can_open, encrypt, new_key, open_key, sign
from actiond.secrets.sealing import Sealer, UnsealError

SEALER = Sealer([b"1" * 32])
KEYS = {algorithm: new_key(SEALER, algorithm) for algorithm in KeyAlgorithm}
RSA = rsa.generate_private_key(65_537, 2048)
PRIVATE = [RSA, *(ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()))]
NAMES = ["RSA", "P-256", "P-384", "P-521"]
ENCRYPTIONS = jwe.JWERegistry(algorithms=["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"])
ENCRYPTIONS.max_ciphertext_length = 2**31

every_algorithm = pytest.mark.parametrize("algorithm", KeyAlgorithm)
every_key = pytest.mark.parametrize("private", PRIVATE, ids=NAMES)


def stored(key: NewKey) -> InstanceKey:
    return InstanceKey(key.id, key.algorithm, key.public_jwk, key.sealed, created_at_ns=0, signs_from_ns=0)


OPENED = {algorithm: open_key(SEALER, stored(key)) for algorithm, key in KEYS.items()}


def public_key(private: PrivateKeyTypes) -> PublicKey:
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey("4711", pem, "", created_at_ns=0, changed_at_ns=0)


def as_joserfc(private: PrivateKeyTypes) -> Key:
    if isinstance(private, rsa.RSAPrivateKey):
        return RSAKey(private, private)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return ECKey(private, private)


def header_of(token: bytes) -> object:
    return json.loads(urlsafe_b64decode(token.split(b".")[0]))


def verified(token: bytes, key: NewKey) -> bytes:
    registry = jws.JWSRegistry(algorithms=[key.algorithm.value])
    registry.max_payload_length = 2**31
    return jws.deserialize_compact(token, import_key(json.loads(key.public_jwk)), registry=registry).payload


@every_algorithm
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@given(payload=st.binary(max_size=300))
def test_what_is_signed_is_the_payload_byte_for_byte(algorithm: KeyAlgorithm, payload: bytes) -> None:
    token = sign(payload, OPENED[algorithm])
    assert urlsafe_b64decode(token.split(b".")[1]) == payload
    assert verified(token, KEYS[algorithm]) == payload


@every_algorithm
def test_the_header_names_algorithm_and_key(algorithm: KeyAlgorithm) -> None:
    token = sign(b"{}", OPENED[algorithm])
    assert header_of(token) == {"alg": algorithm.value, "kid": KEYS[algorithm].id, "typ": "JWT"}


@every_algorithm
def test_the_public_key_shows_nothing_private(algorithm: KeyAlgorithm) -> None:
    key = KEYS[algorithm]
    jwk = json.loads(key.public_jwk)
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.id, algorithm.value, "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & jwk.keys()


def test_the_keys_are_of_the_kinds_that_their_algorithms_need() -> None:
    found = {algorithm: json.loads(key.public_jwk) for algorithm, key in KEYS.items()}
    assert (found[KeyAlgorithm.ES256]["kty"], found[KeyAlgorithm.ES256]["crv"]) == ("EC", "P-256")
    assert (found[KeyAlgorithm.EDDSA]["kty"], found[KeyAlgorithm.EDDSA]["crv"]) == ("OKP", "Ed25519")
    assert found[KeyAlgorithm.RS256]["kty"] == "RSA"
    assert len(urlsafe_b64decode(found[KeyAlgorithm.RS256]["n"].encode())) * 8 == 2048


def test_two_keys_differ() -> None:
    assert new_key(SEALER, KeyAlgorithm.ES256).id != new_key(SEALER, KeyAlgorithm.ES256).id


def test_a_private_key_that_was_moved_to_another_id_does_not_open() -> None:
    moved = replace(stored(KEYS[KeyAlgorithm.ES256]), id="another")
    assert not can_open(SEALER, moved)
    with pytest.raises(UnsealError):
        open_key(SEALER, moved)


def test_another_encryption_key_does_not_open_a_private_key() -> None:
    key = stored(KEYS[KeyAlgorithm.ES256])
    assert can_open(SEALER, key)
    assert not can_open(Sealer([b"2" * 32]), key)


def test_a_private_key_is_not_sealed_as_the_signing_key_of_a_target() -> None:
    key = KEYS[KeyAlgorithm.ES256]
    with pytest.raises(UnsealError):
        SEALER.open(key.id, key.sealed)


@every_key
def test_the_holder_of_the_private_key_decrypts_the_token(private: PrivateKeyTypes) -> None:
    token = sign(b'{"a": 1}', OPENED[KeyAlgorithm.ES256])
    found = jwe.decrypt_compact(encrypt(token, public_key(private)), as_joserfc(private), registry=ENCRYPTIONS)
    assert found.plaintext == token


@every_key
def test_the_header_of_an_encrypted_token_names_the_public_key(private: PrivateKeyTypes) -> None:
    found = header_of(encrypt(b"token", public_key(private)))
    assert isinstance(found, dict)
    found.pop("epk", None)
    alg = "RSA-OAEP-256" if private is RSA else "ECDH-ES+A256KW"
    assert found == {"alg": alg, "enc": "A256GCM", "kid": "4711", "typ": "JWT", "cty": "JWT"}


@every_key
def test_the_same_token_is_encrypted_anew_each_time(private: PrivateKeyTypes) -> None:
    first, second = (encrypt(b"token", public_key(private)).split(b".") for _ in range(2))
    assert all(one != other for one, other in zip(first[1:], second[1:], strict=True))


def test_a_payload_of_megabytes_is_signed_and_encrypted() -> None:
    payload = b'"' + b"x" * 3_000_000 + b'"'
    token = sign(payload, OPENED[KeyAlgorithm.ES256])
    found = jwe.decrypt_compact(encrypt(token, public_key(RSA)), as_joserfc(RSA), registry=ENCRYPTIONS)
    assert found.plaintext is not None
    assert verified(found.plaintext, KEYS[KeyAlgorithm.ES256]) == payload


@every_algorithm
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_token_with_another_payload_fails_verification(algorithm: KeyAlgorithm) -> None:
    header, _, signature = sign(b'{"a": 1}', OPENED[algorithm]).split(b".")
    payload = sign(b'{"a": 2}', OPENED[algorithm]).split(b".")[1]
    with pytest.raises(BadSignatureError):
        verified(b".".join((header, payload, signature)), KEYS[algorithm])
