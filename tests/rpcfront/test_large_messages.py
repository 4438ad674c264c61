"""What is looked for in a message with many elements that break rules: no more than a bound, and never nothing."""

from collections.abc import Callable
from functools import cache
from typing import Any
from unittest import mock

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.status import FieldViolation
from rpcfront.validation import beginning
from rpcfront.validation.beginning import MAX_PARTS
from rpcfront.validation.engine import Engine
from tests.rpcfront.ruled import PROTO3, ruled_pool

SOURCE = f"""{PROTO3}
message Item {{
  string id = 1 [(buf.validate.field).string.min_len = 1];
  repeated string tags = 2 [(buf.validate.field).repeated = {{max_items: 5000, unique: true, items: {{string: {{min_len: 1}}}}}}];
  map<string, Item> items = 3;
}}
message Large {{
  option (buf.validate.message).cel = {{id: "total" message: "too many" expression: "this.items.size() < 9000"}};
  repeated Item items = 1;
  repeated int32 numbers = 2 [(buf.validate.field).repeated.items.int32.gt = 0];
  map<string, int32> counts = 3 [(buf.validate.field).map = {{keys: {{string: {{min_len: 2}}}}, values: {{int32: {{gt: 0}}}}}}];
  map<string, Item> named = 4;
  Large inner = 5;
  Large other = 7;
  repeated int32 several = 6 [
    (buf.validate.field).repeated.min_items = 3, (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE
  ];
}}
"""  # noqa: E501  # rules are long
Large = dict[str, Any]


@cache
def large_class() -> Any:
    return GetMessageClass(ruled_pool(SOURCE).FindMessageTypeByName("p.Large"))


@cache
def rules() -> Engine:
    return Engine()


def violations(large: Large, bound: int = MAX_PARTS) -> list[FieldViolation]:
    with mock.patch.object(beginning, "MAX_PARTS", bound):
        return rules().violations(large_class()(**large))


def everything(large: Large) -> list[FieldViolation]:
    return violations(large, 2**40)


def tree(n: int) -> Large:
    """Return a message with n messages in it, each in a field of its own, and each with a fault."""
    if n < 1:
        return {"several": [0]}
    return {"several": [0], "inner": tree((n - 1) // 2), "other": tree(n // 2)}


BROKEN: dict[str, Callable[[int], Large]] = {
    "messages": lambda n: {"items": [{}] * n},
    "numbers": lambda n: {"numbers": [0] * n},
    "values of a map": lambda n: {"counts": {f"k{number}": 0 for number in range(n)}},
    "keys of a map": lambda n: {"counts": {chr(number): 1 for number in range(256, 256 + n)}},
    "messages in a map": lambda n: {"named": {str(number): {} for number in range(n)}},
    "elements of one element": lambda n: {"items": [{"id": "a", "tags": [""] * n}]},
    "elements of elements": lambda n: {"items": [{"id": "a", "tags": [""] * 3}] * (n // 3)},
    "messages that are not repeated": lambda n: tree(n),
    "below": lambda n: {"inner": {"inner": {"items": [{}] * n}}},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_four_times_as_many_broken_elements_are_no_more_violations(kind: str) -> None:
    few, many = violations(BROKEN[kind](2_000)), violations(BROKEN[kind](8_000))
    assert 0 < len(few) <= MAX_PARTS + 1
    assert len(many) <= len(few) + 1


def test_the_first_elements_are_all_named() -> None:
    named = {violation.field for violation in violations({"items": [{}] * 5_000})}
    assert named == {f"items[{index}].id" for index in range(MAX_PARTS)}


@pytest.mark.parametrize(
    ("large", "field"),
    [
        ({"items": [{"id": "a"}] * 5_000 + [{}]}, "items[5000].id"),
        ({"items": [{"id": "a", "tags": [str(n) for n in range(4_000)] + ["0"]}]}, "items[0].tags"),
        ({"items": [{"id": "a", "tags": [str(n) for n in range(6_000)]}]}, "items[0].tags"),
        ({"items": [{"id": "a"}] * 9_000}, ""),
    ],
    ids=["an element", "a repeated element", "too many elements", "a message"],
)
def test_what_is_wrong_only_behind_the_first_elements_is_found(large: Large, field: str) -> None:
    assert [violation.field for violation in violations(large)] == [field]


def test_a_large_message_without_a_fault_has_no_violation() -> None:
    assert violations({"items": [{"id": "a"}] * 5_000, "numbers": [1] * 5_000}) == []


ITEMS: st.SearchStrategy[Large] = st.deferred(
    lambda: st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["", "a"]),
            "tags": st.lists(st.sampled_from(["", "a", "b"]), max_size=5),
            "items": st.dictionaries(st.sampled_from(["", 'a"', "b.c[0]"]), ITEMS, max_size=2),
        },
    )
)
LARGE = st.fixed_dictionaries(
    {},
    optional={
        "items": st.lists(ITEMS, max_size=5),
        "numbers": st.lists(st.integers(0, 1), max_size=5),
        "several": st.sampled_from([[0], [0] * 3]),
        "counts": st.dictionaries(st.sampled_from(["", "aa", 'b"b']), st.integers(0, 1), max_size=3),
        "named": st.dictionaries(st.sampled_from(["", "aa", "b.b"]), ITEMS, max_size=3),
    },
)


@given(st.builds(lambda outer, inner: {**outer, "inner": inner}, LARGE, LARGE), st.integers(0, 6))
def test_what_is_found_is_true_and_is_nothing_only_if_nothing_is_wrong(large: Large, bound: int) -> None:
    found, there = violations(large, bound), everything(large)
    assert set(found) <= set(there)
    assert bool(found) == bool(there)
