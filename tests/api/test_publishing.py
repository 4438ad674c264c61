"""Publishing events: the payload as JSON values, and what is refused before the use case sees it."""

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.use_cases.publishing import NewEvent
from actiond.api.v1.errors import PayloadInvalidError
from actiond.api.v1.events import MAX_PAYLOAD_BYTES, new_events
from actiond.api.v1.structs import MAX_LEVELS
from rpcfront import OFFLOAD_BYTES, JsonCodec
from tests.api.delivery_service import BEARER, Served, serve

Value = struct_pb2.Value


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as started:
        yield started


def event(**fields: Any) -> pb.PublishEventRequest:
    return pb.PublishEventRequest(
        **{"type": "order.placed", "aggregate_type": "order", "aggregate_id": "4711"} | fields
    )


def payload(**values: Value) -> struct_pb2.Struct:
    return struct_pb2.Struct(fields=values)


async def test_an_event_is_published_as_it_was_given(served: Served) -> None:
    given = event(payload=payload(total=Value(number_value=12)), event_id="one")
    response = await served.stub.PublishEvent(given, metadata=BEARER)
    assert response == pb.PublishEventResponse(sequence=1, created=True)
    assert served.publishing.events == [NewEvent("order.placed", "order", "4711", {"total": 12}, "one")]


async def test_a_batch_is_published_in_its_order(served: Served) -> None:
    given = pb.PublishEventsRequest(events=[event(aggregate_id=str(number)) for number in range(100)])
    response = await served.stub.PublishEvents(given, metadata=BEARER)
    assert [one.sequence for one in response.events] == [*range(1, 101)]
    assert [one.created for one in response.events] == [True, False] * 50
    assert [one.aggregate_id for one in served.publishing.events] == [*map(str, range(100))]


async def test_a_large_payload_is_published_like_a_small_one(served: Served) -> None:
    text = "x" * OFFLOAD_BYTES
    await served.stub.PublishEvent(event(payload=payload(text=Value(string_value=text))), metadata=BEARER)
    assert [one.payload for one in served.publishing.events] == [{"text": text}]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(-(2**53), 2**53, exclude_min=True, exclude_max=True)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_payload_is_the_json_that_was_sent(document: dict[str, Any]) -> None:
    request = pb.PublishEventRequest()
    assert not JsonCodec().decode(json.dumps({"payload": document}).encode(), request)
    ((published),) = new_events([request])
    assert published.payload == document
    assert list(published.payload) == sorted(document)


@pytest.mark.parametrize("number", [0.5, -1.25, 1e300, 2.0**64, -6.022e23, 5e-324])
def test_a_number_that_is_no_rounded_integer_is_published(number: float) -> None:
    (published,) = new_events([event(payload=payload(n=Value(number_value=number)))])
    assert published.payload == {"n": number}


def test_a_whole_number_is_published_without_a_fraction() -> None:
    (published,) = new_events([event(payload=payload(n=Value(number_value=-7.0), zero=Value(number_value=-0.0)))])
    assert json.dumps(published.payload) == '{"n": -7, "zero": 0}'


INVALID: dict[str, tuple[Value, str]] = {
    "2**53": (
        Value(number_value=2**53),
        "must not hold 9007199254740992, which may have been rounded; send such a number as a string",
    ),
    "-2**63": (
        Value(number_value=-(2**63)),
        "must not hold -9223372036854775808, which may have been rounded; send such a number as a string",
    ),
    "not a number": (Value(number_value=math.nan), "must not hold nan, which has no JSON form"),
    "infinity": (Value(number_value=-math.inf), "must not hold -inf, which has no JSON form"),
    "no kind": (Value(), "must not hold a google.protobuf.Value without a kind"),
    "nested": (
        Value(list_value=struct_pb2.ListValue(values=[Value(struct_value=payload(x=Value()))])),
        "must not hold a google.protobuf.Value without a kind",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_payload_without_an_exact_json_form_is_refused(case: str) -> None:
    value, rule = INVALID[case]
    with pytest.raises(PayloadInvalidError) as caught:
        new_events([event(), event(payload=payload(bad=value))])
    assert (caught.value.position, caught.value.rule) == (1, rule)


def test_a_payload_has_256_kib_of_json_at_most() -> None:
    frame = len('{"text":""}')
    for length, is_refused in ((MAX_PAYLOAD_BYTES - frame, False), (MAX_PAYLOAD_BYTES - frame + 1, True)):
        given = event(payload=payload(text=Value(string_value="x" * length)))
        if is_refused:
            with pytest.raises(PayloadInvalidError, match="must be at most 262144 bytes of JSON"):
                new_events([given])
        else:
            assert len(new_events([given])) == 1


@pytest.mark.parametrize("is_list", [True, False])
def test_a_payload_has_32_levels_at_most(*, is_list: bool) -> None:
    def nested(levels: int) -> Value:
        inner = Value(bool_value=True)
        for _ in range(levels):
            inner = (
                Value(list_value=struct_pb2.ListValue(values=[inner]))
                if is_list
                else Value(struct_value=payload(x=inner))
            )
        return inner

    assert len(new_events([event(payload=payload(x=nested(MAX_LEVELS - 1)))])) == 1
    with pytest.raises(PayloadInvalidError, match="must not be nested in more than 32 levels"):
        new_events([event(payload=payload(x=nested(MAX_LEVELS)))])


RULES: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"type": ""}, "type: must be at least 1 characters"),
    "a long type": ({"type": "x" * 1001}, "type: must be at most 1000 characters"),
    "an aggregate type with a slash": (
        {"aggregate_type": "a/b"},
        "aggregate_type: does not match regex pattern `^[A-Za-z0-9._-]*$`",
    ),
    "an aggregate id with a space": ({"aggregate_id": "a b"}, "aggregate_id: does not match regex pattern `^[!-~]*$`"),
    "an event id with a newline": ({"event_id": "a\n"}, "event_id: does not match regex pattern `^[!-~]*$`"),
}


@pytest.mark.parametrize("case", RULES)
async def test_a_field_that_breaks_a_rule_is_named(served: Served, case: str) -> None:
    fields, text = RULES[case]
    for call, prefix in (
        (served.stub.PublishEvent(event(**fields), metadata=BEARER), ""),
        (
            served.stub.PublishEvents(pb.PublishEventsRequest(events=[event(), event(**fields)]), metadata=BEARER),
            "events[1].",
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, prefix + text)
    assert served.publishing.events == []


@pytest.mark.parametrize("number", [0, 101])
async def test_a_batch_has_between_1_and_100_events(served: Served, number: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.stub.PublishEvents(pb.PublishEventsRequest(events=[event()] * number), metadata=BEARER)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert served.publishing.events == []
