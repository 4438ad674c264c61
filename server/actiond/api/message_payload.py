"""The payload of an execution that runs around an API call: a protobuf message, and what a response makes of it.

The body of a target's response is an object in proto3 JSON. Its fields replace those of the message, one by one. A
field that is absent or null keeps its value, except that google.protobuf.Value takes null. A nested message is merged
in the same way; lists, maps and types with a special JSON form are replaced as a whole.
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


class ResponseBodyError(ValueError):
    """The response's body is not a JSON object, does not fit the message, or breaks its rules. For the log only."""


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

    async def merge(self, message: M, response_body: bytes) -> M:
        """Return the message as the response body changes it; `message` stays unchanged. Raises ResponseBodyError."""
        if len(response_body) < OFFLOAD_BYTES:
            return self.merged(message, response_body)
        return await run_in_offload_pool(self.merged, message, response_body)

    def merged(self, message: M, response_body: bytes) -> M:
        """Merge like `merge`, on the calling thread."""
        if not response_body.strip():
            return message
        changed = type(message)()
        changed.CopyFrom(message)
        try:
            document = orjson.loads(response_body)
            _clear_replaced(changed, document)
            violations = self._codec.decode(response_body, changed) or self._validate(changed)
        except ValueError as error:
            raise ResponseBodyError(f"is not a JSON object: {error}") from error
        if violations:
            raise ResponseBodyError(
                "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
            )
        return changed


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a request body around the message."""

    name: str
    """The key of the message: `request` or `response`."""
    fields: Mapping[str, object]
    """The other keys, with values that orjson can serialize."""


class MessagePayload(Generic[M]):
    """A Payload of a protobuf message, encoded once, when the first target is called."""

    def __init__(self, merger: Merger, envelope: Envelope, message: M) -> None:
        self.message = message
        self._merger = merger
        self._envelope = envelope
        self._body = b""

    async def body(self) -> bytes:
        if not self._body:
            encoded = orjson.Fragment(await self._merger.encode(self.message))
            self._body = orjson.dumps({**self._envelope.fields, self._envelope.name: encoded})
        return self._body

    async def merged(self, response_body: bytes) -> Self:
        message = await self._merger.merge(self.message, response_body)
        return self if message is self.message else type(self)(self._merger, self._envelope, message)


def _clear_replaced(message: Any, document: object) -> None:
    """Clear the fields that the document replaces, because the codec would append to or merge into them."""
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
