"""Calls that other services describe: whatever a message is, targets that change nothing leave it as it was sent."""

import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson
import pytest
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.ports import AttemptResult, TargetRequest
from actiond.actions.targets import Target, TargetType
from actiond.api.known_methods import KnownMethod, KnownMethods
from actiond.api.message_payload import Merger
from actiond.api.method_executions import MethodCall, MethodExecutions
from actiond.api.v1.called_methods import CalledMethod, CalledMethods
from actiond.api.v1.payloads import Payloads
from actiond.executions.json_fields import MAX_BYTES
from actiond.executions.plan_cache import PlanCache
from actiond.executions.plans import MethodPlan, PlannedCall, PlannedExecution
from actiond.executions.runner import Runner, RunningCall
from rpcfront import JsonCodec
from tests.support.services.shop import PLACE, pool
from tests.support.strategies import messages

T = TypeVar("T")
ORDERS = messages(pool().FindMessageTypeByName("shop.v1.Order"))
TARGET = Target("1", "owner", "a target", TargetType.CALL, True, 10**9, "https://example.com/", 1, 0, 0)
PLANNED = (PlannedExecution("request", (PlannedCall(TARGET, ()), PlannedCall(TARGET, ()))),)
CALL = MethodCall(PLACE, "owner", "", {}, RunningCall("1", lambda: False))


def repeat(body: bytes) -> bytes:
    """Return the message that a target has got."""
    document = json.loads(body)
    return json.dumps(document[next(name for name in ("response", "request") if name in document)]).encode()


RESPONSES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no field": lambda _: b"{}",
    "the message itself": repeat,
}


@dataclass(frozen=True)
class Responding:
    """Calls targets that respond as they are told to."""

    response: Callable[[bytes], bytes]

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        return await use(self.response(request.body))

    def start(self, request: TargetRequest) -> None:
        raise NotImplementedError

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        raise NotImplementedError


def methods(response: Callable[[bytes], bytes], names: Container[str] = ()) -> CalledMethods:
    runner = Runner(Responding(response), 10.0, lambda: 0.0)
    # Plans are given to what is tested.
    executions = MethodExecutions(cast("PlanCache", None), runner, Merger(JsonCodec(), lambda _: ()), "instance")
    return CalledMethods(executions, KnownMethods((), ()), Payloads(), names)


def called(message: Message) -> CalledMethod:
    known = KnownMethod(cast("Any", None), type(message), type(message))
    return CalledMethod(CALL, MethodPlan(PLANNED, PLANNED, 1), known)


def in_json(message: Message) -> pb.Payload | None:
    """Return the message as JSON, unless it has a number that callers must send as a string."""
    payload = pb.Payload(
        json=json_format.ParseDict(json_format.MessageToDict(message, descriptor_pool=pool()), Struct())
    )
    return None if any(map(_is_rounded, payload.json.fields.values())) else payload


def _is_rounded(value: Any) -> bool:
    if value.HasField("struct_value"):
        return any(map(_is_rounded, value.struct_value.fields.values()))
    if value.HasField("list_value"):
        return any(map(_is_rounded, value.list_value.values))
    return bool(2**53 <= abs(value.number_value) < 2**64)


@pytest.mark.parametrize("response", RESPONSES)
@given(message=ORDERS, unknown=st.sampled_from([b"", b"\xba\x3e\x01x"]))
async def test_bytes_that_no_target_changes_are_the_same_bytes(response: str, message: Message, unknown: bytes) -> None:
    # Fields that nobody knows stay where they are, too.
    sent = pb.Payload(protobuf=unknown + message.SerializeToString())
    for ran in (
        await methods(RESPONSES[response]).run_request(called(message), sent),
        await methods(RESPONSES[response]).run_response(called(message), sent, sent),
    ):
        assert (ran.executed, ran.changed) == (True, False)
        assert ran.payload == sent


@pytest.mark.parametrize("response", RESPONSES)
@given(message=ORDERS)
async def test_json_that_no_target_changes_is_the_same_json(response: str, message: Message) -> None:
    sent = in_json(message)
    if sent is None:
        return
    for ran in (
        await methods(RESPONSES[response]).run_request(called(message), sent),
        await methods(RESPONSES[response]).run_response(called(message), sent, sent),
    ):
        assert (ran.executed, ran.changed) == (True, False)
        assert ran.payload == sent


SORTED = orjson.OPT_SORT_KEYS
EXACT = 2**53 - 1
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)
NAMED = CalledMethod(CALL, MethodPlan(PLANNED, PLANNED, 1), None)


@pytest.mark.parametrize("response", RESPONSES)
@given(fields=st.dictionaries(st.text("abc"), JSON, max_size=4))
async def test_an_object_of_a_method_known_by_name_that_no_target_changes_is_the_same(
    response: str, fields: dict[str, Any]
) -> None:
    sent = pb.Payload(json=json_format.ParseDict(fields, Struct()))
    for ran in (
        await methods(RESPONSES[response], {PLACE}).run_request(NAMED, sent),
        await methods(RESPONSES[response], {PLACE}).run_response(NAMED, sent, sent),
    ):
        assert (ran.executed, ran.changed) == (True, False)
        assert ran.payload == sent


@given(fields=st.dictionaries(st.text("abc"), JSON, max_size=4), changes=st.dictionaries(st.text("abc"), JSON))
async def test_the_fields_of_a_response_replace_those_of_such_an_object(
    fields: dict[str, Any], changes: dict[str, Any]
) -> None:
    sent = pb.Payload(json=json_format.ParseDict(fields, Struct()))
    ran = await methods(lambda _: json.dumps(changes).encode(), {PLACE}).run_request(NAMED, sent)
    assert ran.payload == pb.Payload(json=json_format.ParseDict(fields | changes, Struct()))
    # As JSON, in which 1 is not true.
    assert ran.changed == (orjson.dumps(fields | changes, option=SORTED) != orjson.dumps(fields, option=SORTED))


async def test_such_an_object_may_be_as_large_as_its_bound() -> None:
    sent = pb.Payload(json=json_format.ParseDict({"a": "x" * (MAX_BYTES - 8)}, Struct()))
    ran = await methods(lambda _: b"", {PLACE}).run_request(NAMED, sent)
    assert ran.payload == sent
