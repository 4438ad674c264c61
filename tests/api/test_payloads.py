"""Messages that other services pass on: both forms are read and written without a loss, whatever the message."""

import json
import math
import struct
from typing import Any

import pytest
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from hypothesis import assume, given
from hypothesis import strategies as st

from actiond.api.message_payload import MessageNotJsonError
from actiond.api.v1.errors import MessageInvalidError
from actiond.api.v1.payloads import Payloads, struct_of
from actiond.api.v1.structs import MAX_LEVELS, is_too_deep, object_of
from rpcfront import OFFLOAD_BYTES
from tests.support.protos import compile_proto
from tests.support.services.fixture_protos import message_type
from tests.support.services.shop import message_class, order, pool
from tests.support.strategies import JSON, messages

PAYLOADS = Payloads()
Order = message_class("Order")
ORDERS = messages(pool().FindMessageTypeByName("shop.v1.Order"))
EXACT = 2**53


def packed(message: Message) -> pb.Payload:
    return pb.Payload(protobuf=message.SerializeToString())


def as_json(text: str) -> pb.Payload:
    return pb.Payload(json=json_format.Parse(text, Struct()))


async def refusal(payload: pb.Payload) -> tuple[str, str]:
    with pytest.raises(MessageInvalidError) as caught:
        await PAYLOADS.read(payload, Order, "request", "owner")
    return caught.value.invalid_field, caught.value.rule


def is_exact(value: Any) -> bool:
    """Return whether a JSON value has no number that a double may have rounded."""
    if isinstance(value, dict | list):
        return all(map(is_exact, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int | float) or not EXACT <= abs(value) < 2**64


def has_negative_zero(value: Any) -> bool:
    """Return whether a JSON value has the number that is taken as 0."""
    if isinstance(value, dict | list):
        return any(map(has_negative_zero, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value == 0 and math.copysign(1, value) < 0


@given(message=ORDERS | messages(message_type("t.codec.Lists")) | messages(message_type("t.codec.Maps")))
async def test_any_message_as_protobuf_is_read_and_written_without_a_loss(message: Message) -> None:
    sent = packed(message)
    read = await PAYLOADS.read(sent, type(message), "request", "owner")
    assert read == message
    written = await PAYLOADS.write(read, sent, "owner")
    assert type(message).FromString(written.protobuf) == message


@given(message=ORDERS | messages(message_type("t.codec.Lists")) | messages(message_type("t.codec.Maps")))
async def test_any_message_as_json_is_read_and_written_without_a_loss(message: Message) -> None:
    written = await PAYLOADS.write(message, pb.Payload(json=Struct()), "owner")
    fields = json_format.MessageToDict(written.json)
    assume(not has_negative_zero(fields))
    if not is_exact(fields):
        with pytest.raises(MessageInvalidError):
            await PAYLOADS.read(written, type(message), "request", "owner")
        return
    read = await PAYLOADS.read(written, type(message), "request", "owner")
    assert read.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    assert await PAYLOADS.write(read, written, "owner") == written


@pytest.mark.parametrize("size", [OFFLOAD_BYTES - 100, OFFLOAD_BYTES, 2_000_000])
async def test_a_message_of_any_size_is_read_and_written(size: int) -> None:
    message = order(item="ü" * (size // 2))
    for sent in (packed(message), pb.Payload(json=json_format.ParseDict({"item": message.item}, Struct()))):
        read = await PAYLOADS.read(sent, Order, "request", "owner")
        assert read == message
        assert await PAYLOADS.write(read, sent, "owner") == sent


@pytest.mark.parametrize("protobuf", [b"\xff", b"\n\x05cup", b"\n\x01\xff", b"\x10"])
async def test_bytes_that_are_no_message_are_refused(protobuf: bytes) -> None:
    rule = "must be a shop.v1.Order, serialized"
    assert await refusal(pb.Payload(protobuf=protobuf)) == ("request.protobuf", rule)


async def test_bytes_that_are_nested_too_deep_are_refused() -> None:
    message = b""
    for _ in range(200):
        message = b"\x2a" + _varint(len(message)) + message
    assert (await refusal(pb.Payload(protobuf=message)))[0] == "request.protobuf"


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"itm": "cup"}', "itm: is not a field of this message"),
        ('{"count": "many"}', "count: "),
        ('{"count": 1.5}', "count: "),
        ('{"time": "yesterday"}', "time: "),
        ('{"card": "1", "cash": "2"}', "card"),
        ('{"lines": [{"amount": 1}, {"amount": "x"}]}', "lines[1].amount: "),
        ('{"attachment": {"@type": "type.googleapis.com/shop.v1.Nothing"}}', "attachment"),
        ('{"a": 1, "b": 1, "c": 1, "d": 1}', "a: is not a field of this message; b: "),
        ('{"count": 9007199254740992}', "may have been rounded"),
    ],
)
async def test_json_that_is_no_message_is_refused_by_the_name_of_its_field(text: str, said: str) -> None:
    field, rule = await refusal(as_json(text))
    assert field == "request.json"
    assert said in rule
    assert "d: " not in rule


async def test_a_rounded_number_is_taken_as_a_string() -> None:
    read: Any = await PAYLOADS.read(as_json('{"count": "9007199254740993"}'), Order, "request", "owner")
    assert read.count == EXACT + 1


def nested(levels: int) -> str:
    return '{"then":' * (levels - 1) + '{"item":"cup"}' + "}" * (levels - 1)


async def test_json_is_read_and_written_up_to_a_depth() -> None:
    deepest = as_json(nested(MAX_LEVELS))
    read = await PAYLOADS.read(deepest, Order, "request", "owner")
    written = await PAYLOADS.write(read, deepest, "owner")
    response = pb.ExecuteRequestResponse(request=written)
    assert pb.ExecuteRequestResponse.FromString(response.SerializeToString()).request == deepest

    deeper = order()
    deeper.then.CopyFrom(read)
    assert await PAYLOADS.write(deeper, packed(deeper), "owner") == packed(deeper)
    with pytest.raises(MessageNotJsonError, match=r".*") as caught:
        await PAYLOADS.write(deeper, deepest, "owner")
    assert caught.value.message_type == "shop.v1.Order"


# Structs.


@given(fields=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
def test_json_that_has_no_rounded_number_survives_a_struct(fields: dict[str, Any]) -> None:
    made = struct_of(json.dumps(fields).encode())
    if is_exact(fields):
        assert object_of(made) == fields
    else:
        with pytest.raises(ValueError, match="may have been rounded"):
            object_of(made)


@pytest.mark.parametrize(
    ("number", "is_taken"),
    [
        (EXACT - 1, True),
        (EXACT, False),
        (-EXACT, False),
        (2.0**64 - 2048, False),
        (2.0**64, True),
        (-(2.0**64), True),
        (1e300, True),
        (0.5, True),
        (struct.unpack("<d", b"\x01" + bytes(7))[0], True),
        (float("inf"), False),
        (float("-inf"), False),
        (float("nan"), False),
    ],
)
def test_a_number_is_taken_if_it_is_the_one_that_was_meant(number: float, is_taken: bool) -> None:
    made = Struct()
    made.fields["n"].number_value = number
    if is_taken:
        assert object_of(made) == {"n": number}
    else:
        with pytest.raises(ValueError, match="must not hold"):
            object_of(made)


def test_a_whole_number_is_an_integer_in_json() -> None:
    made = Struct()
    made.fields["n"].number_value = 12.0
    assert json.dumps(object_of(made)) == '{"n": 12}'


def test_a_negative_zero_is_zero() -> None:
    made = Struct()
    made.fields["n"].number_value = -0.0
    assert json.dumps(object_of(made)) == '{"n": 0}'


def test_a_struct_is_an_object_with_sorted_keys() -> None:
    made = Struct()
    made.update({"b": 1, "a": {"d": 1, "c": 2}})
    assert json.dumps(object_of(made)) == '{"a": {"c": 2, "d": 1}, "b": 1}'


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_objects_and_lists_count_as_levels(opening: str) -> None:
    closing = {"[": "]"}.get(opening, "}")
    for levels in (MAX_LEVELS, MAX_LEVELS + 1):
        value = json.loads('{"a":' + opening * (levels - 1) + "1" + closing * (levels - 1) + "}")
        assert is_too_deep(value) == (levels > MAX_LEVELS)
        made = json_format.ParseDict(value, Struct())
        if levels > MAX_LEVELS:
            with pytest.raises(ValueError, match="nested in more than 32 levels"):
                object_of(made)
        else:
            assert object_of(made) == value


async def test_a_message_without_its_required_fields_is_refused() -> None:
    pool = compile_proto('syntax = "proto2"; package r; message Old { required string name = 1; }')
    old = message_factory.GetMessageClass(pool.FindMessageTypeByName("r.Old"))
    with pytest.raises(MessageInvalidError) as caught:
        await PAYLOADS.read(pb.Payload(protobuf=b""), old, "request", "owner")
    assert (caught.value.invalid_field, caught.value.rule) == (
        "request.protobuf",
        "must have the required fields of r.Old",
    )
