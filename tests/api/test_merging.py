"""What a target's answer makes of a message."""

import json
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from actiond.api.message_payload import Merger, ResponseBodyError
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.validation.validator import Validator
from tests.support.protos import compile_proto

MESSAGES = message_factory.GetMessageClassesForFiles(
    ["test.proto"],
    compile_proto("""
syntax = "proto3";
package t;
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message Sub { string s = 1; int32 i = 2; Sub sub = 3; repeated string tags = 4; }
message M {
  string name = 1; int64 number = 2; bool flag = 3; optional string maybe = 4; repeated string list = 5;
  map<string, string> map = 6; Sub sub = 7; repeated Sub subs = 8; map<string, Sub> sub_map = 9;
  google.protobuf.Duration duration = 10; google.protobuf.Struct free = 11; google.protobuf.StringValue wrapped = 12;
  oneof one { Sub left = 13; string right = 14; } google.protobuf.Value value = 15;
  string other = 16 [json_name = "Other-Name"];
}
"""),
)
M: Any = MESSAGES["t.M"]
MERGER = Merger(JsonCodec(), Validator().violations)

FULL = {
    "name": "name",
    "number": "7",
    "flag": True,
    "maybe": "maybe",
    "list": ["a", "b"],
    "map": {"a": "1"},
    "sub": {"s": "s", "i": 1, "sub": {"s": "deep", "tags": ["x"]}},
    "subs": [{"s": "one"}],
    "subMap": {"k": {"s": "s", "i": 1}},
    "duration": "5s",
    "free": {"a": {"b": 1}},
    "wrapped": "wrapped",
    "left": {"s": "left", "i": 2},
    "value": {"a": 1},
    "Other-Name": "other",
}


def full() -> Message:
    message: Message = json_format.ParseDict(FULL, M())
    return message


CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "an empty object changes nothing": ("{}", {}),
    "a scalar is replaced": ('{"name": "new"}', {"name": "new"}),
    "a scalar is set to its zero": (
        '{"name": "", "number": 0, "flag": false}',
        {"name": "", "number": 0, "flag": False},
    ),
    "an optional scalar is set to its zero": ('{"maybe": ""}', {"maybe": ""}),
    "null changes nothing": ('{"name": null, "list": null, "sub": null, "duration": null}', {}),
    "a list is replaced": ('{"list": ["c"]}', {"list": ["c"]}),
    "a list is emptied": ('{"list": []}', {"list": []}),
    "a list of messages is replaced": ('{"subs": [{"i": 2}, {}]}', {"subs": [{"i": 2}, {}]}),
    "a map is replaced": ('{"map": {"b": "2"}}', {"map": {"b": "2"}}),
    "a map of messages is replaced": ('{"subMap": {"k": {"i": 3}}}', {"subMap": {"k": {"i": 3}}}),
    "a message within is merged field by field": (
        '{"sub": {"i": 9, "sub": {"tags": ["y"]}}}',
        {"sub": {"s": "s", "i": 9, "sub": {"s": "deep", "tags": ["y"]}}},
    ),
    "a Duration is replaced": ('{"duration": "0.5s"}', {"duration": "0.5s"}),
    "a Struct is replaced": ('{"free": {"c": null}}', {"free": {"c": None}}),
    "a wrapper is replaced": ('{"wrapped": ""}', {"wrapped": ""}),
    "a Value may become null": ('{"value": null}', {"value": None}),
    "the member that is set in a oneof is merged": ('{"left": {"i": 3}}', {"left": {"s": "left", "i": 3}}),
    "another member of a oneof takes its place": ('{"right": "r"}', {"right": "r", "left": None}),
    "a field is known by its proto name": ('{"sub_map": {}, "other": "new"}', {"subMap": {}, "Other-Name": "new"}),
    "an unknown field is passed over": ('{"nobody": 1}', {}),
    "nothing but white space changes nothing": (" \r\n", {}),
}


@pytest.mark.parametrize(("answer", "changes"), CHANGES.values(), ids=CHANGES)
def test_what_an_answer_changes(answer: str, changes: dict[str, Any]) -> None:
    expected = {key: value for key, value in (FULL | changes).items() if value is not None or key == "value"}
    assert MERGER.merged(full(), answer.encode()) == json_format.ParseDict(expected, M())


BAD = {
    "no JSON": "oops",
    "an array": "[]",
    "a string": '"name"',
    "null": "null",
    "a field of the wrong type": '{"number": []}',
    "a key given twice": '{"name": "a", "name": "b"}',
    "both members of a oneof": '{"left": {}, "right": "r"}',
    "a byte that is no UTF-8": '{"name": "\udcff"}',
    "a message that is a list": '{"sub": []}',
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_what_cannot_be_merged_is_an_error_and_leaves_the_message_alone(answer: str) -> None:
    message = full()
    with pytest.raises(ResponseBodyError):
        MERGER.merged(message, answer.encode("utf-8", "surrogateescape"))
    assert message == full()


def test_a_result_that_breaks_a_rule_of_the_message_is_an_error() -> None:
    request = CreateTargetRequest(name="name")
    with pytest.raises(ResponseBodyError, match="endpoint"):
        MERGER.merged(request, b'{"name": "new"}')


def test_an_answer_does_not_change_the_message_that_was_given() -> None:
    message = full()
    assert MERGER.merged(message, b'{"name": "new", "list": [], "sub": {"s": "new"}}') != message
    assert message == full()


@given(st.sets(st.sampled_from(sorted(FULL.keys() - {"value"}))))
def test_the_fields_of_an_answer_become_the_messages_whatever_it_held(keys: set[str]) -> None:
    answer = {key: FULL[key] for key in keys}
    assert MERGER.merged(M(), json.dumps(answer).encode()) == json_format.ParseDict(answer, M())
    assert MERGER.merged(full(), json.dumps(answer).encode()) == full()
