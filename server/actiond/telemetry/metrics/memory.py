"""Numbers in memory that the workers share: each writes to a region of its own, any of them reads all regions.

The mapping is anonymous and made before the workers are forked. So it needs no file, nothing is left behind however
the processes end, and the replacement of a killed worker goes on from its counts. This module knows nothing of metrics,
and loads nothing else: the supervisor makes the memory.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

REGION_BYTES = 16 * 1024 * 1024
"""Per worker. Reserved address space; untouched pages cost nothing."""

_WORD = 8
_PROCESS, _END, _FIRST = 0, 1, 2
"""Words of a region: the id of the process that writes to it, where its rows end, and where they begin."""
_HEAD = struct.Struct("=qq")
"""The head of a row: the length of its key in bytes, and how many cells follow."""

Row = tuple[bytes, list[float]]


class Region:
    """Rows of numbers, each found by its key. One thread of one process adds rows; any process reads them.

    A number is one aligned word, so a reader sees the old or the new one and nothing in between.
    """

    def __init__(self, view: memoryview) -> None:
        self._bytes = view
        self._words = view.cast("q")
        self._numbers = view.cast("d")
        self._places: dict[bytes, tuple[int, int]] = {}

    def claim(self) -> None:
        """Make this process the writer. It goes on from the numbers of the one before it."""
        self._words[_PROCESS] = os.getpid()
        self._places = {key: (start, end) for key, start, end in self._walk()}

    @property
    def process(self) -> int | None:
        """The process that writes here; None before the first one and after the last one has died."""
        process = self._words[_PROCESS]
        return process if process and Path(f"/proc/{process}").exists() else None

    def row(self, key: bytes, cells: int) -> "memoryview[float] | None":
        """Return the numbers of a row, to be changed in place; a new row's are 0. None when the region is full."""
        if key not in self._places and not self._add(key, cells):
            return None
        start, end = self._places[key]
        return self._numbers[start:end]

    def rows(self) -> Iterator[Row]:
        """Yield every row as it is now."""
        for key, start, end in self._walk():
            yield key, list(self._numbers[start:end])

    def _add(self, key: bytes, cells: int) -> bool:
        # In one go, zeros too: a worker killed in the middle of this may have left anything here.
        row = _HEAD.pack(len(key), cells) + key + bytes(-len(key) % _WORD + cells * _WORD)
        start = self._words[_END] or _FIRST
        end = start + len(row) // _WORD
        if end > len(self._words):
            return False
        self._bytes[start * _WORD : end * _WORD] = row
        self._places[key] = (end - cells, end)
        self._words[_END] = end  # only now does a reader see it
        return True

    def _walk(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield each row's key, and where its numbers start and end."""
        place, last = _FIRST, self._words[_END]
        while place < last:
            length, cells = self._words[place : place + 2]
            key = (place + 2) * _WORD
            end = place + 2 + -(-length // _WORD) + cells
            yield bytes(self._bytes[key : key + length]), end - cells, end
            place = end


class Memory:
    """A region for each worker, by the worker's number, counted from 1."""

    def __init__(self, workers: int = 1, region_bytes: int = REGION_BYTES) -> None:
        view = memoryview(mmap.mmap(-1, workers * region_bytes))
        cuts = range(0, workers * region_bytes, region_bytes)
        self.regions = {number: Region(view[cut : cut + region_bytes]) for number, cut in enumerate(cuts, start=1)}
