"""The payload of an execution that runs around an API call: a message, and what a response makes of it.

The body of a target's response is an object in proto3 JSON. Its fields replace those of the message, one by one. A
field that is absent or null keeps its value, except that google.protobuf.Value takes null. A nested message is merged
in the same way; lists, maps and types with a special JSON form are replaced as a whole. That is so for protobuf
messages; json_message.py has those whose type is not known.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from actiond.api.json_message import JsonMessage
from actiond.fairness import FairSlots
from rpcfront import OFFLOAD_BYTES, FieldViolation, JsonCodec, has_special_json, run_in_offload_pool

MAX_SHOWN = 3
"""Violations that an error repeats. The path of each may be as long as the response."""

AnyMessage = Message | JsonMessage
M = TypeVar("M", bound=AnyMessage)
P = TypeVar("P", bound=Message)
T = TypeVar("T")


IsStopped = Callable[[], bool]
"""Whether nobody wants the result any more."""


class ResponseBodyError(ValueError):
    """The response's body is not a JSON object, does not fit the message, or breaks its rules. For the log only."""


@dataclass(eq=False)
class MessageNotJsonError(Exception):
    """A message has no JSON form: it holds a time that is out of range, say, or too many levels."""

    message_type: str
    reason: str


class Merger:
    """Encodes messages of any type, and merges responses into them; large ones on a thread, not on the event loop.

    A thread cannot be interrupted. So its work is bounded by the size of the response, stops between two steps once
    nobody waits for it, and is done for one execution at a time, for which owners take turns: however large the
    responses of an owner's targets, those of others wait for one of them at most.
    """

    def __init__(self, codec: JsonCodec, validate: Callable[[Message], Sequence[FieldViolation]]) -> None:
        self._codec = codec
        self._validate = validate
        self._turns = FairSlots(1)

    async def encode(self, message: AnyMessage, owner: str) -> bytes:
        """Return a message of an owner's call as JSON. Raises MessageNotJsonError."""
        if isinstance(message, JsonMessage):
            return message.encoded()
        try:
            if message.ByteSize() < OFFLOAD_BYTES:
                return self._codec.encode(message)
            return await self._offload(owner, lambda _is_stopped: self._codec.encode(message))
        except ValueError as error:
            raise MessageNotJsonError(message.DESCRIPTOR.full_name, str(error)) from error

    async def merge(self, message: M, response_body: bytes, owner: str) -> M:
        """Return the message as the response body changes it, or itself. `message` stays unchanged.

        Raises ResponseBodyError.
        """
        if isinstance(message, JsonMessage):
            return cast("M", _merged_json(message, response_body))
        if len(response_body) < OFFLOAD_BYTES and message.ByteSize() < OFFLOAD_BYTES:
            return cast("M", self.merged(message, response_body))
        return cast("M", await self._offload(owner, partial(self.merged, message, response_body)))

    def merged(self, message: P, response_body: bytes, is_stopped: IsStopped = lambda: False) -> P:
        """Merge like `merge`, on the calling thread. Raises ResponseBodyError too if it was stopped."""
        if not response_body.strip():
            return message
        changed = type(message)()
        changed.CopyFrom(message)
        try:
            document = orjson.loads(response_body)
            _clear_replaced(changed, document)
            _go_on(is_stopped)
            violations: Sequence[FieldViolation] = self._codec.decode(response_body, changed)
            _go_on(is_stopped)
            violations = violations or self._validate(changed)
        except ValueError as error:
            raise ResponseBodyError(f"is not a JSON object: {error}") from error
        if violations:
            shown = (f"{violation.field}: {violation.description}" for violation in violations[:MAX_SHOWN])
            raise ResponseBodyError(f"{len(violations)} fields are wrong: {'; '.join(shown)}")
        # A response may say nothing else than was sent. Then the bytes of the message need not be written anew.
        return message if changed == message else changed

    async def _offload(self, owner: str, work: Callable[[IsStopped], T]) -> T:
        """Return what `work` returns, run in the pool when it is the owner's turn."""
        await self._turns.acquire(owner)
        stop = threading.Event()
        running = asyncio.ensure_future(run_in_offload_pool(work, stop.is_set))
        # The turn ends with the work, also if the caller is cancelled before.
        running.add_done_callback(partial(self._end_turn, owner))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            raise

    def _end_turn(self, owner: str, _running: "asyncio.Future[Any]") -> None:
        self._turns.release(owner)


def _merged_json(message: JsonMessage, response_body: bytes) -> JsonMessage:
    try:
        return message.merged(response_body)
    except ValueError as error:
        raise ResponseBodyError(str(error)) from error


def _go_on(is_stopped: IsStopped) -> None:
    if is_stopped():
        raise ResponseBodyError("nobody waits for it any more")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a request body around the message."""

    name: str
    """The key of the message: `request` or `response`."""
    fields: Mapping[str, object]
    """The keys before it, with values that orjson can serialize."""
    headers: Mapping[str, Sequence[str]]
    """Values by name, of the call's headers that targets see."""
    owner: str
    """The resource owner of the call."""


class MessagePayload(Generic[M]):
    """A Payload of a message, encoded once, when the first target is called."""

    def __init__(self, merger: Merger, envelope: Envelope, message: M) -> None:
        self.message = message
        self._merger = merger
        self._envelope = envelope
        self._body = b""

    async def body(self) -> bytes:
        if not self._body:
            encoded = orjson.Fragment(await self._merger.encode(self.message, self._envelope.owner))
            body = {**self._envelope.fields, self._envelope.name: encoded}
            if self._envelope.headers:
                body["headers"] = self._envelope.headers
            self._body = orjson.dumps(body)
        return self._body

    async def merged(self, response_body: bytes) -> Self:
        message = await self._merger.merge(self.message, response_body, self._envelope.owner)
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
