"""The functions that put a JSON value into one field of a message: a scalar, a message, many of them, a map.

Each gets a field's name and how to read a value, and returns a function of (message, JSON value). Paths of faults start
at the field. A repeated field or a map is replaced, never appended to, so that a document merged twice is as one merged
once; a faulty element keeps its place, empty, so that whoever checks rules later names the others by their own index.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from rpcfront.transcoding.json.parse_errors import MOST, Fault, Faults, Merge, WrongFormError, below, key_step
from rpcfront.transcoding.json.scalars import Reader

_NOT_A_LIST: Faults = (("", "must be an array"),)
_NOT_A_MAP: Faults = (("", "must be an object"),)
_ZEROS = {FieldDescriptor.TYPE_STRING: "", FieldDescriptor.TYPE_BYTES: b""}


def scalar(name: str, read: Reader) -> Merge:
    """A singular scalar or enum."""

    def put(message: Any, value: object) -> Faults:
        try:
            setattr(message, name, read(value))
        except WrongFormError as wrong:
            return (("", str(wrong)),)
        return None

    return put


def scalars(field: FieldDescriptor, read: Reader) -> Merge:
    """A repeated scalar or enum."""
    name = field.name
    zero = field.enum_type.values[0].number if field.enum_type is not None else _ZEROS.get(field.type, 0)

    def put(message: Any, value: object) -> Faults:
        if type(value) is not list:
            return _NOT_A_LIST
        faults: list[Fault] = []
        elements = []
        for index, item in enumerate(value):
            try:
                elements.append(read(item))
            except WrongFormError as wrong:
                faults.append((f"[{index}]", str(wrong)))
                elements.append(zero)
                if len(faults) >= MOST:
                    break
        getattr(message, name)[:] = elements
        return tuple(faults) or None

    return put


def message(name: str, merge: Merge) -> Merge:
    """A singular message."""

    def put(parent: Any, value: object) -> Faults:
        return merge(getattr(parent, name), value)

    return put


def messages(name: str, merge: Merge) -> Merge:
    """A repeated message."""

    def put(parent: Any, value: object) -> Faults:
        if type(value) is not list:
            return _NOT_A_LIST
        parent.ClearField(name)
        add = getattr(parent, name).add
        faults: list[Fault] = []
        for index, item in enumerate(value):
            wrong = merge(add(), item)
            if wrong is not None:
                faults.extend(below(f"[{index}]", wrong))
                if len(faults) >= MOST:
                    break
        return tuple(faults) or None

    return put


def scalar_map(name: str, read_key: Callable[[str], object], read: Reader) -> Merge:
    """A map to scalars or enums."""

    def put_entry(entries: Any, key: object, item: object) -> Faults:
        entries[key] = read(item)
        return None

    return _map(name, read_key, put_entry)


def message_map(name: str, read_key: Callable[[str], object], merge: Merge) -> Merge:
    """A map to messages."""

    def put_entry(entries: Any, key: object, item: object) -> Faults:
        return merge(entries[key], item)

    return _map(name, read_key, put_entry)


def _map(name: str, read_key: Callable[[str], object], put_entry: Callable[[Any, object, object], Faults]) -> Merge:
    def put(parent: Any, value: object) -> Faults:
        if type(value) is not dict:
            return _NOT_A_MAP
        parent.ClearField(name)
        entries = getattr(parent, name)
        faults: list[Fault] = []
        for text, item in value.items():
            if len(faults) >= MOST:
                break
            try:
                key = read_key(text)
            except WrongFormError as wrong:
                faults.append((key_step(text), f"has a key that {wrong}"))
                continue
            try:
                inner = put_entry(entries, key, item)
            except WrongFormError as wrong:
                inner = (("", str(wrong)),)
            if inner is not None:
                faults.extend(below(key_step(key), inner))
        return tuple(faults) or None

    return put
