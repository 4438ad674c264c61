"""Schemas of messages, held to the codec: what it prints, what it takes, and what it refuses."""

import json
import re
from typing import Any

import jsonschema_rs
import orjson
import pytest
import schemathesis
from google.protobuf.descriptor import Descriptor
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from rpcfront.openapi.scalars import Form, Schema
from rpcfront.openapi.schemas import Schemas
from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError
from tests.support.protos import compile_proto
from tests.support.services.fixture_protos import message_class, message_type
from tests.support.strategies import messages

TYPES = (
    "t.codec.Scalars",
    "t.codec.Lists",
    "t.codec.Maps",
    "t.codec.Optionals",
    "t.codec.Choice",
    "t.codec.Tree",
    "t.codec.Wrapped",
    "t.v1.Req",
)
CODEC = JsonCodec()


def schema_of(descriptor: Descriptor, form: Form) -> Schema:
    """One that stands for itself."""
    schemas = Schemas({})
    return schemas.message(descriptor, form) | {"components": {"schemas": schemas.components}}


def validator_of(name: str, form: Form) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema_of(message_type(name), form), validate_formats=True)


PRINTED = {name: validator_of(name, Form.OUTPUT) for name in TYPES}
TAKEN = {name: validator_of(name, Form.INPUT) for name in TYPES}


def bodies(name: str, mode: GenerationMode) -> st.SearchStrategy[Any]:
    """JSON bodies that the schema of a request admits, or that it does not."""
    schema = schema_of(message_type(name), Form.INPUT)
    operation: Schema = {
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": schema["$ref"]}}}},
        "responses": {"default": {"description": "Any."}},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {"/": {"post": operation}},
        "components": schema["components"],
    }
    found = schemathesis.openapi.from_dict(document)["/"]["POST"]
    return found.as_strategy(generation_mode=mode).map(lambda case: case.body)


def takes(name: str, body: object) -> list[str]:
    """What the codec finds wrong with a body: a JSON value, or bytes that are none."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        wrong = CODEC.decode(raw, message_class(name)())
    except MalformedJsonError as error:
        return [str(error)]
    return [f"{violation.field}: {violation.description}" for violation in wrong]


# A whole number in a string may be written as any JSON number is. The schemas leave out what nobody writes.
ODD_NUMBER = re.compile(r'"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"')

# The same examples each time: patterns leave out that an offset can carry a time over the edge of its range.
thoroughly = settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
@thoroughly
def test_what_the_codec_prints_is_as_a_response_says(name: str, data: st.DataObject) -> None:
    PRINTED[name].validate(orjson.loads(CODEC.encode(data.draw(messages(message_type(name))))))


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
@thoroughly
def test_what_the_codec_prints_can_be_sent_back(name: str, data: st.DataObject) -> None:
    TAKEN[name].validate(orjson.loads(CODEC.encode(data.draw(messages(message_type(name))))))


@pytest.mark.parametrize("name", TYPES)
def test_what_a_request_s_schema_admits_the_codec_takes(name: str) -> None:
    @given(bodies(name, GenerationMode.POSITIVE))
    @thoroughly
    def check(body: dict[str, Any]) -> None:
        assume(not body.get("any"))  # no schema knows which types an Any may name
        assert takes(name, body) == []

    check()


@pytest.mark.parametrize("name", TYPES)
def test_what_a_request_s_schema_refuses_the_codec_does_too(name: str) -> None:
    @given(bodies(name, GenerationMode.NEGATIVE))
    @thoroughly
    def check(body: object) -> None:
        assume(isinstance(body, bytes) or not ODD_NUMBER.search(json.dumps(body)))
        assert takes(name, body) != []

    check()


EDGES: list[tuple[str, object]] = [
    ("t.codec.Scalars", {"anInt32": 2**31 - 1, "anInt64": "-9223372036854775808", "aUint64": "18446744073709551615"}),
    ("t.codec.Scalars", {"anInt32": 2**31}),
    ("t.codec.Scalars", {"anInt64": "9223372036854775808"}),
    ("t.codec.Scalars", {"aUint64": -1}),
    ("t.codec.Scalars", {"anInt32": 1.0}),
    ("t.codec.Scalars", {"anInt32": 1.5}),
    ("t.codec.Scalars", {"aFloat": 3.4028235e38, "aDouble": "-Infinity"}),
    ("t.codec.Scalars", {"aFloat": 3.5e38}),
    ("t.codec.Scalars", {"aBytes": "-_8"}),
    ("t.codec.Scalars", {"aBytes": "a"}),
    ("t.codec.Scalars", {"aBytes": "ab="}),
    ("t.codec.Scalars", {"size": "SIZE_TINY"}),
    ("t.codec.Scalars", {"size": -77}),
    ("t.codec.Scalars", {"size": "TINY"}),
    ("t.codec.Scalars", {"aBool": "true"}),
    ("t.codec.Scalars", {"aString": None, "nope": 1}),
    ("t.codec.Lists", {"strings": [None]}),
    ("t.codec.Lists", {"nulls": [None, "NULL_VALUE"], "values": [None]}),
    ("t.codec.Maps", {"byInt32": {"-1": ""}, "byBool": {"true": 0}, "byFixed32": {"4294967295": "1"}}),
    ("t.codec.Maps", {"byInt32": {"01": ""}}),
    ("t.codec.Maps", {"byBool": {"True": 0}}),
    ("t.codec.Maps", {"byString": {"": None}}),
    ("t.codec.Choice", {"text": "", "tree": None}),
    ("t.codec.Choice", {"text": "", "tree": {}}),
    ("t.codec.Choice", {"text": "", "nothing": None}),
    ("t.codec.Choice", {"nothing": None}),
    ("t.codec.Choice", {"value": None, "wait": None}),
    ("t.codec.Optionals", {"aNull": 77}),
    ("t.codec.Optionals", {"aNull": "NULL"}),
    ("t.codec.Tree", {"planted": "0001-01-01T00:00:00Z", "age": "-315576000000s"}),
    ("t.codec.Tree", {"planted": "0000-01-01T00:00:00Z"}),
    ("t.codec.Tree", {"planted": "2023-02-30T00:00:00Z"}),
    ("t.codec.Tree", {"planted": "2024-01-01t00:00:00z"}),
    ("t.codec.Tree", {"planted": "2024-01-01T00:00:00.1234567890Z"}),
    ("t.codec.Tree", {"age": "315576000001s"}),
    ("t.codec.Tree", {"age": "1.s"}),
    ("t.codec.Tree", {"leftBranch": {"branches": [{"named": {"a": {"age": 1}}}]}}),
    ("t.codec.Wrapped", {"anInt64": "1", "aBool": None, "mask": "aB,c", "list": [None], "object": {"": None}}),
    ("t.codec.Wrapped", {"mask": "a_b"}),
    ("t.codec.Wrapped", {"list": {}}),
    ("t.v1.Req", {"any": {}}),
    ("t.v1.Req", {"any": {"@type": "Sub"}}),
]


@pytest.mark.parametrize(("name", "body"), EDGES, ids=[json.dumps(body) for _, body in EDGES])
def test_schema_and_codec_agree_at_the_edges(name: str, body: object) -> None:
    assert TAKEN[name].is_valid(body) == (takes(name, body) == [])


def test_a_message_of_both_ways_has_a_schema_for_each_where_they_differ() -> None:
    schemas = Schemas({}, [message_type("t.v1.Sub")])
    assert schemas.message(message_type("t.v1.Sub"), Form.OUTPUT) == {"$ref": "#/components/schemas/t.v1.Sub"}
    assert schemas.message(message_type("t.v1.Sub"), Form.INPUT) == {"$ref": "#/components/schemas/t.v1.Sub-Input"}
    assert list(schemas.components) == ["int32-Input", "t.v1.Sub", "t.v1.Sub-Input"]


def test_a_message_that_is_only_taken_has_its_plain_name() -> None:
    assert Schemas({}).message(message_type("t.v1.Sub"), Form.INPUT) == {"$ref": "#/components/schemas/t.v1.Sub"}


def test_a_closed_enum_has_its_own_numbers_alone() -> None:
    source = 'syntax = "proto2"; package c; enum E { A = 1; B = 5; } message M { optional E e = 1; }'
    schema = schema_of(compile_proto(source).FindMessageTypeByName("c.M"), Form.INPUT)
    assert schema["components"]["schemas"]["c.E"] == {
        "anyOf": [{"type": "string", "enum": ["A", "B"]}, {"enum": [1, 5]}],
        "description": "- `A` (1)\n- `B` (5)",
    }


def test_comments_and_deprecation_stand_beside_what_they_are_about() -> None:
    source = """syntax = "proto3"; package c; enum E { A = 0; B = 1; }
    message M { option deprecated = true; string old = 1 [deprecated = true]; E e = 2; }"""
    comments = {"c.M": "All.", "c.M.old": "One.", "c.M.e": "Two.", "c.E": "An enum.", "c.E.B": "Its\nvalue."}
    schemas = Schemas(comments)
    schemas.message(compile_proto(source).FindMessageTypeByName("c.M"), Form.OUTPUT)
    assert schemas.components["c.M"] == {
        "type": "object",
        "description": "All.",
        "deprecated": True,
        "properties": {
            "old": {"type": "string", "description": "One.", "deprecated": True},
            "e": {"$ref": "#/components/schemas/c.E", "description": "Two."},
        },
    }
    assert schemas.components["c.E"]["description"] == "An enum.\n\n- `A` (0)\n- `B` (1): Its value."
