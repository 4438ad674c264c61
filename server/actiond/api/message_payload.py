"""The payload of an execution that runs around an API call: a protobuf message, and what a response makes of it.

The body of a target's response is an object in proto3 JSON. Its fields replace those of the message, one by one. A
field that is absent, or null (but for google.protobuf.Value, which takes it), keeps its value. A message within is
merged in the same way; lists, maps and types with a JSON form of their own are replaced as a whole.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront import OFFLOAD_BYTES, FieldViolation, JsonCodec, has_special_json, run_in_offload_pool

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class AnswerError(ValueError):
    """The response is no JSON object, does not fit the message, or breaks its rules. Its text is for the log only."""


class Merger:
    """Encodes messages of any type, and merges responses into them; large ones on a thread, not on the event loop."""

    def __init__(self, codec: JsonCodec, validate: Callable[[Message], Sequence[FieldViolation]]) -> None:
        self._codec = codec
        self._validate = validate

    async def encode(self, message: Message) -> bytes:
        """Return a message as JSON."""
        if message.ByteSize() < OFFLOAD_BYTES:
            return self._codec.encode(message)
        return await run_in_offload_pool(self._codec.encode, message)

    async def merge(self, message: M, answer: bytes) -> M:
        """Return the message as the response changes it; the one given is not changed. Raises AnswerError."""
        if len(answer) < OFFLOAD_BYTES:
            return self.merged(message, answer)
        return await run_in_offload_pool(self.merged, message, answer)

    def merged(self, message: M, answer: bytes) -> M:
        """Do the same at once."""
        if not answer.strip():
            return message
        changed = type(message)()
        changed.CopyFrom(message)
        try:
            document = orjson.loads(answer)
            _clear_replaced(changed, document)
            violations = self._codec.decode(answer, changed) or self._validate(changed)
        except ValueError as error:
            raise AnswerError(f"is not a JSON object: {error}") from error
        if violations:
            raise AnswerError("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        return changed


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a body says beside the message."""

    name: str
    """The key of the message: `request` or `response`."""
    facts: Mapping[str, object]
    """The other keys, with values that orjson takes."""


class MessagePayload(Generic[M]):
    """See Payload. Encoded once, when the first target is called."""

    def __init__(self, merger: Merger, envelope: Envelope, message: M) -> None:
        self.message = message
        self._merger = merger
        self._envelope = envelope
        self._body = b""

    async def body(self) -> bytes:
        if not self._body:
            encoded = orjson.Fragment(await self._merger.encode(self.message))
            self._body = orjson.dumps({**self._envelope.facts, self._envelope.name: encoded})
        return self._body

    async def merged(self, answer: bytes) -> Self:
        message = await self._merger.merge(self.message, answer)
        return self if message is self.message else type(self)(self._merger, self._envelope, message)


def _clear_replaced(message: Any, document: object) -> None:
    """Clear the fields that the document replaces and that the codec would add to."""
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
            _clear_replaced(getattr(message, field.name), value)


def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.json_name, field.name)}
