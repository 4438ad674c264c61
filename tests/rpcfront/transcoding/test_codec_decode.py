"""What each kind of field takes and refuses in JSON, and how a fault is named."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError
from rpcfront.transcoding.json.times import DURATION_OUT_OF_RANGE, TIMESTAMP_OUT_OF_RANGE
from tests.support.services.fixture_protos import fixture_pool, message_class, message_type

ROWS = json.loads((Path(__file__).parent / "cases" / "json_body.json").read_text())
# The rest is for the edge: it tells of methods, queries, paths and headers.
BODIES = [row for row in ROWS if row["request"]["path"] == "/v1/all" and "content-type" in row["request"]["headers"]]
CODEC = JsonCodec()


def decoded(name: str, document: Any) -> tuple[Any, dict[str, str]]:
    """The message, and what is wrong by field."""
    message = message_class(name)()
    violations = CODEC.decode(json.dumps(document).encode(), message)
    return message, {violation.field: violation.description for violation in violations}


def as_json(message: Message) -> Any:
    return json_format.MessageToDict(message, descriptor_pool=fixture_pool())


@pytest.mark.parametrize(
    "row", [row for row in BODIES if row["expect"].get("http_status") != 415], ids=lambda r: r["id"]
)
def test_a_body_is_read_as_the_worked_example_says(row: dict[str, Any]) -> None:
    message = message_class("t.v1.Req")()
    try:
        refused = bool(CODEC.decode(row["request"]["body"].encode(), message))
    except MalformedJsonError:
        refused = True
    assert refused == ("json" not in row["expect"])
    assert refused or as_json(message) == row["expect"]["json"]


INT32 = "must be a whole number from -2147483648 to 2147483647"
INT64 = "must be a whole number from -9223372036854775808 to 9223372036854775807"
UINT64 = "must be a whole number from 0 to 18446744073709551615"
NUMBER = 'must be a number, or "NaN", "Infinity" or "-Infinity"'
SIZE = "must be one of SIZE_UNSPECIFIED, SIZE_SMALL, SIZE_TINY, SIZE_NEGATIVE"

# A field of t.codec.Scalars, JSON for it, and the value that it gets.
TAKEN: list[tuple[str, str, Any]] = [
    ("an_int32", "5", 5),
    ("an_int32", '"5"', 5),
    ("an_int32", "5.0", 5),
    ("an_int32", "5e2", 500),
    ("an_int32", '"5e2"', 500),
    ("an_int32", "-2147483648", -(2**31)),
    ("an_int32", "-0", 0),
    ("a_sint32", "2147483647", 2**31 - 1),
    ("an_int64", '"9223372036854775807"', 2**63 - 1),
    ("an_int64", "9223372036854775807", 2**63 - 1),
    ("an_int64", "9223372036854775807.0", 2**63 - 1),
    ("an_int64", "-9223372036854775808", -(2**63)),
    ("an_int64", "-9223372036854775808.0", -(2**63)),
    ("an_int64", '"9007199254740993.0"', 2**53 + 1),
    ("an_int64", "9007199254740993.0", 2**53 + 1),
    ("an_int64", "1e18", 10**18),
    ("a_uint64", "18446744073709551615", 2**64 - 1),
    ("a_fixed64", "18446744073709551615.0", 2**64 - 1),
    ("a_double", "1", 1.0),
    ("a_double", '"1.5"', 1.5),
    ("a_double", '"-Infinity"', float("-inf")),
    ("a_double", "123456789012345678901234567890", 1.2345678901234568e29),
    ("a_double", "1e-400", 0.0),
    ("a_float", "1.5", 1.5),
    ("a_float", '"Infinity"', float("inf")),
    ("a_bool", "true", True),
    ("a_bool", "false", False),
    ("a_string", '"\\ud83d\\ude00"', "😀"),
    ("a_bytes", '"+/8="', b"\xfb\xff"),
    ("a_bytes", '"-_8"', b"\xfb\xff"),
    ("a_bytes", '""', b""),
    ("size", '"SIZE_TINY"', 1),
    ("size", "-1", -1),
    ("size", "77", 77),
    ("size", "1.0", 1),
    ("a_string", "null", ""),
]


@pytest.mark.parametrize(("field", "value", "expected"), TAKEN)
def test_a_scalar_takes_each_of_its_forms(field: str, value: str, expected: Any) -> None:
    message: Any = message_class("t.codec.Scalars")()
    assert CODEC.decode(f'{{"{field}": {value}}}'.encode(), message) == []
    assert getattr(message, field) == expected


# A field of t.codec.Scalars, JSON that it refuses, and what is said of it.
REFUSED = [
    *[
        ("an_int32", value, INT32)
        for value in ("1.5", '"1.5"', "true", "[]", "{}", '""', '" 5"', '"+5"', '"05"', '"5a"')
    ],
    *[
        ("an_int32", value, INT32)
        for value in ("2147483648", "-2147483649", '"2147483648"', "1e30", '"' + "9" * 5000 + '"')
    ],
    *[("an_int64", value, INT64) for value in ("9223372036854775808", "-9223372036854775809", "9223372036854775808.0")],
    *[("an_int64", value, INT64) for value in ("9007199254740993.5", '"9007199254740993.5"', "1e19", '"1e999999999"')],
    *[("a_uint64", value, UINT64) for value in ("18446744073709551616", "-1", '"18446744073709551616"')],
    *[("a_double", value, NUMBER) for value in ('"1e400"', '"nan"', '"inf"', "true", '" 1"', '".5"', "[]")],
    *[("a_float", value, "must be a number that fits into 32 bits") for value in ("1e39", '"-1e39"', "9" * 60)],
    *[("a_bool", value, "must be true or false") for value in ('"true"', "1", "0", "[]")],
    *[("a_string", value, "must be a string") for value in ("1", "true", "[]", "{}")],
    *[("a_bytes", value, "must be a string in base64") for value in ("1", '"a"', '"YQ="', '"Y Q="', '"YQ==="', '"é"')],
    *[("size", value, SIZE) for value in ('"size_small"', '"NOPE"', '"1"', "1.5", "true", "2147483648", "[]")],
]


@pytest.mark.parametrize(("field", "value", "description"), REFUSED)
def test_a_scalar_of_the_wrong_form_is_named_and_left_unset(field: str, value: str, description: str) -> None:
    message = message_class("t.codec.Scalars")()
    violations = CODEC.decode(f'{{"{field}": {value}}}'.encode(), message)
    assert [(violation.field, violation.description) for violation in violations] == [(field, description)]
    assert message == message_class("t.codec.Scalars")()


DURATION = 'must be a duration such as "10s" or "1.5s", with at most 9 digits after the point'
TIME = 'must be a time such as "2024-06-01T12:00:00Z", with at most 9 digits after the point'
MASK = 'must be field paths in camelCase, joined by commas, such as "name,endpoint"'
BOTH = 'must not be given both as "page_size" and as "pageSize"'
TYPE_URL = 'must have as "@type" the URL of a message type that is known here'

# A message, a document, and what is wrong with it by field.
FAULTS: list[tuple[str, Any, dict[str, str]]] = [
    ("t.v1.Req", {"dur": "10"}, {"dur": DURATION}),
    ("t.v1.Req", {"dur": "10m"}, {"dur": DURATION}),
    ("t.v1.Req", {"dur": 10}, {"dur": DURATION}),
    ("t.v1.Req", {"dur": "1.0000000001s"}, {"dur": DURATION}),
    ("t.v1.Req", {"dur": "0" * 100_000 + "x"}, {"dur": DURATION}),
    ("t.v1.Req", {"dur": "315576000001s"}, {"dur": DURATION_OUT_OF_RANGE}),
    ("t.v1.Req", {"dur": "-" + "9" * 5000 + "s"}, {"dur": DURATION_OUT_OF_RANGE}),
    ("t.v1.Req", {"ts": "2020-02-30T00:00:00Z"}, {"ts": TIME}),
    ("t.v1.Req", {"ts": "0000-01-01T00:00:00Z"}, {"ts": TIMESTAMP_OUT_OF_RANGE}),
    ("t.v1.Req", {"ts": "9999-12-31T23:59:59-00:01"}, {"ts": TIMESTAMP_OUT_OF_RANGE}),
    ("t.v1.Req", {"mask": "a_b"}, {"mask": MASK}),
    ("t.v1.Req", {"mask": ["a"]}, {"mask": MASK}),
    ("t.v1.Req", {"sub": {"tags": ["a", 1]}}, {"sub.tags[1]": "must be a string"}),
    ("t.v1.Req", {"sub": {"tags": ["a", None]}}, {"sub.tags[1]": "must be a string"}),
    ("t.v1.Req", {"subs": [{}, {"sub": {"i": "x"}}]}, {"subs[1].sub.i": INT32}),
    ("t.v1.Req", {"subs": [None]}, {"subs[0]": "must be an object"}),
    ("t.v1.Req", {"subs": {}}, {"subs": "must be an array"}),
    ("t.v1.Req", {"rs": "a"}, {"rs": "must be an array"}),
    ("t.v1.Req", {"m": {'k"': 1, "b": None}}, {'m["k\\""]': "must be a string", 'm["b"]': "must be a string"}),
    ("t.v1.Req", {"m": []}, {"m": "must be an object"}),
    ("t.v1.Req", {"sub": "x"}, {"sub": "must be an object"}),
    ("t.v1.Req", {"iv": "x", "bv": 1}, {"iv": INT64, "bv": "must be true or false"}),
    ("t.v1.Req", {"st": []}, {"st": "must be an object"}),
    ("t.v1.Req", {"oa": "1", "ob": "2"}, {"o": 'must hold only one of "oa" and "ob"'}),
    ("t.v1.Req", {"pageSize": 1, "page_size": 1}, {"page_size": BOTH}),
    ("t.v1.Req", {"any": {"s": 1}}, {"any": TYPE_URL}),
    ("t.v1.Req", {"any": {"@type": "x/no.Such"}}, {"any": TYPE_URL}),
    ("t.v1.Req", {"any": {"@type": 1}}, {"any": TYPE_URL}),
    ("t.v1.Req", {"any": {"@type": "x/t.v1.Sub", "i": "x"}}, {"any.i": INT32}),
    ("t.v1.Req", {"any": {"@type": "x/google.protobuf.Duration", "value": 1}}, {"any.value": DURATION}),
    ("t.v1.Req", {"any": {"@type": "x/google.protobuf.Duration"}}, {"any.value": "must be given"}),
    ("t.codec.Maps", {"byInt32": {"x": ""}}, {'by_int32["x"]': f"has a key that {INT32}"}),
    ("t.codec.Maps", {"byInt64": {"5": 1}}, {"by_int64[5]": "must be true or false"}),
    ("t.codec.Maps", {"byBool": {"true": "X"}}, {"by_bool[true]": SIZE}),
    ("t.codec.Maps", {"byBool": {"1": 0}}, {'by_bool["1"]': "has a key that must be true or false"}),
    ("t.codec.Maps", {"durations": {"a": "1"}}, {'durations["a"]': DURATION}),
    ("t.v1.Req", {"name": 1, "i32": "x", "dur": 1}, {"name": "must be a string", "i32": INT32, "dur": DURATION}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "document", "faults"), FAULTS)
def test_every_fault_is_named_by_its_proto_path(name: str, document: Any, faults: dict[str, str]) -> None:
    assert decoded(name, document)[1] == faults


def test_the_fields_without_fault_are_set_all_the_same() -> None:
    message, faults = decoded("t.v1.Req", {"name": 1, "id": "x", "sub": {"s": "y", "i": "z"}, "rs": ["a", 1, "b"]})
    assert faults.keys() == {"name", "sub.i", "rs[1]"}
    # The faulty element keeps its place, so that the index of the next one holds.
    assert as_json(message) == {"id": "x", "sub": {"s": "y"}, "rs": ["a", "", "b"]}


def test_of_two_members_of_a_oneof_the_first_is_kept() -> None:
    message, _ = decoded("t.v1.Req", {"oa": "1", "ob": "2"})
    assert message.oa == "1"


def test_null_is_absence_beside_another_member_of_the_oneof() -> None:
    message, faults = decoded("t.v1.Req", {"oa": None, "ob": "2"})
    assert (message.ob, faults) == ("2", {})


def test_null_under_one_name_leaves_the_other_name_free() -> None:
    message, faults = decoded("t.v1.Req", {"pageSize": None, "page_size": 2})
    assert (message.page_size, faults) == (2, {})


@pytest.mark.parametrize("field", ["nothing", "value"])
def test_null_is_a_value_where_the_type_says_so(field: str) -> None:
    message, faults = decoded("t.codec.Choice", {field: None})
    assert (message.WhichOneof("one_of_them"), faults) == (field, {})


def test_an_empty_object_makes_a_message_present() -> None:
    message, _ = decoded("t.v1.Req", {"sub": {}, "st": {}, "any": {}, "mask": "", "dur": "0s", "sv": ""})
    assert all(message.HasField(field) for field in ("sub", "st", "any", "mask", "dur", "sv"))


def test_fractions_are_kept_down_to_nanoseconds() -> None:
    message, _ = decoded("t.v1.Req", {"dur": "-1.000000001s", "ts": "1969-12-31T23:59:59.000000001Z"})
    assert (message.dur.seconds, message.dur.nanos) == (-1, -1)
    assert (message.ts.seconds, message.ts.nanos) == (-1, 1)


def test_unknown_fields_are_named_by_a_strict_codec_only() -> None:
    body = b'{"nope": 1, "sub": {"x": {}}, "any": {"@type": "x/google.protobuf.Duration", "value": "1s", "y": 1}}'
    assert CODEC.decode(body, message_class("t.v1.Req")()) == []
    violations = JsonCodec(ignore_unknown_fields=False).decode(body, message_class("t.v1.Req")())
    assert [violation.field for violation in violations] == ["nope", "sub.x", "any.y"]
    assert {violation.description for violation in violations} == {"is not a field of this message"}


def test_unknown_fields_of_strict_packages_are_named_and_no_others() -> None:
    body = b'{"nope": 1, "sub": {"x": {}}}'
    for packages, named in ((["t.v1"], ["nope", "sub.x"]), (["t"], []), (["google.protobuf"], [])):
        violations = JsonCodec(strict_packages=packages).decode(body, message_class("t.v1.Req")())
        assert [violation.field for violation in violations] == named


def test_what_a_path_has_set_stays() -> None:
    message: Any = message_class("t.v1.Req")(id="from the path", sub={"s": "kept"})
    assert CODEC.decode(b'{"name": "x", "sub": {"i": 1}}', message) == []
    assert as_json(message) == {"id": "from the path", "name": "x", "sub": {"s": "kept", "i": 1}}


def test_a_body_read_twice_for_its_digits_is_read_once_in_effect() -> None:
    message: Any = message_class("t.v1.Req")()
    body = b'{"rs": ["a"], "m": {"a": "b"}, "subs": [{}], "i64": 9007199254740993.0, "val": 9007199254740993}'
    assert CODEC.decode(body, message) == []
    assert (list(message.rs), len(message.subs), message.i64) == (["a"], 1, 2**53 + 1)


@pytest.mark.parametrize(
    ("field", "body", "expected"),
    [
        ("name", b'"x"', {"name": "x"}),
        ("sub", b'{"s": "x"}', {"sub": {"s": "x"}}),
        ("rs", b'["a", "b"]', {"rs": ["a", "b"]}),
        ("m", b'{"a": "b"}', {"m": {"a": "b"}}),
        ("dur", b'"1s"', {"dur": "1s"}),
        ("i64", b"9007199254740993.0", {"i64": "9007199254740993"}),
        ("val", b"null", {"val": None}),
        ("sub", b"null", {}),
    ],
)
def test_a_body_can_be_one_field(field: str, body: bytes, expected: Any) -> None:
    message = message_class("t.v1.Req")()
    assert CODEC.decode_field(body, message, message_type("t.v1.Req").fields_by_name[field]) == []
    assert as_json(message) == expected


@pytest.mark.parametrize(
    ("field", "body", "fault"), [("name", b"1", "name"), ("sub", b"[]", "sub"), ("rs", b'["a", 1]', "rs[1]")]
)
def test_a_fault_in_a_body_that_is_one_field_is_named_from_the_message(field: str, body: bytes, fault: str) -> None:
    message = message_class("t.v1.Req")()
    violations = CODEC.decode_field(body, message, message_type("t.v1.Req").fields_by_name[field])
    assert [violation.field for violation in violations] == [fault]


@pytest.mark.parametrize(
    ("name", "body"),
    [("Duration", b'"1s"'), ("Value", b"null"), ("ListValue", b"[1]"), ("StringValue", b'"x"'), ("FieldMask", b'"a"')],
)
def test_a_well_known_type_may_be_the_whole_body(name: str, body: bytes) -> None:
    message = message_class(f"google.protobuf.{name}")()
    assert CODEC.decode(body, message) == []
    assert json.loads(CODEC.encode(message)) == json.loads(body)


def test_threads_that_meet_at_a_types_first_use_all_find_it_whole() -> None:
    body = b'{"sub":{"s":"x"},"subs":[{"sub":{"s":"y"}}],"m":{"a":"b"},"ts":"2020-01-02T03:04:05Z"}'
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(20):
                codec = JsonCodec(ignore_unknown_fields=False)
                messages = [message_class("t.v1.Req")() for _ in range(4)]
                assert list(pool.map(partial(codec.decode, body), messages)) == [[]] * 4
                printed = list(pool.map(codec.encode, messages))
                assert [json.loads(text) for text in printed] == [json.loads(body)] * 4
    finally:
        sys.setswitchinterval(switch_interval)


def test_two_target_types_are_one_violation_of_the_oneof() -> None:
    message = action_service_pb2.CreateTargetRequest()
    violations = CODEC.decode(b'{"restWebhook": {}, "restCall": {}, "restAsync": {}}', message)
    assert {violation.field for violation in violations} == {"target_type"}


def test_what_is_wrong_deep_inside_is_read_once() -> None:
    # Read again at every level it would take 2 to the 90th steps.
    document = b'{"sub":' * 90 + b'{"i":"x"}' + b"}" * 90
    message = message_class("t.v1.Req")()
    (violation,) = JsonCodec().decode(document, message)
    assert violation.field == ".".join(["sub"] * 90 + ["i"])
