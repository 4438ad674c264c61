"""Keeps everything in this process: for tests and throw-away runs. Nothing of it outlives the process."""

from server.storage.memory.store import MemoryStore

__all__ = ["MemoryStore"]
