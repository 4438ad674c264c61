"""The signature of a call, against other implementations, against what strangers send, and as the page shows it."""

import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import given
from hypothesis import strategies as st

from actiond.client.signature import HEADER, MAX_HEADER_LENGTH, SignatureError, header, verify
from tests.delivery.page import PAGE, post, serving

ROOT = Path(__file__).parents[2]

KEY = "kQ1vHkTqB3m0yN4dYb2cV8sR5wXzA6uEeJ7fGgLhPiM"
OTHER_KEY = "0oV3nB7cM1xZ5lK9jH2gF6dS4aQ8wE0rT3yU7iP1oLk"
NOW = 1_767_225_600
BODY = b'{"fullMethod":"/a.b.C/D"}'

signed = st.builds(header, st.binary(), st.lists(st.sampled_from([KEY, OTHER_KEY]), min_size=1), st.just(NOW))


def hmac_of(text: bytes, key: bytes) -> HMAC:
    """An implementation of another library."""
    independent = HMAC(key, hashes.SHA256())
    independent.update(text)
    return independent


def elements(value: str) -> list[tuple[str, str]]:
    return [(name, text) for name, _, text in (element.partition("=") for element in value.split(","))]


# Made with: printf '%s' "$t.$body" | openssl dgst -sha256 -hmac "$key"
@pytest.mark.parametrize(
    ("body", "key", "now", "digest"),
    [
        (BODY, KEY, NOW, "d7534983b780172995e8207f04b75e198485136cb3299629ec9c4445572caffa"),
        (b"", "k", 0, "6b4a4b8b3c40f1e8f53a3d36682e5f99f7ad2ac1df1c93dfe336f329167641e7"),
        (b"\x00\xff\n", "schlüssel", NOW, "08367aa80686ebe47353724729da9db0ca623af60ab70315d55fb3a90ab660d6"),
    ],
    ids=["JSON", "nothing", "any bytes, any key"],
)
def test_the_header_is_what_openssl_makes(body: bytes, key: str, now: int, digest: str) -> None:
    assert header(body, [key], now) == f"t={now},v1={digest}"
    verify(f"t={now},v1={digest}", body, key, now=now)


@given(st.binary(), st.text(min_size=1), st.integers(0, 10**12 - 1))
def test_another_implementation_verifies_what_is_signed_here(body: bytes, key: str, now: int) -> None:
    (_, sent_at), (_, digest) = elements(header(body, [key], now))
    hmac_of(f"{sent_at}.".encode() + body, key.encode()).verify(bytes.fromhex(digest))


@given(st.binary(), st.text(min_size=1), st.integers(0, 10**12 - 1))
def test_what_another_implementation_signs_is_verified_here(body: bytes, key: str, now: int) -> None:
    digest = hmac_of(f"{now}.".encode() + body, key.encode()).finalize().hex()
    verify(f"t={now},v1={digest}", body, key, now=now)


def test_another_implementation_refuses_a_tampered_body_too() -> None:
    (_, sent_at), (_, digest) = elements(header(BODY, [KEY], NOW))
    with pytest.raises(InvalidSignature):
        hmac_of(f"{sent_at}.".encode() + BODY + b" ", KEY.encode()).verify(bytes.fromhex(digest))


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_while_keys_are_rotated_either_verifies(key: str) -> None:
    verify(header(BODY, [KEY, OTHER_KEY], NOW), BODY, key, now=NOW)


def test_a_receiver_may_take_several_keys() -> None:
    verify(header(BODY, [KEY], NOW), BODY, [OTHER_KEY, KEY], now=NOW)


def test_a_header_has_a_signature_by_each_key_in_their_order() -> None:
    both = elements(header(BODY, [KEY, OTHER_KEY], NOW))
    assert both == [*elements(header(BODY, [KEY], NOW)), elements(header(BODY, [OTHER_KEY], NOW))[1]]


VALID = header(BODY, [KEY], NOW)
V1 = VALID.partition(",")[2]


@pytest.mark.parametrize("value", [f"{VALID},v2=abc", f"v0=,{VALID}", f"x=a=b,{V1},t={NOW}"])
def test_signatures_of_other_versions_are_passed_over(value: str) -> None:
    verify(value, BODY, KEY, now=NOW)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not signed"),
        ("", "not signed"),
        ("garbage", "malformed"),
        (f"{VALID},", "malformed"),
        (f"{VALID}, v2=a", "malformed"),
        (f" {VALID}", "malformed"),
        (f"{VALID}\n", "v1 of 64 hex"),
        (VALID.replace("v1", "V1"), "malformed"),
        (VALID.replace(",", ";"), "one time"),
        (f"{VALID},{VALID}", "one time"),
        (f"t={NOW},{VALID}", "one time"),
        (V1, "one time"),
        (f"t=,{V1}", "one time"),
        (f"t=-1,{V1}", "one time"),
        (f"t=+{NOW},{V1}", "one time"),
        (f"t={NOW}.0,{V1}", "one time"),
        (f"t={'9' * 13},{V1}", "one time"),
        (f"t=١٧٦٧٢٢٥٦٠٠,{V1}", "one time"),
        (f"t={NOW}", "v1 of 64 hex"),
        (f"t={NOW},v2=abc", "v1 of 64 hex"),
        (f"t={NOW},v1=", "v1 of 64 hex"),
        (f"{VALID}0", "v1 of 64 hex"),
        (VALID[:-1], "v1 of 64 hex"),
        (VALID[:-1] + "A", "v1 of 64 hex"),
        (VALID[:-1] + "é", "v1 of 64 hex"),
        (f"{VALID},v1=short", "v1 of 64 hex"),
        (VALID + ",v2=" + "a" * MAX_HEADER_LENGTH, "longer than 8192"),
    ],
)
def test_a_header_that_is_not_exactly_one_is_refused_with_its_fault(value: str | None, reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        verify(value, BODY, KEY, now=NOW)


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"\n", BODY.replace(b"D", b"E")])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(VALID, body, KEY, now=NOW)


def test_another_time_is_refused() -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(VALID.replace(str(NOW), str(NOW + 1)), BODY, KEY, now=NOW)


@pytest.mark.parametrize("digit", range(64))
def test_a_signature_with_one_other_digit_is_refused(digit: int) -> None:
    at = VALID.index("v1=") + 3 + digit
    other = "0" if VALID[at] != "0" else "1"
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(VALID[:at] + other + VALID[at + 1 :], BODY, KEY, now=NOW)


@pytest.mark.parametrize("keys", [OTHER_KEY, [OTHER_KEY], KEY + "\n", [OTHER_KEY, KEY.lower()]])
def test_other_keys_are_refused(keys: str | list[str]) -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(VALID, BODY, keys, now=NOW)


@pytest.mark.parametrize("keys", ["", [], [""], [KEY, ""]])
def test_a_receiver_without_a_key_trusts_nobody(keys: str | list[str]) -> None:
    with pytest.raises(SignatureError, match="no key"):
        verify(header(BODY, ["", KEY], NOW), BODY, keys, now=NOW)


@pytest.mark.parametrize("seconds", [-300, -299.5, 0, 300])
def test_clocks_may_differ_by_the_tolerance(seconds: float) -> None:
    verify(VALID, BODY, KEY, now=NOW + seconds)


@pytest.mark.parametrize(
    ("now", "tolerance", "reason"),
    [
        (NOW + 301, 300, "too old"),
        (NOW + 300.001, 300, "too old"),
        (NOW + 1, 0, "too old"),
        (NOW - 301, 300, "from the future"),
        (NOW - 1, 0.5, "from the future"),
        (math.nan, 300, "too old"),
        (NOW, math.nan, "too old"),
    ],
)
def test_beyond_the_tolerance_a_signature_is_refused(now: float, tolerance: float, reason: str) -> None:
    with pytest.raises(SignatureError, match=reason):
        verify(VALID, BODY, KEY, now=now, tolerance=tolerance)


def test_the_receivers_clock_is_the_default() -> None:
    with pytest.raises(SignatureError, match="too old"):
        verify(header(BODY, [KEY], 1_000_000_000), BODY, KEY)


@given(
    st.text()
    | st.lists(st.sampled_from([*VALID.split(","), "t=", "v1=", "t", "=", "v2=x", "٣", "\0"])).map(",".join)
    | signed,
    st.binary(max_size=10),
    st.floats() | st.just(float(NOW)),
)
def test_whatever_comes_is_refused_by_a_signature_error(value: str, body: bytes, now: float) -> None:
    with pytest.raises(SignatureError):
        verify(value, b"never signed" + body, KEY, now=now)


def test_no_error_repeats_the_key() -> None:
    with pytest.raises(SignatureError) as caught:
        verify(VALID, b"", KEY, now=NOW)
    assert KEY not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"


def test_a_receiver_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import actiond.client.signature;"
        "new = {name for name in set(sys.modules) - before if name.partition('.')[0] not in sys.stdlib_module_names};"
        "print(*sorted(new))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "actiond",
        "actiond.client",
        "actiond.client.signature",
        "actiond.client.signing_keys",
    ]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The receiver of calls that the page shows, serving; its URL."""
    monkeypatch.setenv("SIGNING_KEY", KEY)
    with serving("Receiver") as url:
        yield url


REQUEST = b'{"fullMethod":"/a.b.C/D","request":{"name":"  a name "}}'


def test_the_pages_receiver_answers_what_is_signed(receiver: str) -> None:
    value = header(REQUEST, [OTHER_KEY, KEY], int(time.time()))
    assert post(receiver, REQUEST, {HEADER: value}) == (200, b'{"name": "a name"}')


@pytest.mark.parametrize("headers", [{}, {HEADER: "garbage"}, {HEADER: header(REQUEST, [KEY], 1_000_000_000)}])
def test_the_pages_receiver_refuses_what_is_not(receiver: str, headers: dict[str, str]) -> None:
    assert post(receiver, REQUEST, headers)[0] == 401


def test_the_pages_command_computes_the_same_signature() -> None:
    (command,) = (block for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "hmac" in block)
    script = f"t=$1 body=$2 key=$3; {command}"
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(NOW), BODY.decode(), KEY], capture_output=True, text=True, check=True
    )
    assert header(BODY, [KEY], NOW) == f"t={NOW},v1={done.stdout.split()[-1]}"
