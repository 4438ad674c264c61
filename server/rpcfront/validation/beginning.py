"""The beginning of a large message: a copy with few parts, in which to look for all that is wrong."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from rpcfront.transcoding.json.parse_errors import key_step

MAX_PARTS = 1_000
"""Parts of a message whose violations are all looked for: messages in it, and elements of its lists and maps.

A violation costs a thousand times what the part does that it is about.
"""


class Beginning:
    """A copy of a message with no more than MAX_PARTS parts: the first ones."""

    @staticmethod
    def is_all_of(message: Message) -> bool:
        """Return whether a message certainly has no more parts than its beginning: none is smaller than a byte."""
        return len(type(message).SerializePartialToString(message)) <= MAX_PARTS

    def __init__(self, message: Message) -> None:
        self._room = MAX_PARTS
        self._incomplete: set[str] = set()
        """The paths, as violations name them, of whatever has lost something, or of which a part has."""
        self.copy = type(message)()
        type(message).CopyFrom(self.copy, message)
        self._shorten(self.copy, "")

    def is_whole(self, path: str) -> bool:
        """Return whether nothing was cut at a path or below it, so that a rule finds there what it would have found."""
        return path not in self._incomplete

    def _shorten(self, message: Message, path: str) -> bool:
        """Cut what there is no room for. Return whether anything was cut."""
        is_cut = False
        for field, value in type(message).ListFields(message):
            here = f"{path}.{field.name}" if path else field.name
            inner = field.message_type
            if field.is_repeated:
                is_shorter = self._shorten_many(value, inner, here)
            elif inner is None:
                continue
            elif self._room > 0:
                self._room -= 1
                is_shorter = self._shorten(value, here)
            else:
                type(message).ClearField(message, field.name)
                is_shorter = True
            if is_shorter:
                self._incomplete.add(here)
                is_cut = True
        if is_cut:
            self._incomplete.add(path)
        return is_cut

    def _shorten_many(self, items: Any, inner: Any, path: str) -> bool:
        is_map = inner is not None and inner.GetOptions().map_entry
        is_of_messages = (inner.fields_by_name["value"].message_type if is_map else inner) is not None
        keys: Sequence[Any] = list(items) if is_map else range(len(items))
        kept, is_cut = 0, False
        while kept < len(keys) and self._room > 0:
            self._room -= 1
            if is_of_messages and self._shorten(items[keys[kept]], path + key_step(keys[kept])):
                is_cut = True
            kept += 1
        if kept == len(keys):
            return is_cut
        if is_map:
            for key in keys[kept:]:
                del items[key]
        else:
            del items[kept:]
        return True
