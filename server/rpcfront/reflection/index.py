"""Finds files by what they define."""

from collections.abc import Iterable

from google.protobuf.descriptor import FileDescriptor

from rpcfront.reflection.files import serialized
from rpcfront.reflection.symbols import extensions, messages, symbols

Files = tuple[bytes, ...]
"""Serialized FileDescriptorProtos: a file, then all that it imports, directly or not."""


class Index:
    """An index of some files and all that they import.

    It is made once and only read afterwards: no request, whatever it asks for, makes it grow or costs more than a
    lookup.
    """

    def __init__(self, files: Iterable[FileDescriptor]) -> None:
        """Raise ValueError if two files of one name differ."""
        self._serialized: dict[str, bytes] = {}
        self._closures: dict[str, tuple[str, ...]] = {}
        self._symbols: dict[str, str] = {}
        self._extensions: dict[str, dict[int, str]] = {}
        for file in files:
            self._add(file)

    def by_filename(self, name: str) -> Files | None:
        """Return the file of this name."""
        closure = self._closures.get(name)
        return None if closure is None else tuple(self._serialized[imported] for imported in closure)

    def by_symbol(self, symbol: str) -> Files | None:
        """Return the file that defines a symbol, given its full name."""
        return self.by_filename(self._symbols.get(symbol, ""))

    def by_extension(self, message: str, number: int) -> Files | None:
        """Return the file that defines the extension of a message with this field number."""
        return self.by_filename(self._extensions.get(message, {}).get(number, ""))

    def extension_numbers(self, message: str) -> list[int] | None:
        """Return the field numbers of all known extensions of a message; None if the message is unknown."""
        numbers = self._extensions.get(message)
        return None if numbers is None else sorted(numbers)

    def _add(self, file: FileDescriptor) -> None:
        content = serialized(file)
        known = self._serialized.setdefault(file.name, content)
        if known is not content:
            if known != content:
                raise ValueError(f"there are two files called {file.name}, which differ")
            return
        for imported in file.dependencies:
            self._add(imported)
        # A dict keeps the order and has each file once.
        closure: dict[str, None] = {file.name: None}
        for imported in file.dependencies:
            closure.update(dict.fromkeys(self._closures[imported.name]))
        self._closures[file.name] = tuple(closure)
        for symbol in symbols(file):
            self._symbols.setdefault(symbol, file.name)
        for message in messages(file):
            self._extensions.setdefault(message.full_name, {})
        for extension in extensions(file):
            if extension.containing_type is not None:  # as every extension has one, this is for its type alone
                extended = self._extensions.setdefault(extension.containing_type.full_name, {})
                extended.setdefault(extension.number, file.name)
