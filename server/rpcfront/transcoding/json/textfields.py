"""Sets fields from text, that is from path variables and query parameters, by the rules of google.api.http.

Works for scalars, enums, and the well-known types whose JSON is a string or a scalar.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from rpcfront.transcoding.json.decoder import Decoder
from rpcfront.transcoding.json.parse_errors import Merge, WrongFormError
from rpcfront.transcoding.json.scalars import text_reader
from rpcfront.transcoding.json.wellknown import is_wrapper

Put: TypeAlias = Callable[[Any, str], str | None]
"""Sets or appends. Returns what is wrong with the text, None if nothing is."""

_JSON_STRINGS = frozenset(f"google.protobuf.{name}" for name in ("Duration", "FieldMask", "Timestamp"))


class TextFields:
    """The compiled setters of fields."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._puts: dict[FieldDescriptor, Put] = {}

    def put(self, text: str, message: Message, field: FieldDescriptor) -> str | None:
        """Set a singular field, append to a repeated one. Returns what is wrong with the text, None if nothing is."""
        # Text that was percent-decoded is valid; protobuf fails on surrogates.
        if not text.isascii() and text.encode(errors="replace").decode() != text:
            return "must be text in UTF-8"
        put = self._puts.get(field)
        if put is None:
            put = self._puts[field] = self._compile(field)
        return put(message, text)

    def _compile(self, field: FieldDescriptor) -> Put:
        inner = field.message_type
        if inner is None:
            return _scalar(field, text_reader(field))
        if is_wrapper(inner):
            return _message(field, _wrapper_merge(text_reader(inner.fields_by_name["value"])))
        if inner.full_name in _JSON_STRINGS:
            return _message(field, self._decoder.type_merge(inner))
        return _refuse


def _refuse(_message: Any, _text: str) -> str:
    return "must not be given as a whole in a path or a query: it is a message or a map"


def _scalar(field: FieldDescriptor, read: Callable[[str], object]) -> Put:
    name, repeated = field.name, field.is_repeated

    def put(message: Any, text: str) -> str | None:
        try:
            value = read(text)
            if repeated:
                getattr(message, name).append(value)
            else:
                setattr(message, name, value)
        except WrongFormError as wrong:
            return str(wrong)
        return None

    return put


def _message(field: FieldDescriptor, merge: Merge) -> Put:
    name, repeated = field.name, field.is_repeated

    def put(message: Any, text: str) -> str | None:
        # A merge that returns an error has set nothing, so only an appended element must be removed.
        values = getattr(message, name)
        errors = merge(values.add() if repeated else values, text)
        if errors is None:
            return None
        if repeated:
            del values[-1]
        return errors[0][1]

    return put


def _wrapper_merge(read: Callable[[str], object]) -> Merge:
    def merge(message: Any, text: Any) -> tuple[tuple[str, str]] | None:
        try:
            message.value = read(text)
        except WrongFormError as wrong:
            return (("", str(wrong)),)
        message.SetInParent()
        return None

    return merge
