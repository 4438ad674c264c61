"""Timeouts, binary values and messages, by the grammar of gRPC over HTTP/2."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.metadata import Metadatum, checked, from_headers, parse_timeout, percent_encode, to_headers
from rpcfront.protocols.http import has_call_headers
from rpcfront.status import StatusError

INVALID_ARGUMENT = 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10S", 10),
        ("1H", 3600),
        ("2M", 120),
        ("250m", 0.25),
        ("250u", 0.00025),
        ("1n", 1e-9),
        ("0S", 0),
        ("00000010S", 10),
        ("1.5S", 1.5),
        ("9999999999m", 9_999_999.999),
        ("99999999H", 99_999_999 * 3600),
        ("9" * 60 + "H", 99_999_999 * 3600),
    ],
)
def test_a_timeout_is_read_in_its_unit_and_clamped(text: str, seconds: float) -> None:
    assert parse_timeout(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("grpc-timeout", True),
        ("connect-timeout-ms", True),
        ("x-trace-bin", True),
        ("x-request-id", False),
        ("x-envoy-expected-rq-timeout-ms", False),
    ],
)
def test_headers_are_read_before_a_call_only_if_they_are_about_it(name: str, is_read: bool) -> None:
    assert has_call_headers(f":path\n{name}\nte") is is_read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S",
        "10",
        "bad",
        "-1S",
        "+1S",
        "1s",
        "1 S",
        " 1S",
        "1S ",
        "1e3S",
        "٣S",
        ".5S",
        "5.S",
        "NaNS",
        "9" * 100 + "S",
    ],
)
def test_a_malformed_timeout_is_refused(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        parse_timeout(text)
    assert caught.value.status.code == INVALID_ARGUMENT


def test_binary_metadata_is_split_on_commas_and_read_padded_or_not() -> None:
    headers = [("k-bin", "aGk=, aGk,"), ("k-bin", "/+8"), ("x", "a,b"), ("x", "c")]
    assert from_headers(headers) == (
        ("k-bin", b"hi"),
        ("k-bin", b"hi"),
        ("k-bin", b""),
        ("k-bin", b"\xff\xef"),
        ("x", "a,b"),
        ("x", "c"),
    )


@pytest.mark.parametrize("value", ["a", "a===", "*", "aGk=aGk=", "aG\nk="])
def test_binary_metadata_that_is_not_base64_is_refused_by_name(value: str) -> None:
    with pytest.raises(StatusError, match="k-bin: not base64") as caught:
        from_headers([("k-bin", value)])
    assert caught.value.status.code == INVALID_ARGUMENT


def test_headers_of_http_and_of_the_protocols_framing_are_no_metadata() -> None:
    of_http = [("host", "h"), ("content-length", "1"), ("te", "trailers"), ("grpc-timeout", "1S"), (":path", "/")]
    assert from_headers([*of_http, ("a", "b")]) == (("a", "b"),)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_binary_metadata_survives_the_way_out_and_in(values: list[bytes]) -> None:
    metadata = checked([("k-bin", value) for value in values])
    headers = to_headers(metadata)
    assert all("=" not in value for _, value in headers)
    assert from_headers(headers) == metadata


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("x", "a\r\nset-cookie: b"),
        ("x", "a\n"),
        ("x", "é"),
        ("x", "\x7f"),
        ("x\r\ny", "a"),
        ("x y", "a"),
        ("", "a"),
        ("é", "a"),
        ("content-length", "3"),
        ("grpc-status", "0"),
        ("x-bin", "text"),
    ],
)
def test_metadata_that_would_break_its_carrier_cannot_be_set(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="metadata"):
        checked([(key, value)])


def test_metadata_keys_go_out_in_lower_case() -> None:
    assert checked([("X-Kind", "Value")]) == (Metadatum("x-kind", "Value"),)


@given(st.text())
def test_a_message_is_plain_ascii_on_the_wire_and_reads_back(message: str) -> None:
    encoded = percent_encode(message)
    assert all(" " <= character <= "~" for character in encoded)
    assert unquote(encoded) == message.encode("utf-8", "replace").decode()


def test_only_what_must_be_encoded_in_a_message_is() -> None:
    assert percent_encode("message 5: 100% ü\r\n") == "message 5: 100%25 %C3%BC%0D%0A"
