"""Reads and writes the messages that other services pass on, as protobuf or as JSON."""

from collections.abc import Mapping

import orjson
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Struct

from actiond.api.json_message import JsonMessage
from actiond.api.message_payload import AnyMessage, MessageNotJsonError
from actiond.api.v1.errors import MessageInvalidError
from actiond.api.v1.structs import MAX_LEVELS, is_too_deep, object_of
from actiond.executions.json_fields import MAX_BYTES
from rpcfront import OFFLOAD_BYTES, JsonCodec, MalformedJsonError, run_in_turn

MAX_SHOWN = 3
"""Fields that an error about JSON names."""
_NEEDS_TYPES = (
    "must be sent as json: the server knows this method by its name alone, and needs its message types to read"
    " protobuf (--descriptor-set, --reflect)"
)


class Payloads:
    """Converts payloads; large ones on a thread."""

    def __init__(self) -> None:
        self._codec = JsonCodec(ignore_unknown_fields=False)

    async def read(self, payload: pb.Payload, message_class: type[Message], field: str, owner: str) -> Message:
        """Return the message of a payload of an owner's call. Raises MessageInvalidError, which names `field`."""
        if payload.ByteSize() < OFFLOAD_BYTES:
            return self._read(payload, message_class, field)
        return await run_in_turn(owner, self._read, payload, message_class, field)

    async def read_untyped(self, payload: pb.Payload, field: str, owner: str) -> JsonMessage:
        """Return the message of a method whose message types are not known. Raises MessageInvalidError."""
        if payload.WhichOneof("content") == "protobuf":
            raise MessageInvalidError(f"{field}.protobuf", _NEEDS_TYPES)
        return JsonMessage(await fields_of(payload.json, f"{field}.json", owner), payload.json)

    async def write(self, message: AnyMessage, sent: pb.Payload, owner: str) -> pb.Payload:
        """Return a payload with the message, in the form in which `sent` has it. Raises MessageNotJsonError."""
        if isinstance(message, JsonMessage):
            return pb.Payload(json=await as_struct(message.fields, owner))
        if sent.WhichOneof("content") == "protobuf":
            return pb.Payload(protobuf=message.SerializeToString())
        if message.ByteSize() < OFFLOAD_BYTES:
            return self._as_json(message)
        return await run_in_turn(owner, self._as_json, message)

    def _read(self, payload: pb.Payload, message_class: type[Message], field: str) -> Message:
        message = message_class()
        if payload.WhichOneof("content") == "protobuf":
            try:
                message.MergeFromString(payload.protobuf)
            except DecodeError:
                raise MessageInvalidError(
                    f"{field}.protobuf", f"must be a {message.DESCRIPTOR.full_name}, serialized"
                ) from None
            if not message.IsInitialized():
                raise MessageInvalidError(
                    f"{field}.protobuf", f"must have the required fields of {message.DESCRIPTOR.full_name}"
                )
            return message
        try:
            violations = self._codec.decode(orjson.dumps(object_of(payload.json)), message)
        except (ValueError, MalformedJsonError) as error:
            raise MessageInvalidError(f"{field}.json", str(error)) from error
        if violations:
            shown = (f"{violation.field}: {violation.description}" for violation in violations[:MAX_SHOWN])
            name = message.DESCRIPTOR.full_name
            raise MessageInvalidError(f"{field}.json", f"must be a {name} in proto3 JSON; {'; '.join(shown)}")
        return message

    def _as_json(self, message: Message) -> pb.Payload:
        encoded = self._codec.encode(message)
        if is_too_deep(orjson.loads(encoded)):
            raise MessageNotJsonError(
                message.DESCRIPTOR.full_name, f"a target has nested it in more than {MAX_LEVELS} levels"
            )
        payload = pb.Payload()
        self._codec.decode(encoded, payload.json)
        return payload


async def fields_of(struct: Struct, field: str, owner: str) -> Mapping[str, object]:
    """Return the JSON object of an owner's call. Raises MessageInvalidError, which names `field`."""
    if struct.ByteSize() < OFFLOAD_BYTES:
        return _fields_of(struct, field)
    return await run_in_turn(owner, _fields_of, struct, field)


def _fields_of(struct: Struct, field: str) -> Mapping[str, object]:
    try:
        fields = object_of(struct)
    except ValueError as error:
        raise MessageInvalidError(field, str(error)) from error
    if len(orjson.dumps(fields)) > MAX_BYTES:
        raise MessageInvalidError(field, f"must be at most {MAX_BYTES} bytes of JSON")
    return fields


async def as_struct(fields: Mapping[str, object], owner: str) -> Struct:
    """Return JSON values of an owner's call as a Struct."""
    encoded = orjson.dumps(fields)
    return struct_of(encoded) if len(encoded) < OFFLOAD_BYTES else await run_in_turn(owner, struct_of, encoded)


def struct_of(fields: bytes) -> Struct:
    """Return a JSON object as a Struct."""
    struct = Struct()
    _STRUCTS.decode(fields, struct)
    return struct


_STRUCTS = JsonCodec()
