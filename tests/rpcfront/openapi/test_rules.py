"""buf.validate rules in JSON Schema, held to protovalidate: a value breaks the schema when it breaks the rule."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import jsonschema_rs
import pytest
from actiond_protos.buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, text_format, type_pb2, wrappers_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message_factory import GetMessageClass

from rpcfront.openapi import rules
from rpcfront.openapi.scalars import Form
from rpcfront.openapi.schemas import Schemas
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.validation.validator import Validator

FIELDS = {
    "string": "type: TYPE_STRING",
    "optional string": "type: TYPE_STRING proto3_optional: true oneof_index: 0",
    "strings": "type: TYPE_STRING label: LABEL_REPEATED",
    "int32": "type: TYPE_INT32",
    "int64": "type: TYPE_INT64",
    "double": "type: TYPE_DOUBLE",
    "bool": "type: TYPE_BOOL",
    "enum": 'type: TYPE_ENUM type_name: ".google.protobuf.Field.Cardinality"',
    "duration": 'type: TYPE_MESSAGE type_name: ".google.protobuf.Duration"',
    "wrapper": 'type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue"',
    "map": 'type: TYPE_MESSAGE type_name: ".r.M1.FEntry" label: LABEL_REPEATED',
}
ENTRY = """nested_type { name: "FEntry" options { map_entry: true }
  field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "key" }
  field { name: "value" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL json_name: "value" } }"""
DEPENDENCIES = (validate_pb2.DESCRIPTOR, duration_pb2.DESCRIPTOR, type_pb2.DESCRIPTOR, wrappers_pb2.DESCRIPTOR)

# The kind of field, its rules, and JSON values of it. Nothing stands for the field's absence.
ABSENT = object()
ROWS: list[tuple[str, str, list[Any]]] = [
    ("string", "", [ABSENT, None, "", "a"]),
    ("string", "string { min_len: 2 }", [ABSENT, None, "", "a", "é😀", "abc"]),
    ("string", "string { max_len: 2 }", [ABSENT, "", "é😀", "abc"]),
    ("string", "string { len: 2 }", [ABSENT, "a", "ab", "abc"]),
    ("string", 'string { const: "a" }', [ABSENT, "", "a", "b"]),
    ("string", 'string { in: "a" in: "" }', [ABSENT, "", "a", "b"]),
    ("string", 'string { not_in: "a" }', [ABSENT, "", "a", "b"]),
    ("string", 'string { pattern: "^a+$" }', [ABSENT, "", "aa", "ab"]),
    ("string", 'string { pattern: "b|^c" }', [ABSENT, "", "ab", "a\\nb", "c", "ac"]),
    ("string", 'string { pattern: "/x\\\\/[0-9]" }', [ABSENT, "a/x/1", "/x/1", "/x1"]),
    ("string", 'string { prefix: "a." }', [ABSENT, "a.b", "axb", "ba."]),
    ("string", 'string { contains: "/" }', [ABSENT, "", "a/b", "ab"]),
    ("string", 'string { suffix: "-/$" }', ["a-/$", "-/$", "-/$b"]),
    ("string", 'string { prefix: "a" suffix: "c" contains: "b" }', ["abc", "ac", "xabc", "abcx"]),
    ("string", "string { email: true }", [ABSENT, "", "a@example.com", "nobody"]),
    ("string", "string { uri: true }", ["", "https://example.com/a?b=c", "no uri at all"]),
    ("string", "string { uuid: true }", ["", "9b4a7b4e-6f3c-4d0e-8b52-2f5c4f7f9c11", "9b4a"]),
    ("string", "string { ipv4: true }", ["127.0.0.1", "::1", "300.0.0.1"]),
    ("string", "required: true", [ABSENT, None, "a"]),
    ("string", "ignore: IGNORE_ALWAYS string { min_len: 2 }", [ABSENT, "", "a"]),
    ("string", "ignore: IGNORE_IF_ZERO_VALUE string { min_len: 2 }", [ABSENT, None, "", "a", "0", "ab"]),
    ("strings", "ignore: IGNORE_IF_ZERO_VALUE repeated { min_items: 2 }", [ABSENT, [], ["a"], ["a", "b"]]),
    ("strings", "repeated { items { ignore: IGNORE_IF_ZERO_VALUE string { min_len: 2 } } }", [[""], ["a"], ["ab"]]),
    ("int32", "ignore: IGNORE_IF_ZERO_VALUE int32 { in: 2 not_in: 3 }", [ABSENT, 0, "0", 1, "1", 2, "2", 3]),
    ("enum", "ignore: IGNORE_IF_ZERO_VALUE enum { in: 3 }", [0, "CARDINALITY_UNKNOWN", 1, 3, "CARDINALITY_REPEATED"]),
    ("optional string", "ignore: IGNORE_IF_ZERO_VALUE string { min_len: 2 }", [ABSENT, None, "a", "ab"]),
    ("optional string", "string { min_len: 2 }", [ABSENT, None, "", "a", "ab"]),
    ("optional string", "required: true string { min_len: 2 }", [ABSENT, None, "", "a", "ab"]),
    ("strings", "repeated { min_items: 1 max_items: 2 }", [ABSENT, None, [], ["a"], ["a", "b"], ["a", "b", "c"]]),
    ("strings", "repeated { unique: true items { string { min_len: 1 } } }", [[], ["a"], ["a", "a"], [""]]),
    ("int32", "int32 { gte: 1 lt: 10 }", [ABSENT, 0, 1, 9, 10]),
    ("int32", "int32 { gt: 10 lt: 1 }", [ABSENT, 0, 1, 5, 10, 11]),
    ("int32", "int32 { gte: 10 lte: 1 not_in: 11 }", [ABSENT, 0, 1, 5, 10, 11, 12]),
    ("double", "double { gte: -inf lte: inf }", [ABSENT, 1.5, "Infinity"]),
    ("int32", "int32 { in: 1 in: 2 }", [ABSENT, 1, "2", 3, "3"]),
    ("int64", "int64 { not_in: 1 }", [ABSENT, 1, "1", 2]),
    ("int64", "int64 { const: 0 }", [ABSENT, 0, "0", 1]),
    ("double", "double { gt: 0 lte: 1.5 }", [ABSENT, 0.0, 0.1, 1.5, 1.6]),
    ("bool", "bool { const: true }", [ABSENT, None, True, False]),
    ("enum", "enum { defined_only: true }", [ABSENT, "CARDINALITY_OPTIONAL", 1, 77]),
    ("enum", "enum { in: 1 in: 3 }", [ABSENT, "CARDINALITY_OPTIONAL", "CARDINALITY_REQUIRED", 3, 2]),
    ("enum", "enum { not_in: 0 }", [ABSENT, "CARDINALITY_UNKNOWN", 0, 1]),
    ("duration", "duration { gt {} }", [ABSENT, None, "0s", "-1s", "0.5s", "1s"]),
    ("duration", "required: true duration { gte {} }", [ABSENT, None, "0s", "-0.5s", "1s"]),
    ("wrapper", "string { min_len: 2 }", [ABSENT, None, "", "a", "ab"]),
    ("map", "map { min_pairs: 1 keys { string { min_len: 2 } } }", [ABSENT, {}, {"a": 1}, {"ab": 1}]),
    ("map", "map { max_pairs: 1 values { int32 { gt: 0 } } }", [{}, {"a": 0}, {"a": 1}, {"a": 1, "b": 1}]),
]
_numbers = count(1)


def message(kind: str, ruled: str) -> Descriptor:
    """A message with one field, `f`, of a kind and with rules."""
    name = f"M{next(_numbers)}"
    field = descriptor_pb2.FieldDescriptorProto(
        name="f", number=1, json_name="f", label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    )
    text_format.Merge(FIELDS[kind], field)
    text_format.Merge(ruled, field.options.Extensions[validate_pb2.field])  # type: ignore[index]  # see the stubs
    proto = descriptor_pb2.DescriptorProto(name=name, field=[field])
    if kind == "map":
        text_format.Merge(ENTRY, proto)
        proto.field[0].type_name = f".r.{name}.FEntry"
    if field.proto3_optional:
        proto.oneof_decl.add(name="_f")
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="r", syntax="proto3")
    file.message_type.append(proto)
    file.dependency.extend(dependency.name for dependency in DEPENDENCIES)
    pool = descriptor_pool.DescriptorPool()
    for dependency in DEPENDENCIES:
        _add(dependency, pool)
    pool.Add(file)
    return pool.FindMessageTypeByName(f"r.{name}")


def _add(file: FileDescriptor, pool: descriptor_pool.DescriptorPool) -> None:
    """A file into another pool, what it needs before it. A pool takes the same file twice."""
    for dependency in file.dependencies:
        _add(dependency, pool)
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    pool.Add(proto)


def cases() -> Iterator[Any]:
    for kind, ruled, values in ROWS:
        for value in values:
            document = {} if value is ABSENT else {"f": value}
            yield pytest.param(kind, ruled, document, id=f"{kind}, {ruled or 'no rule'}: {json.dumps(document)}")


@pytest.mark.parametrize(("kind", "ruled", "document"), list(cases()))
def test_the_schema_says_what_the_rule_does(kind: str, ruled: str, document: dict[str, Any]) -> None:
    descriptor = message(kind, ruled)
    sent = GetMessageClass(descriptor)()
    assert JsonCodec().decode(json.dumps(document).encode(), sent) == []
    holds = not Validator().violations(sent)

    schemas = Schemas({})
    schema = schemas.message(descriptor, Form.INPUT) | {"components": {"schemas": schemas.components}}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert validator.is_valid(document) == holds


@pytest.mark.parametrize(
    ("ruled", "words"),
    [
        ("string { ip: true }", ["Must be a valid IP address."]),
        ('string { pattern: "(?i)^a" }', ["Rule: string pattern (?i)^a."]),
        ("string { min_bytes: 3 }", ["Rule: string min bytes 3."]),
        ("bytes { max_len: 3 }", ["Rule: bytes max len 3."]),
        ("duration { lte { seconds: 1 nanos: 500000000 } }", ["Must be at most 1.500s."]),
        ("timestamp { gt_now: true }", ["Rule: timestamp gt now True."]),
        ('any { in: "a/b" in: "a/c" }', ["Rule: any in a/b, a/c."]),
        ('cel { id: "c" message: "must be even" expression: "this % 2 == 0" }', ["Must be even."]),
        ("string { min_len: 1 uri: true }", []),
        ("int32 { gt: 1 }", []),
        ("duration { gt {} }", ["Must be more than 0s."]),
        ("timestamp { lt { seconds: 1 } }", ["Must be less than 1970-01-01T00:00:01Z."]),
        ("timestamp { within { seconds: 60 } }", ["Rule: timestamp within 60s."]),
        ("double { in: 1.5 in: 2 }", ["Rule: double in 1.5, 2.0."]),
        ("int32 { in: 1 }", []),
        ("int32 { not_in: 1 }", ["Rule: int32 not in 1."]),
        ("int32 { gt: 10 lte: 1 }", ["Must be more than 10 or at most 1."]),
        ("ignore: IGNORE_IF_ZERO_VALUE string { min_len: 2 }", ["Unless it is zero or empty: Rule: string min len 2."]),
    ],
)
def test_what_has_no_keyword_is_said_in_words(ruled: str, words: list[str]) -> None:
    field = message("string", "").fields_by_name["f"]
    assert rules.sentences(text_format.Parse(ruled, validate_pb2.FieldRules()), field) == words


def test_an_example_of_the_rules_is_one_of_the_schema() -> None:
    field = message("string", 'string { example: "a" example: "b" }').fields_by_name["f"]
    assert Schemas({}).field(field, Form.INPUT)["examples"] == ["a", "b"]
    assert "examples" not in Schemas({}).field(field, Form.OUTPUT)
