"""What answers are made of, read strictly: JSON, base64, messages. Each raises MalformedError for what is not that."""

import base64
import binascii
import json
import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz import due
from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.cases.messages import encoded

PRINTABLE = re.compile(r"[\x20-\x7e]*")
METADATA_KEY = re.compile(r"[0-9a-z_.-]+")

_DEEP = 400
"""JSON may be nested a hundred deep, which is more of a Struct's messages."""


class MalformedError(AssertionError):
    """An answer that breaks a rule."""


def require(holds: object, rule: str, *shown: object) -> None:
    """Raises MalformedError, naming the rule and showing what breaks it, unless it holds."""
    if not holds:
        raise MalformedError(": ".join([rule, *map(repr, shown)]))


def strict_json(body: bytes) -> Any:
    """RFC 8259, every key once."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError as error:
        raise MalformedError(f"the body is JSON: {error}: {body!r}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len({key for key, _ in pairs}) == len(pairs), "no key stands twice", pairs)
    return dict(pairs)


def _no_constant(text: str) -> None:
    raise MalformedError(f"{text} is no JSON")


def padded(text: bytes) -> bytes:
    """Base64 with its padding."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedError(f"text is base64: {error}: {text!r}") from None


def unpadded(text: str) -> bytes:
    """Base64 as it is emitted in headers."""
    require(not text.endswith("="), "base64 is emitted unpadded", text)
    return padded((text + "=" * (-len(text) % 4)).encode())


def response(method: MethodDescriptor, data: bytes) -> bytes:
    """A response's protobuf bytes, in the form that is the same for equal messages."""
    try:
        return encoded(GetMessageClass(method.output_type).FromString(data))
    except DecodeError as error:
        raise MalformedError(f"a message is a {method.output_type.full_name}: {error}: {data!r}") from None


def json_response(request: HttpInput, body: bytes) -> bytes:
    """The same of a response in JSON, by the first of the possible methods whose response it can be."""
    method = due.rpc(request)
    readings = [(route.method, route.response_body) for route in due.routes(request)]
    faults: list[str] = []
    for candidate, response_body in readings if method is None else [(method, "")]:
        message: Message = GetMessageClass(candidate.output_type)()
        pool = candidate.containing_service.file.pool
        text = b'{"%s":%s}' % (response_body.encode(), body) if response_body else body
        try:
            return encoded(json_format.Parse(text, message, descriptor_pool=pool, max_recursion_depth=_DEEP))
        except json_format.ParseError as error:
            faults.append(str(error))
    raise MalformedError(f"the body is the JSON of a response: {faults}: {body!r}")
