"""The codec against protobuf's json_format: what it prints, what it reads, and where it is stricter on purpose."""

import json
from functools import cache
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2, target_pb2
from actiond_protos.zitadel.object.v2 import object_pb2
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError, range_violations
from tests.support.examples import examples
from tests.support.services.fixture_protos import fixture_pool, message_class, message_type
from tests.support.strategies import messages

CODEC = JsonCodec()
STRICT = JsonCodec(ignore_unknown_fields=False)
FIXTURES = ["t.v1.Req", "t.v1.Many"] + [
    f"t.codec.{name}" for name in ("Scalars", "Lists", "Maps", "Optionals", "Choice", "Tree", "Wrapped")
]
API = (action_service_pb2, target_pb2, object_pb2, error_detail_pb2)
DESCRIPTORS = [message_type(name) for name in FIXTURES] + [
    descriptor for module in API for descriptor in module.DESCRIPTOR.message_types_by_name.values()
]


@st.composite
def any_message(draw: st.DrawFn) -> Message:
    message: Message = draw(messages(draw(st.sampled_from(DESCRIPTORS))))
    return message


def theirs(message: Message) -> str:
    pool: Any = message.DESCRIPTOR.file.pool
    return json_format.MessageToJson(message, descriptor_pool=pool)


def same(one: Message, other: Message) -> bool:
    """As bytes, so that NaN equals itself."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


@examples(300)
@given(any_message())
def test_every_message_is_printed_as_json_format_prints_it(message: Message) -> None:
    assert json.loads(CODEC.encode(message)) == json.loads(theirs(message))


@examples(300)
@given(any_message())
def test_every_message_printed_by_json_format_is_read_back(message: Message) -> None:
    read = type(message)()
    assert STRICT.decode(theirs(message).encode(), read) == []
    assert same(read, message)


@given(any_message())
def test_every_message_printed_here_is_read_back(message: Message) -> None:
    read = type(message)()
    assert STRICT.decode(CODEC.encode(message), read) == []
    assert same(read, message)


@given(any_message())
def test_every_message_with_a_json_form_is_within_the_ranges(message: Message) -> None:
    assert range_violations(message) == []


NUMBERS = (
    st.integers(-(2**66), 2**66)
    | st.sampled_from([0, 1, 1.0, 100.0, 1.5, -1.0, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64])
    # Above this json_format rounds a number with a point before it makes an integer of it; the codec keeps each digit.
    | st.floats(-(2.0**53), 2.0**53)
    | st.sampled_from([1e18, 1e30, -1e30])
)
TEXTS = st.from_regex(r"[xyz]{0,5}", fullmatch=True)
NO_MESSAGES = st.none() | st.just([None]) | st.just(7)
OTHERS: st.SearchStrategy[Any] = st.none() | st.just([]) | st.just({}) | st.just([None]) | st.just([[]])
# Not an empty array or string for a message, booleans for a number, numbers in strings for an enum: see LENIENT.
FOR_NUMBERS = NUMBERS | NUMBERS.map(str) | TEXTS | OTHERS
BY_TYPE: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_ENUM: st.integers(-(2**33), 2**33) | TEXTS | st.sampled_from(["RED", "SIZE_TINY"]) | OTHERS,
    FieldDescriptor.TYPE_BYTES: NUMBERS | TEXTS | OTHERS | st.booleans(),
    FieldDescriptor.TYPE_STRING: NUMBERS | TEXTS | OTHERS | st.booleans(),
    FieldDescriptor.TYPE_BOOL: NUMBERS | TEXTS | OTHERS | st.booleans() | st.just("true"),
}
TIMES = [
    *("0s", "-0s", "1s", "1.5s", "-1.5s", "0.000000001s", "315576000000s", "315576000001s", "s", "1", "--1s"),
    *(
        "2020-02-29T00:00:00Z",
        "2021-02-29T00:00:00Z",
        "2020-01-01T00:00:00.5+01:30",
        "2020-01-01",
        "0000-01-01T00:00:00Z",
    ),
    *(
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+00:01",
        "2020-01-01T00:00:60Z",
    ),
    *("2020-01-01t00:00:00Z", "2020-01-01T00:00:00z", "2020-01-01T00:00:00", "", "fooBar,baz", "foo_bar"),
]
ANYS = st.sampled_from(
    [
        {"@type": "type.googleapis.com/t.v1.Sub", "s": "x"},
        {"@type": "type.googleapis.com/t.v1.Sub", "s": 1},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": 1},
        {"@type": "type.googleapis.com/google.protobuf.Duration"},
        {"@type": "type.googleapis.com/no.Such"},
        {"s": "x"},
    ]
)


@st.composite
def documents(draw: st.DrawFn, descriptor: Descriptor, depth: int = 3) -> Any:
    """JSON that is nearly right for a message: each value right or wrong, each key in one of its names or in none."""
    name = descriptor.full_name
    if name == "google.protobuf.Any":
        return draw(ANYS | OTHERS)
    if name.startswith("google.protobuf.") and name.endswith("Value") and "value" in descriptor.fields_by_name:
        return draw(_element(descriptor.fields_by_name["value"], depth))
    if name.startswith("google.protobuf."):
        return draw(st.sampled_from(TIMES) | OTHERS | st.integers())
    document: dict[str, Any] = {}
    fields = draw(st.sets(st.sampled_from(list(descriptor.fields)), max_size=4))
    for field in sorted(fields, key=lambda field: field.number):
        key = draw(st.sampled_from([field.json_name, field.json_name, field.json_name, field.name, field.name.upper()]))
        document[key] = draw(_value(field, depth))
    return document


@cache
def _value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        keys = st.sampled_from(["1", "-1", "0", "true", "x", str(2**31), str(2**63), ""])
        of = inner.fields_by_name["value"]
        element = _element(of, depth)
        if of.enum_type is not None and of.enum_type.full_name == "google.protobuf.NullValue":
            element = element.filter(lambda value: value is not None)  # see STRICTER_THERE
        return st.dictionaries(keys, element, max_size=2) | OTHERS
    element = _element(field, depth)
    return st.lists(element, max_size=3) | element if field.is_repeated else element


@cache
def _element(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return documents(field.message_type, depth - 1) | NO_MESSAGES if depth else NO_MESSAGES
    return BY_TYPE.get(field.type, FOR_NUMBERS)


def _taken_by_us(document: bytes, message: Message) -> bool:
    try:
        return not STRICT.decode(document, message)
    except MalformedJsonError:
        return False


def _taken_by_them(document: bytes, message: Message) -> bool:
    try:
        json_format.Parse(document, message, descriptor_pool=fixture_pool())
    except json_format.ParseError:
        return False
    return True


@examples(300)
@given(st.data())
def test_a_document_is_taken_where_json_format_takes_it_and_read_alike(data: st.DataObject) -> None:
    # Not Choice and Lists: see STRICTER_THERE.
    name = data.draw(
        st.sampled_from(["t.v1.Req", "t.codec.Scalars", "t.codec.Maps", "t.codec.Wrapped", "t.codec.Tree"])
    )
    cls = message_class(name)
    document = json.dumps(data.draw(documents(message_type(name)))).encode()
    ours, reference = cls(), cls()
    taken = _taken_by_us(document, ours)
    assert taken == _taken_by_them(document, reference)
    assert not taken or same(ours, reference)


# What json_format takes and we refuse: the message, the document, why.
LENIENT = [
    ("t.codec.Scalars", '{"anInt32": "+1"}', "a number in a string is a JSON number, which has no plus sign"),
    ("t.codec.Scalars", '{"anInt32": "01"}', "nor leading zeros"),
    ("t.codec.Scalars", '{"anInt32": "1_000"}', "nor the underscores of Python"),
    ("t.codec.Scalars", '{"anInt32": "\\t1\\n"}', "nor white space around it"),
    ("t.codec.Scalars", '{"anInt32": "\\u0663"}', "nor digits of another script"),
    ("t.codec.Scalars", '{"anInt32": "1."}', "nor a point without digits"),
    ("t.codec.Scalars", '{"aDouble": ".5"}', "the same for a double"),
    ("t.codec.Scalars", '{"aDouble": " 1.5 "}', "the same for a double"),
    ("t.codec.Scalars", '{"aDouble": "inf"}', 'infinity is written "Infinity"'),
    ("t.codec.Scalars", '{"aDouble": "1e400"}', "a number too large is no infinity"),
    ("t.codec.Scalars", '{"aDouble": true}', "a boolean is no number"),
    ("t.codec.Scalars", '{"aFloat": "1e39"}', "too large for 32 bits, in a string too"),
    ("t.codec.Scalars", '{"aBytes": "a b="}', "a character outside the alphabet is not base64"),
    ("t.codec.Scalars", '{"aBytes": "YQ="}', "padding is whole or absent"),
    ("t.codec.Scalars", '{"size": "1"}', "an enum is a name or a number, and a string is a name"),
    ("t.codec.Scalars", '{"size": 1.5}', "an enum's number is whole"),
    ("t.codec.Scalars", '{"size": true}', "a boolean is no enum"),
    ("t.codec.Scalars", '{"aString": "a", "a_string": "b"}', "one field under both of its names"),
    ("t.codec.Maps", '{"byInt32": {"1.0": ""}}', "a key has one spelling, or two keys would be one"),
    ("t.codec.Maps", '{"byInt32": {"-0": ""}}', "a key has one spelling, or two keys would be one"),
    ("t.v1.Req", '{"sub": []}', "an empty array is no message"),
    ("t.v1.Req", '{"sub": ""}', "nor is an empty string"),
    ("t.v1.Req", '{"dur": "+1s"}', "a duration is digits with a sign for minus"),
    ("t.v1.Req", '{"dur": " 1s"}', "without spaces"),
    ("t.v1.Req", '{"dur": "1 s"}', "within either"),
    ("t.v1.Req", '{"dur": "1_0s"}', "or underscores"),
    ("t.v1.Req", '{"dur": "\\u0661s"}', "in ASCII"),
    ("t.v1.Req", '{"dur": "1.s"}', "with digits after the point"),
    ("t.v1.Req", '{"dur": "1.0000000001s"}', "at most nine of them: nothing is cut off in silence"),
    ("t.v1.Req", '{"ts": "2020-1-1T0:0:0Z"}', "RFC 3339 has two digits for each part"),
    ("t.v1.Req", '{"ts": "2020-01-01T00:00:00+1:00"}', "in the offset too"),
    ("t.v1.Req", '{"ts": "2020-01-01T00:00:00+99:00"}', "which ends at 23:59"),
    ("t.v1.Req", '{"ts": "2020-01-01T00:00:00.Z"}', "with digits after the point"),
    ("t.v1.Req", '{"any": {"@type": "t.v1.Sub"}}', "a type URL has a slash"),
    ("t.codec.Choice", '{"text": "a", "value": null}', "null is a value of Value, so both members are set"),
]


@pytest.mark.parametrize(("name", "document", "why"), LENIENT)
def test_what_the_specification_forbids_is_refused_though_json_format_takes_it(
    name: str, document: str, why: str
) -> None:
    assert _taken_by_them(document.encode(), message_class(name)()), why
    assert not _taken_by_us(document.encode(), message_class(name)()), why


# What we take and json_format refuses: the message, the document, why.
STRICTER_THERE = [
    ("t.codec.Scalars", '{"aFloat": 3.4028235e+38}', "it prints the largest float so and does not read it back"),
    ("t.codec.Lists", '{"nulls": [null, null]}', "json_format prints this and does not read it back"),
    ("t.codec.Maps", '{"nulls": {"a": null}}', "json_format prints this and does not read it back"),
    ("t.v1.Req", '{"st": {"a": ' + "[" * 60 + "]" * 60 + "}}", "it counts a list in a Struct twice"),
]


@pytest.mark.parametrize(("name", "document", "why"), STRICTER_THERE)
def test_what_the_specification_allows_is_taken_though_json_format_refuses_it(
    name: str, document: str, why: str
) -> None:
    assert not _taken_by_them(document.encode(), message_class(name)()), why
    assert _taken_by_us(document.encode(), message_class(name)()), why


def test_a_class_of_another_pool_is_another_type() -> None:
    ours = GetMessageClass(message_type("google.protobuf.Duration"))(seconds=1)
    assert CODEC.encode(ours) == b'"1s"'
