"""The rules that stand in the proto as buf.validate annotations, checked by protovalidate."""

from collections.abc import Iterable, Sequence

import protovalidate
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import CompilationError, Violation
from protovalidate._gen.buf.validate.validate_pb import FieldPath

from rpcfront.calls.methods import ServiceError
from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.validation.annotations import has_rules, reachable
from rpcfront.validation.fast_path.messages import Accept, Acceptors


class Validator:
    """Checks messages against their rules. Made for the request types that will come, whose rules compile at once."""

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # One for each pool: a validator knows files by their names, which two pools may both have.
        self._validators: dict[object, protovalidate.Validator] = {}
        # For speed: a message's pool is four steps away.
        self._by_class: dict[type[Message], protovalidate.Validator] = {}
        # For speed, too: most messages are right.
        self._accept: dict[type[Message], Accept] = {}
        acceptors = Acceptors()
        compiled: set[Descriptor] = set()
        for request_class in request_classes:
            descriptor = descriptor_of(request_class())
            self._compile([part for part in reachable(descriptor) if part not in compiled and has_rules(part)])
            compiled.update(reachable(descriptor))
            accept = acceptors.of(descriptor)
            if accept is not None:
                self._accept[request_class] = accept

    def _compile(self, descriptors: Iterable[Descriptor]) -> None:
        for descriptor in descriptors:
            try:
                self._broken(GetMessageClass(descriptor)())
            except CompilationError as error:
                raise ServiceError(f"{descriptor.full_name}: {error}") from error

    def violations(self, message: Message) -> Sequence[FieldViolation]:
        """The rules that `message` breaks; a field may be named more than once."""
        accept = self._accept.get(type(message))
        if accept is not None and accept(message):
            return ()
        broken = self._broken(message)
        return [FieldViolation(_path(violation.proto.field), violation.proto.message) for violation in broken]

    def _broken(self, message: Message) -> list[Violation]:
        validator = self._by_class.get(type(message))
        if validator is None:
            pool = message.DESCRIPTOR.file.pool
            validator = self._validators.get(pool) or self._validators.setdefault(pool, protovalidate.Validator())
            self._by_class[type(message)] = validator
        return validator.collect_violations(message)


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
