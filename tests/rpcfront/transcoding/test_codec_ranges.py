"""Times out of range in messages that came as protobuf bytes."""

import json
from typing import Any

import pytest

from rpcfront.transcoding.json.codec import JsonCodec, range_violations
from rpcfront.transcoding.json.times import DURATION_OUT_OF_RANGE, TIMESTAMP_OUT_OF_RANGE
from tests.support.services.fixture_protos import message_class

FAR = {"seconds": 400_000_000_000}


def faults(message: Any) -> dict[str, str]:
    return {violation.field: violation.description for violation in range_violations(message)}


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(315_576_000_001, 0), (-315_576_000_001, 0), (0, 10**9), (0, -(10**9)), (1, -1), (-1, 1), (2**63 - 1, 0)],
)
def test_a_duration_out_of_its_range_is_named(seconds: int, nanos: int) -> None:
    message = message_class("t.v1.Req")(dur={"seconds": seconds, "nanos": nanos})
    assert faults(message) == {"dur": DURATION_OUT_OF_RANGE}


@pytest.mark.parametrize(("seconds", "nanos"), [(315_576_000_000, 999_999_999), (-1, -1), (0, -1), (0, 0), (1, 0)])
def test_a_duration_within_its_range_is_not(seconds: int, nanos: int) -> None:
    assert faults(message_class("t.v1.Req")(dur={"seconds": seconds, "nanos": nanos})) == {}


@pytest.mark.parametrize(("seconds", "nanos"), [(253_402_300_800, 0), (-62_135_596_801, 0), (0, -1), (0, 10**9)])
def test_a_timestamp_out_of_its_range_is_named(seconds: int, nanos: int) -> None:
    message = message_class("t.v1.Req")(ts={"seconds": seconds, "nanos": nanos})
    assert faults(message) == {"ts": TIMESTAMP_OUT_OF_RANGE}


@pytest.mark.parametrize(
    ("name", "fields", "path"),
    [
        ("Tree", {"left_branch": {"right_branch": {"age": FAR}}}, "left_branch.right_branch.age"),
        ("Tree", {"branches": [{}, {"age": FAR}]}, "branches[1].age"),
        ("Tree", {"named": {'a"': {"age": FAR}}}, 'named["a\\""].age'),
        ("Lists", {"durations": [{}, FAR]}, "durations[1]"),
        ("Maps", {"durations": {"a": FAR}}, 'durations["a"]'),
        ("Choice", {"wait": FAR}, "wait"),
        ("Choice", {"tree": {"age": FAR}}, "tree.age"),
    ],
)
def test_a_time_is_found_at_any_depth(name: str, fields: dict[str, Any], path: str) -> None:
    assert faults(message_class(f"t.codec.{name}")(**fields)) == {path: DURATION_OUT_OF_RANGE}


def test_json_names_the_same_fields_in_the_same_words() -> None:
    far = "400000000000s"
    body = {"branches": [{}, {"age": far}], "named": {"ä": {"age": far}}, "planted": "0000-01-01T00:00:00Z"}
    message = message_class("t.codec.Tree")
    violations = JsonCodec().decode(json.dumps(body).encode(), message())
    same = message(branches=[{}, {"age": FAR}], named={"ä": {"age": FAR}}, planted={"seconds": -62_167_219_200})
    key = lambda violation: violation.field  # noqa: E731  used twice, below
    assert sorted(violations, key=key) == sorted(range_violations(same), key=key)


def test_a_time_that_is_the_message_itself_is_checked() -> None:
    assert faults(message_class("google.protobuf.Duration")(**FAR)) == {"": DURATION_OUT_OF_RANGE}


def test_a_message_that_can_hold_no_time_is_left_alone() -> None:
    assert range_violations(message_class("t.codec.Scalars")(a_string="x")) == []
