"""Functions that set one field of a message from a JSON value: a scalar, a message, a list of either, a map.

Each takes a field's name and the reader of its values, and returns a function of (message, JSON value). Paths of errors
start at the field. Repeated fields and maps are replaced, not appended to, so that merging a document twice changes
nothing. An invalid element keeps its place, empty, so that rules checked later name the other ones by the right index.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from rpcfront.transcoding.json.parse_errors import (
    MAX_ERRORS,
    Merge,
    ParseError,
    ParseErrors,
    WrongFormError,
    below,
    key_step,
)
from rpcfront.transcoding.json.scalars import Reader

_NOT_A_LIST: ParseErrors = (("", "must be an array"),)
_NOT_A_MAP: ParseErrors = (("", "must be an object"),)
_ZEROS = {FieldDescriptor.TYPE_STRING: "", FieldDescriptor.TYPE_BYTES: b""}


def scalar(name: str, read: Reader) -> Merge:
    """Return the setter of a singular scalar or enum."""

    def put(message: Any, value: object) -> ParseErrors:
        try:
            setattr(message, name, read(value))
        except WrongFormError as wrong:
            return (("", str(wrong)),)
        return None

    return put


def scalars(field: FieldDescriptor, read: Reader) -> Merge:
    """Return the setter of a repeated scalar or enum."""
    name = field.name
    zero = field.enum_type.values[0].number if field.enum_type is not None else _ZEROS.get(field.type, 0)

    def put(message: Any, value: object) -> ParseErrors:
        if type(value) is not list:
            return _NOT_A_LIST
        errors: list[ParseError] = []
        elements = []
        for index, item in enumerate(value):
            try:
                elements.append(read(item))
            except WrongFormError as wrong:
                errors.append((f"[{index}]", str(wrong)))
                elements.append(zero)
                if len(errors) >= MAX_ERRORS:
                    break
        getattr(message, name)[:] = elements
        return tuple(errors) or None

    return put


def message(name: str, merge: Merge) -> Merge:
    """Return the setter of a singular message."""

    def put(parent: Any, value: object) -> ParseErrors:
        return merge(getattr(parent, name), value)

    return put


def messages(name: str, merge: Merge) -> Merge:
    """Return the setter of a repeated message."""

    def put(parent: Any, value: object) -> ParseErrors:
        if type(value) is not list:
            return _NOT_A_LIST
        type(parent).ClearField(parent, name)
        add = getattr(parent, name).add
        errors: list[ParseError] = []
        for index, item in enumerate(value):
            wrong = merge(add(), item)
            if wrong is not None:
                errors.extend(below(f"[{index}]", wrong))
                if len(errors) >= MAX_ERRORS:
                    break
        return tuple(errors) or None

    return put


def scalar_map(name: str, read_key: Callable[[str], object], read: Reader) -> Merge:
    """Return the setter of a map to scalars or enums."""

    def put_entry(entries: Any, key: object, item: object) -> ParseErrors:
        entries[key] = read(item)
        return None

    return _map(name, read_key, put_entry)


def message_map(name: str, read_key: Callable[[str], object], merge: Merge) -> Merge:
    """Return the setter of a map to messages."""

    def put_entry(entries: Any, key: object, item: object) -> ParseErrors:
        return merge(entries[key], item)

    return _map(name, read_key, put_entry)


def _map(
    name: str, read_key: Callable[[str], object], put_entry: Callable[[Any, object, object], ParseErrors]
) -> Merge:
    def put(parent: Any, value: object) -> ParseErrors:
        if type(value) is not dict:
            return _NOT_A_MAP
        type(parent).ClearField(parent, name)
        entries = getattr(parent, name)
        errors: list[ParseError] = []
        for text, item in value.items():
            if len(errors) >= MAX_ERRORS:
                break
            try:
                key = read_key(text)
            except WrongFormError as wrong:
                errors.append((key_step(text), f"has a key that {wrong}"))
                continue
            try:
                inner = put_entry(entries, key, item)
            except WrongFormError as wrong:
                inner = (("", str(wrong)),)
            if inner is not None:
                errors.extend(below(key_step(key), inner))
        return tuple(errors) or None

    return put
