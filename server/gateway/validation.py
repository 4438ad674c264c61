"""The rules that stand in the proto as buf.validate annotations, checked by protovalidate."""

from collections.abc import Iterable

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from protovalidate import CompilationError, Validator
from protovalidate._gen.buf.validate.validate_pb import FieldPath

from server.gateway.methods import ServiceError
from server.gateway.status import FieldViolation
from server.gateway.transcoding.wellknown import descriptor_of

_EXTENSION = b"\xba\x48"
"""The tag of buf.validate's extensions of fields, oneofs and messages, all of the number 1159."""


class Rules:
    """Checks messages against their rules. Made for the request types that will come, whose rules compile at once."""

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # One for each pool: a validator knows files by their names, which two pools may both have.
        self._validators: dict[object, Validator] = {}
        self._without: set[type[Message]] = set()
        # For speed: a message's pool is four steps away.
        self._by_class: dict[type[Message], Validator] = {}
        for request_class in request_classes:
            if not _has_rules(descriptor_of(request_class()), set()):
                self._without.add(request_class)
                continue
            try:
                self.violations(request_class())
            except CompilationError as error:
                raise ServiceError(f"{request_class.DESCRIPTOR.full_name}: {error}") from error

    def violations(self, message: Message) -> list[FieldViolation]:
        """The rules that `message` breaks; a field may be named more than once."""
        validator = self._by_class.get(type(message))
        if validator is None:
            if type(message) in self._without:
                return []
            pool = message.DESCRIPTOR.file.pool
            validator = self._validators.get(pool) or self._validators.setdefault(pool, Validator())
            self._by_class[type(message)] = validator
        broken = validator.collect_violations(message)
        if not broken:
            return []
        return [FieldViolation(_path(violation.proto.field), violation.proto.message) for violation in broken]


def _has_rules(descriptor: Descriptor, seen: set[Descriptor]) -> bool:
    """Whether a rule stands in a type or in what it is made of: looking for none costs a copy of the message."""
    if descriptor in seen:
        return False
    seen.add(descriptor)
    annotated = (descriptor, *descriptor.fields, *descriptor.oneofs)
    # As bytes: in the options of a descriptor from another pool the extension is not known. What merely looks like it
    # is looked at by protovalidate.
    if any(_EXTENSION in element.GetOptions().SerializeToString() for element in annotated):
        return True
    parts = (field.message_type for field in descriptor.fields if field.message_type is not None)
    return any(_has_rules(part, seen) for part in parts)


def _path(field: FieldPath | None) -> str:
    """The path in proto names: `sub.tags[1]`, `labels["key"]`; empty for a rule of the whole message."""
    if field is None:
        return ""
    return ".".join(element.field_name + _subscript(element.subscript) for element in field.elements)


def _subscript(subscript: object) -> str:
    if subscript is None:
        return ""
    value = getattr(subscript, "value", subscript)
    return f'["{value}"]' if isinstance(value, str) else f"[{str(value).lower()}]"
