"""protovalidate, which checks every rule and words every violation. Importing this module loads it."""

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import CompilationError, Validator, Violation
from protovalidate._gen.buf.validate.validate_pb import FieldPath

from rpcfront.calls.methods import ServiceError
from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.parse_errors import key_step
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.validation.annotations import reachable
from rpcfront.validation.beginning import Beginning

_USED = frozenset({"DESCRIPTOR", "HasField", "SerializeToString"})
"""What protovalidate asks of a message; it would get the value of a field of that name."""


def check_names(descriptor: Descriptor) -> None:
    """Raise ServiceError for a type that has rules, and a field whose name keeps protovalidate from checking them."""
    for part in reachable(descriptor):
        for field in part.fields:
            if field.name in _USED:
                raise ServiceError(f"{field.full_name}: a message with rules can have no field of this name")


class Engine:
    """Checks messages of any descriptor pool."""

    def __init__(self) -> None:
        # One for each pool: a validator knows files by their names, which two pools may both have.
        self._validators: dict[object, Validator] = {}
        # For speed: a message's pool is four steps away.
        self._by_class: dict[type[Message], Validator] = {}

    def compile(self, descriptor: Descriptor) -> None:
        """Compile the rules of a message type. Raises ServiceError, naming the type, for a rule that is none."""
        try:
            self._check(GetMessageClass(descriptor)())
        except CompilationError as error:
            raise ServiceError(f"{descriptor.full_name}: {error}") from error

    def violations(self, message: Message) -> list[FieldViolation]:
        """Return the rules that a message breaks; a field may be named more than once.

        Only a message's beginning is looked at for all of them; of what is behind it, only the first one is found.
        """
        if Beginning.is_all_of(message):
            return _named(self._check(message))
        first = _named(self._check(message, fail_fast=True))
        if not first:
            return []
        beginning = Beginning(message)
        found = _named(self._check(beginning.copy))
        return first + [violation for violation in found if beginning.is_whole(violation.field)]

    def _check(self, message: Message, *, fail_fast: bool = False) -> list[Violation]:
        validator = self._by_class.get(type(message))
        if validator is None:
            pool = descriptor_of(message).file.pool
            validator = self._validators.get(pool) or self._validators.setdefault(pool, Validator())
            self._by_class[type(message)] = validator
        return validator.collect_violations(message, fail_fast=fail_fast)


def _named(violations: list[Violation]) -> list[FieldViolation]:
    return [FieldViolation(_path(violation.proto.field), violation.proto.message) for violation in violations]


def _path(field: FieldPath | None) -> str:
    """Return the path in proto names: `sub.tags[1]`, `labels["key"]`; empty for a rule of the whole message."""
    if field is None:
        return ""
    return ".".join(element.field_name + _subscript(element.subscript) for element in field.elements)


def _subscript(subscript: object) -> str:
    return "" if subscript is None else key_step(getattr(subscript, "value", subscript))
