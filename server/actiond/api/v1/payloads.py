"""Reads and writes the messages that other services pass on, as protobuf or as proto3 JSON."""

import orjson
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Struct

from actiond.api.message_payload import MessageNotJsonError
from actiond.api.v1.errors import MessageInvalidError
from actiond.api.v1.structs import MAX_LEVELS, is_too_deep, object_of
from rpcfront import OFFLOAD_BYTES, JsonCodec, MalformedJsonError, run_in_turn

MAX_SHOWN = 3
"""Fields that an error about JSON names."""


class Payloads:
    """Converts payloads; large ones on a thread."""

    def __init__(self) -> None:
        self._codec = JsonCodec(ignore_unknown_fields=False)

    async def read(self, payload: pb.Payload, message_class: type[Message], field: str, owner: str) -> Message:
        """Return the message of a payload of an owner's call. Raises MessageInvalidError, which names `field`."""
        if payload.ByteSize() < OFFLOAD_BYTES:
            return self._read(payload, message_class, field)
        return await run_in_turn(owner, self._read, payload, message_class, field)

    async def write(self, message: Message, sent: pb.Payload, owner: str) -> pb.Payload:
        """Return a payload with the message, in the form in which `sent` has it. Raises MessageNotJsonError."""
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


def struct_of(fields: bytes) -> Struct:
    """Return a JSON object as a Struct."""
    struct = Struct()
    _STRUCTS.decode(fields, struct)
    return struct


_STRUCTS = JsonCodec()
