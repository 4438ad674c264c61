"""Messages of any type, filled by their descriptors, and protobuf bytes that are none."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz.cases import values
from tests.fuzz.cases.dice import Dice

_SCALARS: dict[int, Callable[[Dice], Any]] = {
    FieldDescriptor.CPPTYPE_INT32: lambda dice: dice.choice(values.INT32),
    FieldDescriptor.CPPTYPE_UINT32: lambda dice: dice.choice(values.UINT32),
    FieldDescriptor.CPPTYPE_INT64: lambda dice: dice.choice(values.INT64),
    FieldDescriptor.CPPTYPE_UINT64: lambda dice: dice.choice(values.UINT64),
    FieldDescriptor.CPPTYPE_DOUBLE: lambda dice: dice.choice(values.DOUBLES),
    FieldDescriptor.CPPTYPE_FLOAT: lambda dice: dice.choice(values.FLOATS),
    FieldDescriptor.CPPTYPE_BOOL: lambda dice: dice.chance(0.5),
}


def filled(dice: Dice, descriptor: Descriptor, depth: int = 3) -> Any:
    """A message of the type that has a JSON form, nested at most `depth` deep."""
    message: Any = GetMessageClass(descriptor)()
    special = _SPECIAL.get(descriptor.full_name)
    if special is not None:
        special(dice, message)
        return message
    fields = [field for field in descriptor.fields if depth or field.message_type is None]
    for field in dice.sample(fields, min(len(fields), dice.choice((0, 1, 1, 2, 3, 6)))):
        _fill(dice, message, field, depth - 1)
    return message


def _fill(dice: Dice, message: Any, field: FieldDescriptor, depth: int) -> None:
    inner = field.message_type
    place = getattr(message, field.name)
    if inner is not None and inner.GetOptions().map_entry:
        key, value = inner.fields_by_name["key"], inner.fields_by_name["value"]
        place.update({_scalar(dice, key): _scalar(dice, value) for _ in range(dice.randint(0, 3))})
    elif field.is_repeated:
        place.extend(
            dice.several(lambda: _scalar(dice, field) if inner is None else filled(dice, inner, depth), most=3)
        )
    elif inner is None:
        setattr(message, field.name, _scalar(dice, field))
    else:
        place.CopyFrom(filled(dice, inner, depth))
        place.SetInParent()


def _scalar(dice: Dice, field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return dice.choice(values.BYTES)
    if field.type == FieldDescriptor.TYPE_STRING:
        return dice.choice(values.TEXTS)
    if field.enum_type is not None:
        # 77: an open enum keeps the numbers that it does not know.
        return dice.choice([value.number for value in field.enum_type.values] + [77])
    return _SCALARS[field.cpp_type](dice)


def _timestamp(dice: Dice, message: Any) -> None:
    message.seconds = dice.choice((0, 1, -1, 1_700_000_000, -62_135_596_800, 253_402_300_799))
    message.nanos = dice.choice((0, 1, 1000, 500_000_000, 999_999_999))


def _duration(dice: Dice, message: Any) -> None:
    sign = dice.choice((1, -1))
    message.seconds = sign * dice.choice((0, 1, 3600, 315_576_000_000))
    message.nanos = 0 if abs(message.seconds) > 3600 else sign * dice.choice((0, 1, 500_000_000, 999_999_999))


def _mask(dice: Dice, message: Any) -> None:
    message.paths.extend(dice.several(lambda: dice.choice(("a", "page_size", "sub.s", "a_b.c_d")), most=3))


def _value(dice: Dice, message: Any) -> None:
    match dice.randrange(6):
        case 0:
            message.null_value = 0
        case 1:
            message.bool_value = dice.chance(0.5)
        case 2:
            message.number_value = dice.choice((0.0, -0.0, 1.5, 1e300, -7.0))
        case 3:
            message.string_value = dice.choice(values.TEXTS)
        case 4:
            message.list_value.SetInParent()
            for _ in range(dice.randint(0, 2)):
                _value(dice, message.list_value.values.add())
        case _:
            message.struct_value.SetInParent()
            _struct(dice, message.struct_value)


def _struct(dice: Dice, message: Any) -> None:
    for _ in range(dice.randint(0, 2)):
        _value(dice, message.fields[dice.choice(values.TEXTS)])


def _any(dice: Dice, message: Any) -> None:
    sub = message.DESCRIPTOR.file.pool.FindMessageTypeByName("t.v1.Sub")
    message.Pack(filled(dice, sub, depth=1), deterministic=True)


_SPECIAL: dict[str, Callable[[Dice, Any], None]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _mask,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}


def encoded(message: Message) -> bytes:
    """The same bytes in every process, which a map alone would not have."""
    return message.SerializeToString(deterministic=True)


def _delimited(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _nested(number: int, depth: int) -> bytes:
    message = b""
    for _ in range(depth):
        message = _delimited(number, message)
    return message


def oddity(dice: Dice, descriptor: Descriptor) -> bytes:
    """Protobuf bytes that no encoder of the type would write: out of range, too deep, of wire types that do not fit."""
    number = dice.choice([field.number for field in descriptor.fields] + [2**29 - 1])
    match dice.randrange(9):
        case 0:
            # protobuf's readers stop at a depth of 100.
            recursive = [field.number for field in descriptor.fields if field.message_type is not None] or [number]
            return _nested(dice.choice(recursive), dice.choice((1, 99, 100, 101, 3000)))
        case 1:
            return _varint(number << 3 | 3) * dice.choice((1, 50, 150)) + _varint(number << 3 | 4) * dice.randint(
                0, 150
            )
        case 2:
            return _delimited(number, b"\xff\xfe" * dice.randint(0, 9))
        case 3:
            return _varint(number << 3) + b"\xff" * dice.randint(0, 12)
        case 4:
            # Times, durations and masks that have no JSON form; as fields of others they are strangers.
            return _delimited(number, b"\x08" + _varint(2**64 - dice.choice((1, 2**63))) + b"\x10" + _varint(2**31))
        case 5:
            return _varint(number << 3 | dice.randrange(8)) + dice.bytes_of(12)
        case 6:
            return _varint(number << 3 | 2) + _varint(dice.choice((2**31, 2**32 - 1, 2**63, 1000))) + b"x"
        case 7:
            return _delimited(number, dice.bytes_of(20)) * dice.choice((1, 2, 200))
        case _:
            return dice.bytes_of(60)
