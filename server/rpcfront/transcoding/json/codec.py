"""The proto3 JSON codec, for every message type: JSON bytes into messages and back, and text into single fields.

Each type is compiled on first use. Malformed JSON raises MalformedJsonError. Errors in fields are returned, all at
once, as FieldViolations, so that they can be reported together with broken validation rules.
"""

from collections.abc import Collection

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
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
    """Converts between messages and JSON, and keeps the compiled types. One per process is enough."""

    def __init__(self, *, ignore_unknown_fields: bool = True, strict_packages: Collection[str] = ()) -> None:
        """Decode messages of `strict_packages`, proto packages, without ignoring unknown fields in any case."""
        self._decoder = Decoder(ignore_unknown_fields=ignore_unknown_fields, strict_packages=strict_packages)
        self._encoder = Encoder()
        self._texts = TextFields(self._decoder)

    def refuses_unknown_fields(self, descriptor: Descriptor) -> bool:
        """Return whether an object that is read as this message must have no unknown fields."""
        return not self._decoder.ignores_unknown_fields(descriptor)

    def decode(self, body: bytes, message: Message) -> list[FieldViolation]:
        """Merge a JSON document into the message. Raises MalformedJsonError, for an empty body as well."""
        document = loads(body)
        try:
            errors = self._decoder.merge(message, document)
        except InexactNumberError:
            errors = self._decoder.merge(message, loads_exactly(body))
        if errors is None:
            return []
        if errors is NOT_AN_OBJECT:
            raise MalformedJsonError("the body must be a JSON object")
        return violations(errors)

    def decode_field(self, body: bytes, message: Message, field: FieldDescriptor) -> list[FieldViolation]:
        """Set one field from a body that is the field's JSON. Raises MalformedJsonError."""
        document = loads(body)
        try:
            errors = self._decoder.merge_field(message, field, document)
        except InexactNumberError:
            errors = self._decoder.merge_field(message, field, loads_exactly(body))
        return violations(errors or (), field.name)

    def parse_text(self, text: str, message: Message, field: FieldDescriptor, path: str) -> FieldViolation | None:
        """Set a singular field, or append to a repeated one, from a path variable or a query parameter."""
        wrong = self._texts.put(text, message, field)
        return None if wrong is None else FieldViolation(path, wrong)

    def encode(self, message: Message) -> bytes:
        """Return the message as compact proto3 JSON. Raises ValueError if it has none: for a time out of range, say."""
        try:
            return orjson.dumps(self._encoder.to_json(message))
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise ValueError(_TOO_DEEP) from error

    def encode_field(self, message: Message, field: FieldDescriptor) -> bytes:
        """Return one field as JSON: null if it has presence and is absent, else its value, even a zero."""
        try:
            return orjson.dumps(self._encoder.field_to_json(message, field))
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise ValueError(_TOO_DEEP) from error
