"""The beginning of a large message: a copy with few elements, in which to look for all that is wrong."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from rpcfront.transcoding.json.parse_errors import key_step


class Beginning:
    """A copy of a message with no more than `room` elements of lists and maps in all: the first ones."""

    def __init__(self, message: Message, room: int) -> None:
        self._room = room
        self._cut: list[str] = []
        """The paths of lists and maps that have lost elements, as violations name them."""
        self.copy = type(message)()
        type(message).CopyFrom(self.copy, message)
        self._shorten(self.copy, "")

    def is_whole(self, path: str) -> bool:
        """Return whether nothing was cut at a path or below it, so that a rule finds there what it would have found."""
        return path != "" and not any(cut == path or cut.startswith((f"{path}.", f"{path}[")) for cut in self._cut)

    def _shorten(self, message: Message, path: str) -> None:
        for field, value in type(message).ListFields(message):
            here = f"{path}.{field.name}" if path else field.name
            inner = field.message_type
            if not field.is_repeated:
                if inner is not None:
                    self._shorten(value, here)
            elif inner is not None and inner.GetOptions().map_entry:
                is_of_messages = inner.fields_by_name["value"].message_type is not None
                for key in self._shorten_elements(value, list(value), here, is_of_messages=is_of_messages):
                    del value[key]
            else:
                cut = self._shorten_elements(value, range(len(value)), here, is_of_messages=inner is not None)
                del value[len(value) - len(cut) :]

    def _shorten_elements(self, items: Any, keys: Sequence[Any], path: str, *, is_of_messages: bool) -> Sequence[Any]:
        """Return the keys, or the indices, for whose elements there is no room."""
        kept = 0
        while kept < len(keys) and self._room > 0:
            self._room -= 1
            if is_of_messages:
                self._shorten(items[keys[kept]], path + key_step(keys[kept]))
            kept += 1
        if kept < len(keys):
            self._cut.append(path)
        return keys[kept:]
