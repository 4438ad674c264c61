"""The proto3 JSON codec, for every message type: JSON bytes into messages and back, and text into single fields.

Each type is compiled on its first use. What is wrong with the bytes raises MalformedJsonError; what is wrong with a
field is a FieldViolation, all of them at once, so that the caller can name them beside the rules that others break.
"""

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.decoder import Decoder
from rpcfront.transcoding.json.encoder import Encoder
from rpcfront.transcoding.json.parse_errors import NOT_AN_OBJECT, violations
from rpcfront.transcoding.json.ranges import range_violations
from rpcfront.transcoding.json.strict_json import InexactNumberError, MalformedJsonError, loads, loads_exactly
from rpcfront.transcoding.json.textfields import TextFields

__all__ = ["JsonCodec", "MalformedJsonError", "range_violations"]

_TOO_DEEP = "the message is nested too deep to be printed as JSON"


class JsonCodec:
    """Holds the compiled types; one per process is enough, and it is never finished with."""

    def __init__(self, *, ignore_unknown_fields: bool = True) -> None:
        self._decoder = Decoder(ignore_unknown_fields=ignore_unknown_fields)
        self._encoder = Encoder()
        self._texts = TextFields(self._decoder)

    def decode(self, body: bytes, message: Message) -> list[FieldViolation]:
        """Merges a JSON document into the message. Raises MalformedJsonError, for an empty body too."""
        document = loads(body)
        try:
            faults = self._decoder.merge(message, document)
        except InexactNumberError:
            faults = self._decoder.merge(message, loads_exactly(body))
        if faults is None:
            return []
        if faults is NOT_AN_OBJECT:
            raise MalformedJsonError("the body must be a JSON object")
        return violations(faults)

    def decode_field(self, body: bytes, message: Message, field: FieldDescriptor) -> list[FieldViolation]:
        """Sets one field from a body that is that field's JSON. Raises MalformedJsonError."""
        document = loads(body)
        try:
            faults = self._decoder.merge_field(message, field, document)
        except InexactNumberError:
            faults = self._decoder.merge_field(message, field, loads_exactly(body))
        return violations(faults or (), field.name)

    def parse_text(self, text: str, message: Message, field: FieldDescriptor, path: str) -> FieldViolation | None:
        """Sets a singular field, or appends to a repeated one, from a path variable or a query parameter."""
        wrong = self._texts.put(text, message, field)
        return None if wrong is None else FieldViolation(path, wrong)

    def encode(self, message: Message) -> bytes:
        """The message as compact proto3 JSON. Raises ValueError if it has none: a time out of range, say."""
        try:
            return orjson.dumps(self._encoder.to_json(message))
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise ValueError(_TOO_DEEP) from error

    def encode_field(self, message: Message, field: FieldDescriptor) -> bytes:
        """One field as JSON: null where it has presence and is absent, else its value, even a zero."""
        try:
            return orjson.dumps(self._encoder.field_to_json(message, field))
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise ValueError(_TOO_DEEP) from error
