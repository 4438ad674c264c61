"""Compiles one encoder per message type: message to JSON-ready value, which orjson prints as proto3 JSON.

Well-known types with a special JSON form are in `wellknown_encoder`. A message that has no JSON raises ValueError.
"""

import math
from collections.abc import Callable
from threading import RLock
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rpcfront.codegen import attribute, function
from rpcfront.transcoding.json.printers import key_printer, scalar_printer
from rpcfront.transcoding.json.wellknown import ANY, descriptor_of
from rpcfront.transcoding.json.wellknown_encoder import any_printer, special_printer

Print: TypeAlias = Callable[[Any], object]
"""Returns the JSON-ready value of a field's value or a message."""

FieldPrinter: TypeAlias = Callable[[FieldDescriptor], Print | None]
"""Returns None for a field whose values are JSON-ready."""

# Asking each field whether it is set costs 90 ns; ListFields costs 300 and then 250 for each field that is set.
_MAX_FIELDS_ASKED = 16


class Encoder:
    """The compiled types. Types can refer to themselves and each other, so each is known before it is complete."""

    def __init__(self) -> None:
        # By class for speed: hashing a descriptor is slow. By descriptor while compiling, when there is no class yet.
        self._by_class: dict[type[Message], Print] = {}
        self._by_descriptor: dict[Descriptor, Print] = {}
        self._fields: dict[FieldDescriptor, Print | None] = {}
        # Other threads must not find a type before it is complete.
        self._compiling = RLock()

    def to_json(self, message: Message) -> object:
        """Return the JSON-ready value of a message of any type."""
        printer = self._by_class.get(type(message))
        if printer is None:
            printer = self._by_class[type(message)] = self.type_printer(descriptor_of(message))
        return printer(message)

    def field_to_json(self, message: Message, field: FieldDescriptor) -> object:
        """Return the JSON-ready value of a field: None if it is absent, else its value, even a zero."""
        if field.has_presence and not type(message).HasField(message, field.name):
            return None
        if field not in self._fields:
            self._fields[field] = self._field_printer(field)
        printer = self._fields[field]
        value = getattr(message, field.name)
        return value if printer is None else printer(value)

    def type_printer(self, descriptor: Descriptor) -> Print:
        """Return the encoder of a type."""
        with self._compiling:
            printer = self._by_descriptor.get(descriptor)
            return self._compile(descriptor) if printer is None else printer

    def _compile(self, descriptor: Descriptor) -> Print:
        printer = special_printer(descriptor)
        if descriptor.full_name == ANY:
            printer = any_printer(descriptor.file.pool, self.to_json)
        if printer is None:
            # Recursive types need their own encoder before it is complete.
            self._by_descriptor[descriptor] = lambda message: self._by_descriptor[descriptor](message)
            make = _small_message if len(descriptor.fields) <= _MAX_FIELDS_ASKED else _large_message
            printer = make(descriptor, self._field_printer)
        self._by_descriptor[descriptor] = printer
        return printer

    def _field_printer(self, field: FieldDescriptor) -> Print | None:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            return _map_printer(key_printer(inner.fields_by_name["key"]), self._element(inner.fields_by_name["value"]))
        element = self._element(field)
        return _list_printer(element) if field.is_repeated else element

    def _element(self, field: FieldDescriptor) -> Print | None:
        return scalar_printer(field) if field.message_type is None else self.type_printer(field.message_type)


def _small_message(descriptor: Descriptor, field_printer: FieldPrinter) -> Print:
    """Compile an encoder that asks every field in turn whether it is set."""
    message_class = GetMessageClass(descriptor)
    names: dict[str, object] = {
        "copysign": math.copysign,
        "has_field": message_class.HasField,
        "which_oneof": message_class.WhichOneof,
    }
    lines = ["out = {}"]
    seen: set[str] = set()
    for index, field in enumerate(descriptor.fields):
        oneof = field.containing_oneof
        if oneof is None or len(oneof.fields) == 1:
            printer = names[f"print_{index}"] = field_printer(field)
            printed = "value" if printer is None else f"print_{index}(value)"
            lines += _value_if_set(field)
            lines.append(f"    out[{field.json_name!r}] = {printed}")
        elif oneof.name not in seen:
            seen.add(oneof.name)
            names[f"members_{index}"] = {
                member.name: (member.json_name, field_printer(member) or _same) for member in oneof.fields
            }
            lines += [
                f"name = which_oneof(message, {oneof.name!r})",
                "if name is not None:",
                f"    key, print_member = members_{index}[name]",
                "    out[key] = print_member(getattr(message, name))",
            ]
    return cast("Print", function("to_json(message)", [*lines, "return out"], names))


def _value_if_set(field: FieldDescriptor) -> list[str]:
    """Return lines that put the field's value into `value`, and end with the condition under which it is printed."""
    read = f"value = {attribute('message', field.name)}"
    if field.has_presence:
        return [f"if has_field(message, {field.name!r}):", f"    {read}"]
    if not field.is_repeated and field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        # Minus zero is not the default, though it is equal to it.
        return [read, "if value or copysign(1.0, value) < 0:"]
    return [read, "if value:"]


def _same(value: object) -> object:
    return value


def _large_message(descriptor: Descriptor, field_printer: FieldPrinter) -> Print:
    """Compile an encoder that asks the message which fields are set, which is faster where few of many are."""
    printers = {field: (field.json_name, field_printer(field)) for field in descriptor.fields}

    def to_json(message: Message) -> dict[str, object]:
        out: dict[str, object] = {}
        for field, value in type(message).ListFields(message):
            # Extensions are not part of proto3 JSON.
            if field in printers:
                key, printer = printers[field]
                out[key] = value if printer is None else printer(value)
        return out

    return to_json


def _list_printer(element: Print | None) -> Print:
    if element is None:
        return list
    return lambda values: [element(value) for value in values]


def _map_printer(print_key: Callable[[object], str], element: Print | None) -> Print:
    if element is None:
        return lambda entries: {print_key(key): value for key, value in entries.items()}
    return lambda entries: {print_key(key): element(value) for key, value in entries.items()}
