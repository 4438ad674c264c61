"""Fields set from text: path variables and query parameters."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.codec import JsonCodec
from tests.support.services.fixture_protos import message_class

CODEC = JsonCodec()


def put(message: Any, field: str, text: str) -> FieldViolation | None:
    return CODEC.parse_text(text, message, message.DESCRIPTOR.fields_by_name[field], f"path.{field}")


@pytest.mark.parametrize(
    ("field", "text", "json"),
    [
        ("name", "a b", '"a b"'),
        ("name", "", None),
        ("i32", "-5", "-5"),
        ("i32", "5e1", "50"),
        ("i64", "-9223372036854775808", '"-9223372036854775808"'),
        ("u64", "18446744073709551615", '"18446744073709551615"'),
        ("d", "1.5", "1.5"),
        ("d", "NaN", '"NaN"'),
        ("b", "true", "true"),
        ("by", "-_8", '"+/8="'),
        ("color", "RED", '"RED"'),
        ("color", "2", '"BLUE"'),
        ("color", "77", "77"),
        ("ts", "2020-01-02T03:04:05Z", '"2020-01-02T03:04:05Z"'),
        ("dur", "1.5s", '"1.500s"'),
        ("mask", "fooBar,baz", '"fooBar,baz"'),
        ("sv", "", '""'),
        ("iv", "5", '"5"'),
        ("bv", "true", "true"),
        ("byv", "aGk", '"aGk="'),
        ("opt", "", '""'),
    ],
)
def test_text_sets_a_field(field: str, text: str, json: str | None) -> None:
    message: Any = message_class("t.v1.Req")()
    assert put(message, field, text) is None
    name = message.DESCRIPTOR.fields_by_name[field].json_name
    assert CODEC.encode(message).decode() == ("{}" if json is None else f'{{"{name}":{json}}}')


REFUSED = {
    "i32": ["", "x", "1.5", "+1", "01", " 1", "true", "2147483648"],
    "u64": ["-1", "18446744073709551616", "9" * 5000],
    "d": ["abc", "1e400", "inf", "nan", ""],
    "f": ["1e39"],
    "b": ["TRUE", "1", "", "True"],
    "by": ["*", "a"],
    "color": ["red", "1.0", "", "9" * 30],
    "ts": ["abc", "null", "0000-01-01T00:00:00.00Z"],
    "dur": ["1.5", "null", "315576000001s"],
    "mask": ["a_b"],
    "iv": ["x", "null"],
    "bv": ["True"],
    "name": ["\ud800"],
    "sv": ["\ud800"],
    "val": ['{"a":1}', "null"],
    "st": ["{}"],
    "sub": ["{}"],
    "subs": ["{}"],
    "m": ["{}"],
    "any": ["{}"],
}


@pytest.mark.parametrize(("field", "text"), [(field, text) for field, texts in REFUSED.items() for text in texts])
def test_text_of_the_wrong_form_is_a_violation_and_sets_nothing(field: str, text: str) -> None:
    message = message_class("t.v1.Req")()
    violation = put(message, field, text)
    assert violation is not None
    assert violation.field == f"path.{field}"
    assert not message.ListFields()


@pytest.mark.parametrize(("field", "texts"), [("strings", ["a", ""]), ("durations", ["1s", "2s"]), ("wrapped", ["a"])])
def test_text_is_appended_to_a_repeated_field(field: str, texts: list[str]) -> None:
    message: Any = message_class("t.codec.Lists")()
    assert [put(message, field, text) for text in texts] == [None] * len(texts)
    assert len(getattr(message, field)) == len(texts)


def test_a_faulty_element_is_not_appended() -> None:
    message: Any = message_class("t.codec.Lists")()
    put(message, "durations", "1s")
    assert put(message, "durations", "1") is not None
    assert len(message.durations) == 1


@given(st.sampled_from([*REFUSED, "rs", "ri", "rc"]), st.text(max_size=8))
def test_any_text_sets_a_field_or_is_a_violation(field: str, text: str) -> None:
    put(message_class("t.v1.Req")(), field, text)
