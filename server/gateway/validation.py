"""The rules that stand in the proto as buf.validate annotations, checked by protovalidate."""

from collections.abc import Iterable

from google.protobuf.message import Message
from protovalidate import CompilationError, Validator
from protovalidate._gen.buf.validate.validate_pb import FieldPath

from server.gateway.methods import ServiceError
from server.gateway.status import FieldViolation


class Rules:
    """Checks messages against their rules. Made for the request types that will come, whose rules compile at once."""

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # One for each pool: a validator knows files by their names, which two pools may both have.
        self._validators: dict[object, Validator] = {}
        # For speed: a message's pool is four steps away.
        self._by_class: dict[type[Message], Validator] = {}
        for request_class in request_classes:
            try:
                self.violations(request_class())
            except CompilationError as error:
                raise ServiceError(f"{request_class.DESCRIPTOR.full_name}: {error}") from error

    def violations(self, message: Message) -> list[FieldViolation]:
        """The rules that `message` breaks; a field may be named more than once."""
        validator = self._by_class.get(type(message))
        if validator is None:
            pool = message.DESCRIPTOR.file.pool
            validator = self._validators.get(pool) or self._validators.setdefault(pool, Validator())
            self._by_class[type(message)] = validator
        broken = validator.collect_violations(message)
        if not broken:
            return []
        return [FieldViolation(_path(violation.proto.field), violation.proto.message) for violation in broken]


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
