"""Keeps everything in this process: for tests and throw-away runs. Nothing of it outlives the process."""

from actiond.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
