"""What the codec prints where it is not simply what json_format prints, and what it refuses to print."""

from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf import any_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2

from rpcfront.transcoding.json.codec import JsonCodec
from tests.support.services.fixture_protos import message_class, message_type

CODEC = JsonCodec()


def test_json_is_compact_with_defaults_left_out() -> None:
    message: Any = action_service_pb2.CreateTargetRequest(name="ä", rest_webhook={}, timeout={"seconds": 10})
    assert CODEC.encode(message) == '{"name":"ä","restWebhook":{},"timeout":"10s"}'.encode()


def test_an_optional_field_is_printed_when_set_to_its_zero() -> None:
    message: Any = message_class("t.codec.Optionals")(an_int64=0, a_bool=False, a_string="", a_null=0)
    assert CODEC.encode(message) == b'{"anInt64":"0","aBool":false,"aString":"","aNull":null}'


def test_minus_zero_is_no_default() -> None:
    assert CODEC.encode(message_class("t.codec.Scalars")(a_double=-0.0)) == b'{"aDouble":-0.0}'


def test_a_float_of_32_bits_is_printed_as_short_as_it_can_be() -> None:
    assert CODEC.encode(message_class("t.codec.Scalars")(a_float=0.1)) == b'{"aFloat":0.1}'


def test_a_json_name_is_used_as_it_is_written() -> None:
    assert CODEC.encode(message_class("t.v1.Req")(weird="x")) == b'{"customName":"x"}'


def test_an_any_of_an_unknown_type_keeps_its_bytes() -> None:
    status = status_pb2.Status(code=5, details=[any_pb2.Any(type_url="x/no.Such", value=b"\xff")])
    assert CODEC.encode(status) == b'{"code":5,"details":[{"@type":"x/no.Such","value":"/w=="}]}'


def test_an_any_holds_a_type_with_its_own_form_under_value() -> None:
    packed = any_pb2.Any()
    packed.Pack(duration_pb2.Duration(seconds=1))
    assert CODEC.encode(packed) == b'{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}'


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (7.0, "7"),
        (-7.0, "-7"),
        (0.0, "0"),
        (-0.0, "-0.0"),
        (0.5, "0.5"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (1e300, "1e+300"),
    ],
)
def test_a_whole_number_in_a_value_is_printed_as_one(number: float, text: str) -> None:
    assert CODEC.encode(struct_pb2.Value(number_value=number)).decode() == text


def nested(depth: int) -> Message:
    message: Any = message_class("t.v1.Sub")()
    inner = message
    for _ in range(depth):
        inner = inner.sub
    inner.s = "x"
    return message  # type: ignore[no-any-return]  # built at run time


@pytest.mark.parametrize(
    "message",
    [
        duration_pb2.Duration(seconds=315_576_000_001),
        duration_pb2.Duration(seconds=1, nanos=-1),
        duration_pb2.Duration(nanos=1_000_000_000),
        timestamp_pb2.Timestamp(seconds=253_402_300_800),
        timestamp_pb2.Timestamp(nanos=-1),
        struct_pb2.Value(),
        struct_pb2.Value(number_value=float("nan")),
        struct_pb2.Value(number_value=float("inf")),
        *[field_mask_pb2.FieldMask(paths=[path]) for path in ("fooBar", "foo__bar", "foo_", "foo_1", "a,b", "")],
        any_pb2.Any(type_url="x/google.protobuf.Duration", value=b"\xff"),
        nested(300),
        nested(1500),
    ],
    ids=repr,
)
def test_what_has_no_json_form_is_refused(message: Message) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  one error for all of them: the caller logs its text
        CODEC.encode(message)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("name", b'"x"'),
        ("i64", b'"0"'),
        ("rs", b"[]"),
        ("m", b'{"a":"b"}'),
        ("sub", b'{"s":"y"}'),
        ("dur", b"null"),
        ("opt", b"null"),
    ],
)
def test_one_field_is_printed_as_its_value_and_null_where_it_is_absent(field: str, expected: bytes) -> None:
    message = message_class("t.v1.Req")(name="x", sub={"s": "y"}, m={"a": "b"})
    assert CODEC.encode_field(message, message_type("t.v1.Req").fields_by_name[field]) == expected
