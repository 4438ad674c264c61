"""What an acceptor accepts is right, by protovalidate's own word; and of every kind of rule it accepts something."""

import math
from functools import cache
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.validation.fast_path.messages import Predicate, Predicates
from rpcfront.validation.validator import Validator
from tests.rpcfront.ruled import PROTO3, ruled_pool
from tests.support.examples import examples

RULE = "[(buf.validate.field)"
FORMS = {
    "uri": 'f: "https://example.com:8080/a/b?c=d#e"',
    "uri_ref": 'f: "https://example.com"',
    "ip": 'f: "192.168.0.1"',
    "ipv4": 'f: "255.249.10.9"',
    "uuid": 'f: "9b4a7b4e-6F3C-4d0e-8b52-2f5c4f7f9c11"',
    "tuuid": 'f: "9b4a7b4e6F3C4d0e8b522f5c4f7f9c11"',
}
INTEGERS = ["int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64"]
NUMBERS = ["float", "double", *INTEGERS]
CEL = r"(this.matches('^a') || this.matches('^\\\\d')) && this.matches('^..$')"

# The fields of a message, and messages that are plainly right.
ROWS: list[tuple[str, list[str]]] = [
    (f"string f = 1 {RULE}.string = {{min_len: 1 max_len: 3}}];", ['f: "a"', 'f: "éé"']),
    (f"string f = 1 {RULE}.string.len = 2];", ['f: "ab"']),
    (f"string f = 1 {RULE}.string.len_bytes = 2];", ['f: "é"']),
    (f"string f = 1 {RULE}.string = {{min_bytes: 2 max_bytes: 3}}];", ['f: "é"', 'f: "aaa"']),
    (f"string f = 1 {RULE}.string = {{prefix: 'a' suffix: 'b' contains: '-' not_contains: '{{0}}'}}];", ['f: "a-b"']),
    (f"string f = 1 {RULE}.string.const = \"it's\"];", ['f: "it\'s"']),
    (f"string f = 1 {RULE}.string = {{in: ['a', 'b']}}];", ['f: "b"']),
    (f"string f = 1 {RULE}.string = {{not_in: ['a', 'b']}}];", ["", 'f: "c"']),
    (f"string f = 1 {RULE}.string.pattern = '^[a-z]+[^a]?$'];", ['f: "ab"', 'f: "a-"']),
    (f"string f = 1 {RULE}.string = {{email: false example: 'x'}}];", ["", 'f: "x"']),
    *((f"string f = 1 {RULE}.string.{form} = true];", [text]) for form, text in FORMS.items()),
    (f"bytes f = 1 {RULE}.bytes = {{min_len: 1 max_len: 2}}];", ['f: "a"']),
    (f"bytes f = 1 {RULE}.bytes = {{prefix: 'a' suffix: 'b' contains: '\\001' len: 3}}];", ['f: "a\\001b"']),
    (f"bytes f = 1 {RULE}.bytes = {{in: ['a', 'b'] not_in: ['c']}}];", ['f: "b"']),
    (f"bytes f = 1 {RULE}.bytes.const = 'a'];", ['f: "a"']),
    (f"bool f = 1 {RULE}.bool.const = true];", ["f: true"]),
    (f"bool f = 1 {RULE}.bool.const = false];", ["", "f: false"]),
    *((f"{kind} f = 1 {RULE}.{kind} = {{gt: 1 lt: 10}}];", ["f: 2", "f: 9"]) for kind in NUMBERS),
    *((f"{kind} f = 1 {RULE}.{kind} = {{gte: 1 lte: 10}}];", ["f: 1", "f: 10"]) for kind in NUMBERS),
    *((f"{kind} f = 1 {RULE}.{kind} = {{in: [1, 2] not_in: [3]}}];", ["f: 2"]) for kind in NUMBERS),
    *((f"{kind} f = 1 {RULE}.{kind}.const = 9];", ["f: 9"]) for kind in NUMBERS),
    (f"double f = 1 {RULE}.double = {{finite: true not_in: [nan, 1.5]}}];", ["f: 1", "f: -0.0"]),
    (f"double f = 1 {RULE}.double = {{lt: inf gte: -inf}}];", ["f: 1"]),
    (f"float f = 1 {RULE}.float = {{gte: 0.1}}];", ["f: 0.1"]),
    (f"google.protobuf.Field.Cardinality f = 1 {RULE}.enum.defined_only = true];", ["", "f: CARDINALITY_OPTIONAL"]),
    (f"google.protobuf.Field.Cardinality f = 1 {RULE}.enum = {{in: [1, 2] not_in: [3]}}];", ["f: 1"]),
    (f"google.protobuf.Field.Cardinality f = 1 {RULE}.enum.const = 2];", ["f: 2"]),
    (f"google.protobuf.Duration f = 1 {RULE}.duration.gt = {{}}];", ["", "f { nanos: 1 }", "f { seconds: 1 }"]),
    (f"google.protobuf.Duration f = 1 {RULE}.duration = {{gte: {{seconds: 1 nanos: 5}} lt: {{seconds: 10}}}}];",
     ["f { seconds: 1 nanos: 5 }", "f { seconds: 9 nanos: 999999999 }"]),
    (f"google.protobuf.Duration f = 1 {RULE}.duration = {{lte: {{seconds: 1 nanos: 5}}}}];", ["f { seconds: 1 }"]),
    (f"google.protobuf.Duration f = 1 {RULE}.duration.const = {{seconds: 1 nanos: 1}}];",
     ["f { seconds: 1 nanos: 1 }"]),
    (f"google.protobuf.Timestamp f = 1 {RULE}.timestamp = {{gt: {{seconds: -9}} lt: {{seconds: 9 nanos: 9}}}}];",
     ["", "f { seconds: -9 nanos: 1 }", "f { seconds: 9 nanos: 8 }"]),
    (f"google.protobuf.Timestamp f = 1 {RULE}.timestamp = {{gte: {{seconds: -9}} lte: {{seconds: 9}}}}];",
     ["f { seconds: -9 }", "f { seconds: 9 }"]),
    (f"string f = 1 {RULE}.required = true];", ['f: "a"']),
    (f"int32 f = 1 {RULE} = {{required: true int32: {{gt: -5}}}}];", ["f: 1"]),
    (f"optional int32 f = 1 {RULE}.required = true];", ["f: 0"]),
    (f"optional string f = 1 {RULE}.string.min_len = 2];", ["", 'f: "ab"']),
    (f"google.protobuf.Duration f = 1 {RULE} = {{required: true duration: {{gt: {{}}}}}}];", ["f { seconds: 10 }"]),
    (f"google.protobuf.Any f = 1 {RULE}.required = true];", ["f {}"]),
    (f"google.protobuf.StringValue f = 1 {RULE}.string.min_len = 2];", ["", 'f { value: "ab" }']),
    (f"google.protobuf.Int64Value f = 1 {RULE} = {{required: true int64: {{gt: 1}}}}];", ["f { value: 2 }"]),
    (f"string f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE string: {{min_len: 2}}}}];", ["", 'f: "ab"']),
    (f"double f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE double: {{gt: 2}}}}];", ["f: 3"]),
    (f"optional int32 f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE int32: {{gt: 2}}}}];", ["", "f: 3"]),
    (f"int32 f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE required: true}}];", ["f: 3"]),
    (f"Inner f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE}}];", ["", 'f { s: "ab" }']),
    (f"Inner f = 1 {RULE}.ignore = IGNORE_ALWAYS];", ["", "f {}"]),
    ("Inner f = 1; repeated Inner g = 2; map<string, Inner> h = 3;",
     ["", 'f { s: "ab" } g { s: "ab" } g { s: "cd" } h { key: "k" value { s: "ab" } }']),
    (f"repeated int32 f = 1 {RULE}.repeated = {{min_items: 1 max_items: 2}}];", ["f: 0", "f: [1, 1]"]),
    (f"repeated string f = 1 {RULE}.repeated.unique = true];", ["", 'f: ["a", "b"]']),
    (f"repeated bytes f = 1 {RULE} = {{required: true repeated: {{unique: true}}}}];", ['f: ["a", "b"]']),
    (f"repeated int32 f = 1 {RULE}.repeated.items.int32.gt = 1];", ["", "f: [2, 3]"]),
    (f"repeated int32 f = 1 {RULE}.repeated.items = {{ignore: IGNORE_IF_ZERO_VALUE int32: {{gt: 1}}}}];",
     ["f: [0, 2]"]),
    (f"repeated Inner f = 1 {RULE}.repeated = {{min_items: 1 items: {{ignore: IGNORE_ALWAYS}}}}];", ["f {}"]),
    (f"repeated int32 f = 1 {RULE} = {{ignore: IGNORE_IF_ZERO_VALUE repeated: {{min_items: 2}}}}];", ["", "f: [1, 2]"]),
    (f"map<string, int32> f = 1 {RULE}.map = {{min_pairs: 1 max_pairs: 2}}];", ['f { key: "a" value: 0 }']),
    (f"map<string, int32> f = 1 {RULE}.map = {{keys: {{string: {{min_len: 1}}}} values: {{int32: {{gt: 1}}}}}}];",
     ["", 'f { key: "a" value: 2 }']),
    ("oneof o { option (buf.validate.oneof).required = true; string f = 1; Inner g = 2; }",
     ['f: ""', 'g { s: "ab" }']),
    (f"oneof o {{ string f = 1 {RULE}.string.min_len = 1]; int32 g = 2 {RULE}.int32.gt = 1]; }}",
     ["", 'f: "a"', "g: 2"]),
    (f"oneof o {{ string f = 1 {RULE}.required = true]; int32 g = 2; }}", ['f: ""']),
    (f"string f = 1 {RULE}.cel = {{id: 'c' expression: \"this == '' || this.isUri() && this.matches('^https?:')\"}}];",
     ["", 'f: "https://example.com"']),
    (f"string f = 1 {RULE}.cel_expression = \"{CEL}\"];",
     ['f: "ab"', 'f: "1-"']),
    ("string f = 1; M{number} g = 2; repeated M{number} h = 3;", ['f: "a" g { g { f: "b" } } h { h {} }']),
    (f"string f = 1 {RULE}.string.min_len = 1]; M{{number}} g = 2; map<int32, M{{number}}> h = 3;",
     ['f: "a" g { f: "a" g { f: "b" } } h { key: 1 value { f: "a" } }']),
    (f"int32 from = 1 {RULE}.int32.gt = 1]; Inner class = 2; string message = 3 {RULE}.string.min_len = 1];",
     ['from: 2 class { s: "ab" } message: "a"']),
    (f"string f = 1 {RULE}.string.min_len = 1]; bool WhichOneof = 2;", ['f: "a" WhichOneof: true']),
]  # fmt: skip

# The fields of a message with a rule that is not known, and messages that are right all the same.
UNKNOWN: list[tuple[str, str]] = [
    (f"string f = 1 {RULE}.string.email = true];", 'f: "a@example.com"'),
    (f"string f = 1 {RULE}.string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_NAME];", 'f: "a"'),
    (f"string f = 1 {RULE}.string.pattern = 'a*?'];", 'f: "a"'),
    (f"bytes f = 1 {RULE}.bytes.pattern = 'a'];", 'f: "a"'),
    (f"string f = 1 {RULE}.cel = {{id: 'c' expression: 'this.size() > 0'}}];", 'f: "a"'),
    (f"string f = 1 {RULE}.cel = {{id: 'c' expression: \"!(this == '')\"}}];", 'f: "a"'),
    (f"int32 f = 1 {RULE}.cel = {{id: 'c' expression: 'this > 0'}}];", "f: 1"),
    (f"repeated int32 f = 1 {RULE}.cel = {{id: 'c' expression: 'this.size() > 0'}}];", "f: 1"),
    (f"repeated double f = 1 {RULE}.repeated.unique = true];", "f: 1"),
    (f"repeated int32 f = 1 {RULE}.repeated.items.required = true];", "f: 1"),
    (f"optional string f = 1 {RULE}.string.email = true];", 'f: "a@example.com"'),
    (f"google.protobuf.Timestamp f = 1 {RULE}.timestamp.lt_now = true];", "f { seconds: 1 }"),
    (f"google.protobuf.Duration f = 1 {RULE}.duration = {{in: [{{seconds: 1}}]}}];", "f { seconds: 1 }"),
    (f"google.protobuf.Duration f = 1 {RULE}.duration.lt = {{seconds: 1 nanos: -1}}];", "f {}"),
    (f"google.protobuf.Any f = 1 {RULE}.any = {{in: ['a/b']}}];", 'f { type_url: "a/b" }'),
    (f"google.protobuf.FieldMask f = 1 {RULE}.field_mask = {{in: ['a']}}];", 'f { paths: "a" }'),
    ("option (buf.validate.message).cel = {id: 'c' expression: 'true'}; string f = 1;", 'f: "a"'),
    ("option (buf.validate.message).oneof = {fields: ['f', 'g']}; string f = 1; string g = 2;", 'f: "a"'),
    ("Odd f = 1;", 'f { s: "a@example.com" }'),
]

SOURCE = "\n".join(
    [
        PROTO3,
        f"message Inner {{ string s = 1 {RULE}.string.min_len = 2]; }}",
        f"message Odd {{ string s = 1 {RULE}.string.email = true]; }}",
        *(f"message M{number} {{ {body.replace('{number}', str(number))} }}" for number, (body, _) in enumerate(ROWS)),
        *(f"message U{number} {{ {body} }}" for number, (body, _) in enumerate(UNKNOWN)),
    ]
)


@cache
def _pool() -> Any:
    return ruled_pool(SOURCE)


def descriptor(name: str) -> Descriptor:
    found: Descriptor = _pool().FindMessageTypeByName(f"p.{name}")
    return found


def message(name: str, text: str) -> Any:
    return text_format.Parse(text, GetMessageClass(descriptor(name))())


@cache
def acceptor(name: str) -> Predicate | None:
    return Predicates().of(descriptor(name))


@cache
def protovalidate() -> Validator:
    """Without types that are known beforehand it has no acceptor."""
    return Validator()


@pytest.mark.parametrize(
    ("number", "text"),
    [pytest.param(number, text, id=f"{body}: {text}") for number, (body, texts) in enumerate(ROWS) for text in texts],
)
def test_a_message_that_is_plainly_right_is_accepted(number: int, text: str) -> None:
    accept, sent = acceptor(f"M{number}"), message(f"M{number}", text)
    assert accept is not None
    assert accept(sent)
    assert not protovalidate().violations(sent)


@pytest.mark.parametrize(
    ("number", "text"), [pytest.param(number, text, id=body) for number, (body, text) in enumerate(UNKNOWN)]
)
def test_what_a_rule_that_is_not_known_has_a_say_in_is_not_accepted(number: int, text: str) -> None:
    accept, sent = acceptor(f"U{number}"), message(f"U{number}", text)
    assert not protovalidate().violations(sent)
    assert accept is None or not accept(sent)


@pytest.mark.parametrize(
    "body",
    [
        f"optional string f = 1 {RULE}.string.email = true];",
        "Odd f = 1;",
        f"repeated string f = 1 {RULE}.repeated.items.string.email = true];",
        "map<string, Odd> f = 1;",
    ],
)
def test_a_rule_that_is_not_known_does_not_matter_to_what_is_not_there(body: str) -> None:
    odd = f"message Odd {{ string s = 1 {RULE}.string.email = true]; }}"
    request = ruled_pool(f"{PROTO3} {odd} message M {{ {body} }}").FindMessageTypeByName("p.M")
    accept = Predicates().of(request)
    assert accept is not None
    assert accept(GetMessageClass(request)())


TEXT = st.text("aAbB1-.:/ \né{0}", max_size=5) | st.sampled_from(["it's", "ab", "a-b", *FORMS.values()]).map(
    lambda text: text.removeprefix('f: "').removesuffix('"')
)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-1, 5),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-6, 11) | st.sampled_from([-(2**31), 2**31 - 1]),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-6, 11) | st.sampled_from([-(2**63), 2**63 - 1]),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 11) | st.just(2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 11) | st.just(2**64 - 1),
    FieldDescriptor.CPPTYPE_FLOAT: st.sampled_from([0.0, -0.0, 0.1, 1, 1.5, 2, 9, 10, math.nan, math.inf, -math.inf]),
    FieldDescriptor.CPPTYPE_DOUBLE: st.sampled_from([0.0, -0.0, 0.1, 1, 1.5, 2, 9, 10, math.nan, math.inf, -math.inf]),
}
BYTES = st.binary(max_size=3) | st.sampled_from([b"a", b"b", b"c", b"a\1b"])
# Also what no reader of ours lets through: the rules decide without them.
SECONDS = st.sampled_from([-10, -9, -1, 0, 1, 2, 9, 10, 315_576_000_000, 315_576_000_001, 253_402_300_800, 2**62])
NANOS = st.sampled_from([-1, 0, 1, 4, 5, 6, 8, 9, 999_999_999, 10**9, 2**31 - 1])


@st.composite
def near_the_rules(draw: st.DrawFn, kind: Descriptor, depth: int = 2) -> Any:
    """A message whose values are mostly those that the rules speak of, or stand next to them."""
    drawn: Any = GetMessageClass(kind)()
    if kind.full_name in {"google.protobuf.Duration", "google.protobuf.Timestamp"}:
        drawn.seconds, drawn.nanos = draw(SECONDS), draw(NANOS)
        return drawn
    for field in kind.fields:
        if kind.full_name != "google.protobuf.Any" and draw(st.booleans()):
            _fill(draw, drawn, field, depth)
    return drawn


def _fill(draw: st.DrawFn, drawn: Any, field: FieldDescriptor, depth: int) -> None:
    value, kind = getattr(drawn, field.name), field.message_type
    if kind is not None and not depth:
        return
    if kind is not None and kind.GetOptions().map_entry:
        for entry in draw(st.lists(near_the_rules(kind, depth), max_size=3)):
            if kind.fields_by_name["value"].message_type is None:
                value[entry.key] = entry.value
            else:
                value[entry.key].CopyFrom(entry.value)
    elif kind is not None and field.is_repeated:
        value.extend(draw(st.lists(near_the_rules(kind, depth - 1), max_size=2)))
    elif kind is not None:
        value.CopyFrom(draw(near_the_rules(kind, depth - 1)))
        value.SetInParent()
    elif field.is_repeated:
        value.extend(draw(st.lists(_scalar(field), max_size=3)))
    else:
        setattr(drawn, field.name, draw(_scalar(field)))


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    return BYTES if field.type == FieldDescriptor.TYPE_BYTES else SCALARS[field.cpp_type]


@pytest.mark.parametrize("number", [pytest.param(number, id=body) for number, (body, _) in enumerate(ROWS)])
@examples(40)  # of each row
@given(data=st.data())
def test_what_is_accepted_breaks_no_rule(number: int, data: st.DataObject) -> None:
    accept, sent = acceptor(f"M{number}"), data.draw(near_the_rules(descriptor(f"M{number}")))
    assert accept is not None
    if accept(sent):
        assert not protovalidate().violations(sent)


URIS = st.text("aZ0%.:/?#@[]-_~!$&'()*+,;=<> \\\"^`{|}\né", max_size=8)


@given(URIS, st.sampled_from(["", "a:", "a://", "a://b", "a://b/", "a://b?", "a://b#", "a://b:1"]))
def test_what_is_accepted_as_a_uri_is_one(rest: str, start: str) -> None:
    number = next(number for number, (body, _) in enumerate(ROWS) if "string.uri =" in body)
    accept, sent = acceptor(f"M{number}"), GetMessageClass(descriptor(f"M{number}"))(f=start + rest)
    assert accept is not None
    if accept(sent):
        assert not protovalidate().violations(sent)
