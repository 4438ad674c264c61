"""Compiles one decoder per message type: merges a JSON value into a message.

An invalid field is reported and left unset, and the rest is still decoded. Well-known types with a special JSON form
are in `wellknown_decoder`, the functions that set one field in `setters`.
"""

from collections.abc import Collection, Mapping
from threading import RLock
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.transcoding.json import setters
from rpcfront.transcoding.json.fast_decoder import MAX_FAST_FIELDS, fast_merge, shared_oneof
from rpcfront.transcoding.json.parse_errors import MAX_ERRORS, NOT_AN_OBJECT, Merge, ParseError, ParseErrors, below
from rpcfront.transcoding.json.scalars import is_null_value, json_reader, key_reader
from rpcfront.transcoding.json.wellknown import ANY, VALUE, descriptor_of
from rpcfront.transcoding.json.wellknown_decoder import any_merge, special_merge


class Decoder:
    """The compiled types. Types can refer to themselves and each other, so each is known before it is complete."""

    def __init__(self, *, ignore_unknown_fields: bool, strict_packages: Collection[str]) -> None:
        self._ignore_unknown_fields = ignore_unknown_fields
        self._strict_packages = frozenset(strict_packages)
        # By class for speed: hashing a descriptor is slow. By descriptor while compiling, when there is no class yet.
        self._by_class: dict[type[Message], Merge] = {}
        self._by_descriptor: dict[Descriptor, Merge] = {}
        self._fields: dict[FieldDescriptor, Merge] = {}
        # Other threads must not find a type before it is complete.
        self._compiling = RLock()

    def merge(self, message: Message, value: object) -> ParseErrors:
        """Merge a JSON value into a message of any type."""
        merge = self._by_class.get(type(message))
        if merge is None:
            merge = self._by_class[type(message)] = self.type_merge(descriptor_of(message))
        return merge(message, value)

    def merge_field(self, message: Message, field: FieldDescriptor, value: object) -> ParseErrors:
        """Merge the JSON value of one field into its message. Null means absence, as in an object."""
        if value is None and not _takes_null(field):
            return None
        merge = self._fields.get(field)
        if merge is None:
            merge = self._fields[field] = self._field_merge(field)
        return merge(message, value)

    def type_merge(self, descriptor: Descriptor) -> Merge:
        """Return the decoder of a type."""
        with self._compiling:
            merge = self._by_descriptor.get(descriptor)
            return self._compile(descriptor) if merge is None else merge

    def ignores_unknown_fields(self, descriptor: Descriptor) -> bool:
        """Return whether unknown fields of a message are ignored."""
        return self._ignore_unknown_fields and descriptor.file.package not in self._strict_packages

    def _compile(self, descriptor: Descriptor) -> Merge:
        merge = special_merge(descriptor)
        if descriptor.full_name == ANY:
            merge = any_merge(descriptor.file.pool, self.type_merge, ignore_unknown_fields=self._ignore_unknown_fields)
        if merge is None:
            # Recursive types need their own decoder before it is complete.
            self._by_descriptor[descriptor] = lambda message, value: self._by_descriptor[descriptor](message, value)
            merges = {field: self._field_merge(field) for field in descriptor.fields}
            merge = _ObjectDecoder(merges, ignore_unknown_fields=self.ignores_unknown_fields(descriptor)).merge
            if len(merges) <= MAX_FAST_FIELDS:
                merge = fast_merge(descriptor, merges, merge, self.type_merge)
        self._by_descriptor[descriptor] = merge
        return merge

    def _field_merge(self, field: FieldDescriptor) -> Merge:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            read_key, value = key_reader(inner.fields_by_name["key"]), inner.fields_by_name["value"]
            if value.message_type is None:
                return setters.scalar_map(field.name, read_key, json_reader(value))
            return setters.message_map(field.name, read_key, self.type_merge(value.message_type))
        if inner is not None:
            setter = setters.messages if field.is_repeated else setters.message
            return setter(field.name, self.type_merge(inner))
        if field.is_repeated:
            return setters.scalars(field, json_reader(field))
        return setters.scalar(field.name, json_reader(field))


class _ObjectDecoder:
    """Decodes a message whose JSON is an object, as that of most types is."""

    __slots__ = ("_aliases", "_fields", "_ignore_unknown_fields", "_nullable")

    def __init__(self, merges: Mapping[FieldDescriptor, Merge], *, ignore_unknown_fields: bool) -> None:
        self._ignore_unknown_fields = ignore_unknown_fields
        # By JSON name: the field's decoder, its step in the path of an error, and its oneof if others share that.
        self._fields: dict[str, tuple[Merge, str, str | None]] = {
            field.json_name: (merge, f".{field.name}", shared_oneof(field)) for field, merge in merges.items()
        }
        # JSON names by proto names, where they differ.
        self._aliases = {field.name: field.json_name for field in merges if field.name not in self._fields}
        nullable = [field for field in merges if _takes_null(field)]
        self._nullable = frozenset(name for field in nullable for name in (field.json_name, field.name))

    def merge(self, message: Any, value: object) -> ParseErrors:
        """Merge an object, whatever it holds. `fast_decoder` does the common case."""
        if type(value) is not dict:
            return NOT_AN_OBJECT
        type(message).SetInParent(message)
        errors: list[ParseError] = []
        chosen: dict[str, str] | None = None
        for key, item in value.items():
            found = self._fields.get(key)
            if found is None:
                name = self._resolve(key, value, errors)
                if name is None:
                    if len(errors) >= MAX_ERRORS:
                        break
                    continue
                found = self._fields[name]
            merge, step, oneof = found
            if item is None and key not in self._nullable:
                continue
            if oneof is not None:
                if chosen is None:
                    chosen = {}
                first = chosen.setdefault(oneof, key)
                if first != key:
                    errors.append((f".{oneof}", f'must hold only one of "{first}" and "{key}"'))
                    continue
            wrong = merge(message, item)
            if wrong is not None:
                errors.extend(below(step, wrong))
                if len(errors) >= MAX_ERRORS:
                    break
        return tuple(errors) if errors else None

    def _resolve(self, key: str, value: dict[str, object], errors: list[ParseError]) -> str | None:
        """Return the JSON name for a key that is not one itself, None if there is nothing to merge."""
        name = self._aliases.get(key)
        if name is None:
            if not self._ignore_unknown_fields:
                errors.append((f".{key}", "is not a field of this message"))
        elif value[key] is not None and value.get(name) is not None:
            errors.append((f".{key}", f'must not be given both as "{key}" and as "{name}"'))
            return None
        return name


def _takes_null(field: FieldDescriptor) -> bool:
    """Return whether null is a value of this field, and not its absence."""
    if field.is_repeated:
        return False
    message = field.message_type
    return is_null_value(field) if message is None else message.full_name == VALUE
