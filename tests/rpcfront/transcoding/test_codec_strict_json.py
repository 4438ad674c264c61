"""The codec's JSON is RFC 8259: what is not, is refused in plain words, and no bytes make it fail otherwise."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError
from rpcfront.transcoding.json.strict_json import loads, loads_exactly
from tests.support.examples import examples
from tests.support.services.fixture_protos import message_class

CODEC = JsonCodec()
STRICT = JsonCodec(ignore_unknown_fields=False)

MALFORMED = [
    (b"", "invalid JSON: the body is empty"),
    (b" \r\n\t", "invalid JSON: the body is empty"),
    (b'{"name"', "invalid JSON: not JSON at line 1, column 8"),
    (b'{\n "name": x}', "invalid JSON: not JSON at line 2, column 10"),
    (b'{"name": "x",}', "invalid JSON: not JSON at line 1, column 13"),
    (b"{'name': 1}", "invalid JSON: not JSON at line 1, column 2"),
    (b"{name: 1}", "invalid JSON: not JSON at line 1, column 2"),
    (b'{"d": NaN}', "invalid JSON: not JSON at line 1, column 7"),
    (b'{"d": 01}', "invalid JSON: not JSON at line 1, column 7"),
    (b'{"d": +1}', "invalid JSON: not JSON at line 1, column 7"),
    (b'{"d": 1e400}', "invalid JSON: a number too large at line 1, column 7"),
    (b'{"name": "a\nb"}', "invalid JSON: not JSON at line 1, column 12"),
    (b"{} x", "invalid JSON: not JSON at line 1, column 4"),
    (b"\xef\xbb\xbf{}", "invalid JSON: not JSON at line 1, column 1"),
    (b'{"name": "\xff"}', "invalid JSON: the body is not UTF-8 at byte 10"),
    (b'{"name": "\xed\xa0\x80"}', "invalid JSON: the body is not UTF-8 at byte 10"),
    (b'{"name": "\\ud800"}', "invalid JSON: not JSON at line 1, column 11"),
    (b'{"name": "a", "name": "a"}', 'invalid JSON: the key "name" is given twice'),
    (b'{"x": [{"a:": 1, "a\\u003a": 2}]}', 'invalid JSON: the key "a:" is given twice'),
    (b'{"a": 1, "\\u0061": 2}', 'invalid JSON: the key "a" is given twice'),
    (b'{"": 1, "": "::"}', 'invalid JSON: the key "" is given twice'),
    (b'{"x":' * 100 + b"{}" + b"}" * 100, "invalid JSON: nested deeper than 100 levels"),
    (b"[" * 5000 + b"]" * 5000, "invalid JSON: nested deeper than 100 levels"),
    (b"null", "the body must be a JSON object"),
    (b"[]", "the body must be a JSON object"),
    (b'"x"', "the body must be a JSON object"),
    (b"1", "the body must be a JSON object"),
]


@pytest.mark.parametrize(("body", "text"), MALFORMED)
def test_what_is_not_strict_json_is_refused_in_plain_words(body: bytes, text: str) -> None:
    with pytest.raises(MalformedJsonError) as refusal:
        CODEC.decode(body, message_class("t.v1.Req")())
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    "body",
    [
        b' \t{"name":"x"}\r\n',
        b'{"x": "\\u003a\\u003A::", "y": {"x": 1}}',
        b'{"x": {"x": 1}, "y": {"x": 1}}',
        b'{"x":' * 99 + b"{}" + b"}" * 99,
        b'{"x": "' + b"[" * 500 + b'"}',
        b'{"x": [' + b"{}," * 500 + b"{}]}",
        b'{"x": -0, "y": 1E-5, "z": 123456789012345678901234567890}',
    ],
)
def test_unusual_but_strict_json_is_taken(body: bytes) -> None:
    assert CODEC.decode(body, message_class("t.v1.Req")()) == []


@pytest.mark.parametrize(
    ("start", "step"),
    [
        ('{"sub":', '{"sub":'),
        ('{"st":', '{"a":'),
        ('{"val":', "["),
        ('{"subs":[', '{"sub":'),
        ('{"any":', '{"@type":"x/google.protobuf.Any","value":'),
        ('{"unknown":', "["),
    ],
)
@pytest.mark.parametrize("depth", [10, 45, 97, 150])
def test_no_nesting_meets_a_recursion_limit(start: str, step: str, depth: int) -> None:
    opening = start + step * depth
    closing = "".join("}" if mark == "{" else "]" for mark in reversed(opening) if mark in "{[")
    body = (opening + "{}" + closing).encode()
    if depth > 100:
        with pytest.raises(MalformedJsonError, match="nested deeper"):
            CODEC.decode(body, message_class("t.v1.Req")())
    else:
        assert CODEC.decode(body, message_class("t.v1.Req")()) == []


def _writings(text: str) -> list[str]:
    """A string as JSON may write it: as it is, and with more and more of its characters escaped."""
    escaped = ("".join(f"\\u{ord(letter):04{case}}" for letter in text) for case in "xX")
    return [json.dumps(text, ensure_ascii=False), json.dumps(text), *(f'"{letters}"' for letters in escaped)]


# Few keys, so that they meet.
KEY = st.sampled_from([key for text in ("a", "b", ":", "", "a:", '"', "\\u003a", "é") for key in _writings(text)])
TEXT = st.text(st.sampled_from('ab:\\",{}[]u003\n é'), max_size=5)
LEAF = st.sampled_from(["1", "-0.5", "1e5", "null", "true", "18446744073709551616"]) | st.builds(
    _writings, TEXT
).flatmap(st.sampled_from)
SPACE = st.sampled_from(["", " ", "\n"])


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Objects and arrays of what is written by `inner`."""
    arrays = st.builds(lambda space, items: f"[{space}{f',{space}'.join(items)}]", SPACE, st.lists(inner, max_size=3))
    members = st.lists(st.builds(lambda key, space, item: f"{key}{space}:{space}{item}", KEY, SPACE, inner), max_size=3)
    objects = st.builds(lambda items, space: "{" + ",".join(items) + space + "}", members, SPACE)
    return objects | arrays | LEAF


JSON_TEXT = _nested(_nested(_nested(LEAF)))
"""JSON as text, with keys doubled and colons and braces where they mislead."""


class _DoubledError(Exception):
    pass


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise _DoubledError
    return dict(pairs)


@examples(400)
@given(JSON_TEXT)
def test_a_doubled_key_is_found_exactly_where_one_is(text: str) -> None:
    try:
        json.loads(text, object_pairs_hook=_refuse_doubled)
    except _DoubledError:
        with pytest.raises(MalformedJsonError, match="given twice"):
            loads(text.encode())
    else:
        assert loads(text.encode()) == json.loads(text)


@given(st.integers(-(2**70), 2**70) | st.integers(-(2**70), 2**70).map(float))
def test_numbers_read_exactly_have_each_digit_an_integer_field_can_hold(number: float) -> None:
    written = json.dumps(number)
    read = loads_exactly(written.encode())
    assert read == (Decimal(written) if abs(float(number)) < 2**65 else float(written))


@pytest.mark.parametrize("codec", [CODEC, STRICT])
@given(body=st.binary(max_size=40) | JSON_TEXT.map(str.encode) | JSON_TEXT.map(lambda text: text.encode()[:-1]))
def test_any_bytes_give_violations_or_malformed_json(codec: JsonCodec, body: bytes) -> None:
    for name in ("t.v1.Req", "google.protobuf.Struct", "google.protobuf.Any", "google.protobuf.Timestamp"):
        try:
            codec.decode(body, message_class(name)())
        except MalformedJsonError as error:
            assert str(error).startswith(("invalid JSON: ", "the body must be"))  # noqa: PT017  either answer is right
