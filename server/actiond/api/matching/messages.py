"""What an evaluation is given of a message, and how large that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from actiond.api.matching.costs import Path

MAX_COPIED, MAX_ELEMENTS = 150_000, 20_000
"""Bytes and elements of a field that is copied. Messages of two bytes take 0.3 µs each."""
_ANY, _STRUCT = "google.protobuf.Any", "google.protobuf.Struct"
MAX_COUNTED = 100
"""Elements of a list whose size is counted. A longer one is taken to be as large as the message."""
MAX_TYPES = 1_000
"""Message types of which it is remembered whether they have an Any."""


class TooLargeError(Exception):
    """A field is larger than what is looked at."""


def only(message: Message, fields: frozenset[str]) -> Message:
    """Return a message with these fields alone, as far as it has them. Those of a google.protobuf.Struct are its keys.

    Raises TooLargeError where copying them would take long.
    """
    if message.DESCRIPTOR.full_name == _STRUCT:
        return _only_keys(message, fields)
    smaller = type(message)()
    for descriptor, value in message.ListFields():
        if descriptor.name not in fields or descriptor.is_extension:
            continue
        if descriptor.message_type is not None and not _is_copied_soon(value):
            raise TooLargeError(f"the field {descriptor.name} is too large")
        if descriptor.is_repeated:
            getattr(smaller, descriptor.name).MergeFrom(value)
        elif descriptor.message_type is not None:
            getattr(smaller, descriptor.name).CopyFrom(value)
        else:
            setattr(smaller, descriptor.name, value)
    return smaller


def _only_keys(struct: Any, keys: frozenset[str]) -> Message:
    smaller: Any = type(struct)()
    for key in keys:
        if key in struct.fields:
            if not _is_copied_soon(struct.fields[key]):
                raise TooLargeError(f"the field {key} is too large")
            smaller.fields[key].CopyFrom(struct.fields[key])
    result: Message = smaller
    return result


def _is_copied_soon(value: Any) -> bool:
    """Return whether a message, a list of messages or a map has few enough bytes and elements."""
    if isinstance(value, Message):
        return value.ByteSize() <= MAX_COPIED
    if len(value) > MAX_ELEMENTS:
        return False
    elements = value.values() if isinstance(value, Mapping) else value
    return sum(one.ByteSize() for one in elements if isinstance(one, Message)) <= MAX_COPIED


@lru_cache(maxsize=MAX_TYPES)
def has_any(descriptor: Descriptor) -> bool:
    """Return whether messages of a type may contain a google.protobuf.Any, at whatever depth."""
    seen: set[str] = set()
    left = [descriptor]
    while left:
        one = left.pop()
        if one.full_name == _ANY:
            return True
        if one.full_name not in seen:
            seen.add(one.full_name)
            left += [field.message_type for field in one.fields if field.message_type is not None]
    return False


def size_of(headers: Mapping[str, Sequence[str]]) -> int:
    """Return the size of headers in characters."""
    return sum(len(name) + sum(map(len, values)) for name, values in headers.items())


@dataclass(frozen=True, slots=True)
class RoughSizes:
    """Upper bounds of sizes, see costs.Sizes, that need no look into the message: each part may be the whole."""

    message: int
    headers: int
    may_have_any: bool

    def whole(self) -> int:
        return self.message + self.headers

    def structured(self) -> int:
        return self.message

    def size(self, path: Path) -> int:
        return self.headers if path[0] == "headers" else self.message

    def length(self, path: Path) -> int:
        return self.size(path)

    def is_message(self, _path: Path) -> bool:
        return True

    def is_any(self, _path: Path) -> bool:
        return self.may_have_any

    def has_any(self, _path: Path) -> bool:
        return self.may_have_any


class ExactSizes:
    """The sizes of the parts of a message and of headers, see costs.Sizes."""

    def __init__(self, message: Message | None, headers: Mapping[str, Sequence[str]]) -> None:
        self._message = message
        self._headers = headers
        self.message = 0 if message is None else message.ByteSize()
        self.headers = size_of(headers)
        self._known: dict[Path, int] = {}

    def whole(self) -> int:
        return self.message + self.headers

    def structured(self) -> int:
        if self._message is None:
            return 0
        texts = (value for _, value in self._message.ListFields() if isinstance(value, (str, bytes)))
        return max(0, self.message - sum(map(len, texts)))

    def size(self, path: Path) -> int:
        variable, *names = path
        if variable == "headers":
            return self.headers
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = _size(self._at(names), self.message)
        return known

    def length(self, path: Path) -> int:
        variable, *names = path
        value = self._headers if variable == "headers" else self._at(names)
        # An element takes a byte at least. Mappings of messages have a length too.
        return len(value) if hasattr(value, "__len__") else self.whole()

    def is_message(self, path: Path) -> bool:
        return self._type_at(path) is not _SCALAR

    def is_any(self, path: Path) -> bool:
        found = self._type_at(path)
        if isinstance(found, Descriptor):
            return found.full_name == _ANY
        return found is None and self._may_have_any()

    def has_any(self, path: Path) -> bool:
        found = self._type_at(path)
        if isinstance(found, Descriptor):
            return has_any(found)
        return found is None and self._may_have_any()

    def _may_have_any(self) -> bool:
        return self._message is not None and has_any(self._message.DESCRIPTOR)

    def _type_at(self, path: Path) -> Descriptor | object | None:
        """Return the type of a field, or of its elements: that of messages, or _SCALAR; None if it is not known."""
        if self._message is None or path[:1] == ("headers",):
            return _SCALAR
        if not path:
            return None
        found: Any = self._message.DESCRIPTOR
        for name in path[1:]:
            field = None if found is None else found.fields_by_name.get(name)
            if field is None:
                return None
            found = field.message_type
        return _SCALAR if found is None else found

    def _at(self, names: Sequence[str]) -> Any:
        """Return the value of a field within fields; None if that is not to be known, as an element of a list."""
        value: Any = self._message
        for name in names:
            if not isinstance(value, Message):
                return None
            field = value.DESCRIPTOR.fields_by_name.get(name)
            if field is None:
                return None
            value = getattr(value, name)
        return value


_SCALAR = object()


def _size(value: Any, whole: int) -> int:
    """Return the size of a field's value, or an upper bound: that of the whole where counting it would take long."""
    match value:
        case str():
            return len(value) if value.isascii() else 4 * len(value)
        case bytes():
            return len(value)
        case bool() | int() | float():
            return 8
        case Message():
            return int(value.ByteSize())
        case Sequence() if len(value) <= MAX_COUNTED:
            return sum(_size(element, whole) for element in value)
    return whole
