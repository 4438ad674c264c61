"""The in-memory store, for tests and trial runs. Its data is lost when the process ends."""

from actiond.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
