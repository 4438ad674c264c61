"""What a target's answer makes of a message."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, SetExecutionRequest
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from actiond.api.message_payload import Merger, ResponseBodyError
from rpcfront import OFFLOAD_BYTES, FieldViolation
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


def _listed(start: str, element: str, end: str) -> Callable[[int], bytes]:
    return lambda n: (start + ",".join([element] * n) + end).encode()


def _keyed(start: str, value: str, end: str) -> Callable[[int], bytes]:
    return lambda n: (start + ",".join(f'"{number}":{value}' for number in range(n)) + end).encode()


def _repeated(start: bytes, piece: bytes, end: bytes) -> Callable[[int], bytes]:
    return lambda n: start + piece * n + end


# How an answer of so many elements can be wrong, or merely large.
WRONG_IN_MANY_PLACES: dict[str, Callable[[int], bytes]] = {
    "a key given twice": _keyed("{", "0", ',"0":1}'),
    "a long key given twice": lambda n: b'{"%b":1,"%b":2}' % (b"k" * 8 * n, b"k" * 8 * n),
    "unknown keys": _keyed("{", "0", "}"),
    "elements of the wrong type": _listed('{"list":[', "1", "]}"),
    "messages of the wrong type": _listed('{"subs":[', "1", "]}"),
    "errors within messages": _listed('{"subs":[', '{"tags":[1]}', "]}"),
    "values of the wrong type": _keyed('{"map":{', "1", "}}"),
    "errors below a long key": _repeated(b'{"subMap":{"', b"k", b'":{"tags":[1,1,1]}}}'),
    "errors deep within": _listed('{"sub":' * 50 + '{"tags":[', "1", "]}" + "}" * 50),
    "a document that is cut": _listed('{"list":[', '"a"', ""),
    "arrays within arrays": _repeated(b"", b"[", b""),
    "not UTF-8": _repeated(b'{"list":["', b"aaaaaaaa", b'\xff"]}'),
    "a long number": _repeated(b'{"number":', b"9", b"}"),
    "a number that is not exact": _listed('{"number":9007199254740993,"free":{"a":[', "1", "]}}"),
    "a long duration": _repeated(b'{"duration":"', b"9", b's"}'),
    "escaped colons": _repeated(b'{"list":["', b"\\u003a", b'"]}'),
}
BREAKS_RULES: dict[str, Callable[[int], bytes]] = {
    "empty steps": _listed('{"targets":[', "{}", "]}"),
    "steps that break a rule": _listed('{"targets":[', '{"include":{"request":{"method":""}}}', "]}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", [*WRONG_IN_MANY_PLACES, *BREAKS_RULES])
def test_four_times_the_answer_takes_no_more_than_four_times_as_long_however_it_is_wrong(case: str) -> None:
    """More is allowed, as the clock is not exact and memory has caches. A square would be sixteen times as much."""
    answer = WRONG_IN_MANY_PLACES.get(case) or BREAKS_RULES[case]
    message = full() if case in WRONG_IN_MANY_PLACES else SetExecutionRequest(condition={"request": {"all": True}})

    def cost(n: int) -> float:
        body = answer(n)
        taken = []
        for _ in range(5):
            began = time.thread_time()
            with suppress(ResponseBodyError):
                MERGER.merged(message, body)
            taken.append(time.thread_time() - began)
        return min(taken)

    cost(100)  # compiles what is compiled at first use
    gc.disable()  # it looks at everything that the other tests have left
    try:
        small = cost(8_000)
        assert cost(32_000) < 10 * max(small, 0.002)
    finally:
        gc.enable()


def test_an_error_names_few_of_the_fields_that_are_wrong() -> None:
    answer = json.dumps({"subMap": {"k" * 10_000: {"tags": [1] * 100}}}).encode()
    with pytest.raises(ResponseBodyError, match=r"^100 fields are wrong: ") as failure:
        MERGER.merged(full(), answer)
    assert len(str(failure.value)) < 4 * 10_000


LARGE = json.dumps({"list": ["a" * OFFLOAD_BYTES]}).encode()


class Held:
    """A validator that waits until it is released, and counts how often it is asked, and at once at the most."""

    def __init__(self) -> None:
        self.asked = 0
        self.released = threading.Event()
        self.merger = Merger(JsonCodec(), self.violations)

    def violations(self, _message: Message) -> Sequence[FieldViolation]:
        self.asked += 1
        self.released.wait(60)
        return ()


async def test_large_answers_are_merged_one_at_a_time_and_owners_take_turns() -> None:
    held, order = Held(), list[str]()

    async def merge(owner: str) -> None:
        await held.merger.merge(full(), LARGE, owner)
        order.append(owner)

    tasks = [asyncio.ensure_future(merge(owner)) for owner in ("B", "B", "B", "B", "A")]
    await asyncio.to_thread(_until, lambda: held.asked == 1)
    # One that is small waits for none of them.
    held_small = Merger(JsonCodec(), lambda _: ())
    await held_small.merge(full(), b'{"name": "new"}', "A")
    assert order == []
    held.released.set()
    await asyncio.gather(*tasks)
    assert order == ["B", "B", "A", "B", "B"]


async def test_a_merge_that_nobody_waits_for_any_more_stops_before_its_next_step() -> None:
    steps: list[str] = []
    parsing, go_on = threading.Event(), threading.Event()

    class Slow(JsonCodec):
        def decode(self, body: bytes, message: Message) -> list[FieldViolation]:
            parsing.set()
            go_on.wait(60)
            steps.append("decoded")
            return super().decode(body, message)

    def validate(_message: Message) -> Sequence[FieldViolation]:
        steps.append("validated")
        return ()

    merger = Merger(Slow(), validate)
    task = asyncio.ensure_future(merger.merge(full(), LARGE, "A"))
    await asyncio.to_thread(parsing.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Its turn ends with the thread's work, not before.
    following = asyncio.ensure_future(merger.merge(full(), b" " * OFFLOAD_BYTES, "A"))
    go_on.set()
    await following
    assert steps == ["decoded"]


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError
