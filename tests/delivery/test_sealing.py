"""Sealed signing keys: what opens, and what does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.client.signature import header, verify
from actiond.secrets.sealing import Sealer, UnsealError, make_key, new_signing_key

OLD, NEW, FOREIGN = (bytes([number]) * 32 for number in (1, 2, 3))
TARGET = "383286160039874560"


@given(st.text(), st.text())
def test_what_was_sealed_opens(target_id: str, key: str) -> None:
    assert Sealer([NEW]).open(target_id, Sealer([NEW]).seal(target_id, key)) == key


def test_a_key_is_sealed_anew_each_time() -> None:
    sealer = Sealer([NEW])
    assert sealer.seal(TARGET, "key") != sealer.seal(TARGET, "key")


def test_a_sealed_key_does_not_show_the_key() -> None:
    assert b"a signing key" not in Sealer([NEW]).seal(TARGET, "a signing key")


def test_an_older_encryption_key_still_opens_what_it_sealed() -> None:
    assert Sealer([NEW, OLD]).open(TARGET, Sealer([OLD]).seal(TARGET, "key")) == "key"


def test_the_first_encryption_key_seals() -> None:
    assert Sealer([NEW]).open(TARGET, Sealer([NEW, OLD]).seal(TARGET, "key")) == "key"


def refused(sealer: Sealer, target_id: str, sealed: bytes) -> bool:
    """Whether it does not open, without a word of why."""
    with pytest.raises(UnsealError) as caught:
        sealer.open(target_id, sealed)
    return str(caught.value) == "" and caught.value.__cause__ is None


@pytest.mark.parametrize("target_id", ["", TARGET + "0", TARGET[:-1], "\udcff"])
def test_a_key_that_was_moved_to_another_target_does_not_open(target_id: str) -> None:
    assert refused(Sealer([NEW]), target_id, Sealer([NEW]).seal(TARGET, "key"))


def test_another_encryption_key_does_not_open_it() -> None:
    assert refused(Sealer([OLD, FOREIGN]), TARGET, Sealer([NEW]).seal(TARGET, "key"))


def test_no_bit_may_be_flipped() -> None:
    sealer = Sealer([NEW, OLD])
    sealed = sealer.seal(TARGET, "key")
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refused(sealer, TARGET, bytes(flipped))


def test_no_byte_may_be_missing_or_added() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(TARGET, "key")
    for length in range(len(sealed)):
        assert refused(sealer, TARGET, sealed[:length])
    assert refused(sealer, TARGET, sealed + b"\0")


@given(st.binary(max_size=80))
def test_any_bytes_do_not_open(sealed: bytes) -> None:
    assert refused(Sealer([NEW]), TARGET, sealed)


@pytest.mark.parametrize("keys", [[], [b""], [b"1" * 16], [NEW, b"1" * 31]])
def test_a_sealer_takes_keys_of_256_bits_only(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_a_sealer_does_not_show_its_keys() -> None:
    shown = f"{Sealer([NEW])!r}{vars(Sealer([NEW]))}"
    assert repr(NEW)[2:-1] not in shown


def test_signing_keys_are_256_random_bits_without_a_character_to_be_quoted() -> None:
    keys = {new_signing_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(base64.urlsafe_b64decode(key + "=")) for key in keys} == {32}


def test_a_made_key_signs_what_its_holder_verifies() -> None:
    sealer = Sealer([NEW])
    key, made = make_key(sealer)(TARGET)
    assert made.is_valid(2**63)
    verify(header(b"body", [sealer.open(TARGET, made.sealed)], 0), b"body", key, now=0)
    assert key not in repr(made)
