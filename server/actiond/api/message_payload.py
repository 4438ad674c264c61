"""What a target's answer makes of a message.

The answer is an object in proto3 JSON. Its fields replace those of the message, one by one. A field that is absent, or
null (but for google.protobuf.Value, which takes it), stays. A message within is merged in the same way; lists, maps and
types with a JSON form of their own are replaced whole.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront import FieldViolation, JsonCodec, has_special_json

M = TypeVar("M", bound=Message)


class AnswerError(ValueError):
    """The answer is no JSON object, does not fit the message, or makes it break its rules. Its text is for the log."""


class Merger:
    """Merges answers into messages of any type."""

    def __init__(self, codec: JsonCodec, validate: Callable[[Message], Sequence[FieldViolation]]) -> None:
        self._codec = codec
        self._validate = validate

    def merged(self, message: M, answer: bytes) -> M:
        """The message as the answer changes it; the one given stays as it is. Raises AnswerError."""
        if not answer.strip():
            return message
        changed = type(message)()
        changed.CopyFrom(message)
        try:
            document = orjson.loads(answer)
            _make_room(changed, document)
            violations = self._codec.decode(answer, changed) or self._validate(changed)
        except ValueError as error:
            raise AnswerError(f"is not a JSON object: {error}") from error
        if violations:
            raise AnswerError("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        return changed


def _make_room(message: Any, document: object) -> None:
    """Clears what the document gives anew and the codec would add to."""
    if not isinstance(document, dict):
        return
    fields = _fields(message.DESCRIPTOR)
    for key, value in document.items():
        field = fields.get(key)
        if field is None or value is None:
            continue
        inner = field.message_type
        if field.is_repeated or inner is None or has_special_json(inner):
            message.ClearField(field.name)
        elif message.HasField(field.name):
            _make_room(getattr(message, field.name), value)


def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.json_name, field.name)}
