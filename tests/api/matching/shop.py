"""Messages of every kind, in a descriptor pool of their own."""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_Field = descriptor_pb2.FieldDescriptorProto
_WELL_KNOWN = (any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "double": _Field.TYPE_DOUBLE,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
}
# Name and type of each field; * is for a repeated one.
_ITEM = (("sku", "string"), ("amount", "int32"), ("item", "*.shop.Item"), ("tags", "*string"))
_ORDER = (
    ("id", "string"),
    ("total", "int64"),
    ("units", "uint64"),
    ("weight", "double"),
    ("paid", "bool"),
    ("raw", "bytes"),
    ("state", ".shop.State"),
    ("item", "*.shop.Item"),
    ("tags", "*string"),
    ("numbers", "*int32"),
    ("first", ".shop.Item"),
    ("labels", "*.shop.Order.LabelsEntry"),
    ("created", ".google.protobuf.Timestamp"),
    ("took", ".google.protobuf.Duration"),
    ("note", ".google.protobuf.StringValue"),
    ("extra", ".google.protobuf.Struct"),
    ("value", ".google.protobuf.Value"),
)
_WITH_ANY = (("item", "*.shop.WithAny"), ("numbers", "*int32"), ("detail", ".google.protobuf.Any"))


def _add(message: Any, fields: Any) -> None:
    for number, (name, described) in enumerate(fields, 1):
        kind = described.lstrip("*")
        field = message.field.add(name=name, number=number)
        field.label = _Field.LABEL_REPEATED if described[0] == "*" else _Field.LABEL_OPTIONAL
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type = _Field.TYPE_ENUM if kind == ".shop.State" else _Field.TYPE_MESSAGE
            field.type_name = kind


def _pool() -> DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    file.dependency.extend(module.DESCRIPTOR.name for module in _WELL_KNOWN)
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("NEW", "OPEN", "CLOSED")):
        state.value.add(name=name, number=number)
    _add(file.message_type.add(name="Item"), _ITEM)
    order = file.message_type.add(name="Order")
    _add(order, _ORDER)
    entry = order.nested_type.add(name="LabelsEntry")
    entry.options.map_entry = True
    _add(entry, (("key", "string"), ("value", "string")))
    _add(file.message_type.add(name="WithAny"), _WITH_ANY)
    pool = DescriptorPool()
    for module in _WELL_KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _pool()
Order: Any = GetMessageClass(POOL.FindMessageTypeByName("shop.Order"))
Item: Any = GetMessageClass(POOL.FindMessageTypeByName("shop.Item"))
WithAny: Any = GetMessageClass(POOL.FindMessageTypeByName("shop.WithAny"))


def order(**fields: object) -> Message:
    """An order by its JSON."""
    message: Message = ParseDict(fields, Order(), descriptor_pool=POOL)
    return message


def with_any(inner: Message, **fields: object) -> Message:
    message = WithAny(**fields)
    message.detail.Pack(inner)
    return message  # type: ignore[no-any-return]
