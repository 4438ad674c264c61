"""The beginning of a large message: a copy with few elements, in which to look for all that is wrong."""

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
                self._shorten_map(value, here, has_messages=inner.fields_by_name["value"].message_type is not None)
            else:
                self._shorten_list(value, here, has_messages=inner is not None)

    def _shorten_list(self, items: Any, path: str, *, has_messages: bool) -> None:
        kept = 0
        while kept < len(items) and self._room > 0:
            self._room -= 1
            if has_messages:
                self._shorten(items[kept], f"{path}[{kept}]")
            kept += 1
        if kept < len(items):
            del items[kept:]
            self._cut.append(path)

    def _shorten_map(self, items: Any, path: str, *, has_messages: bool) -> None:
        for key in list(items):
            if self._room <= 0:
                del items[key]
                if self._cut[-1:] != [path]:
                    self._cut.append(path)
                continue
            self._room -= 1
            if has_messages:
                self._shorten(items[key], path + key_step(key))
