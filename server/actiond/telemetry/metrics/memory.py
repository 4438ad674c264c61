"""Counters in memory shared by the workers: each worker writes to its own region, and any worker reads all regions.

The mapping is anonymous and made before the workers are forked. So it needs no file, leaves nothing behind however the
processes end, and keeps the counts of a killed worker for its replacement. The supervisor makes it, so this module
imports nothing beyond the standard library.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

REGION_BYTES = 16 * 1024 * 1024
"""Size of a worker's region. It reserves address space; untouched pages cost no memory."""

_WORD = 8
_PROCESS, _END, _FIRST = 0, 1, 2
"""Word offsets in a region: the id of the process that writes to it, the end of its rows, and their start."""
_ROW_HEADER = struct.Struct("=qq")
"""The length of a row's key in bytes, and the number of its cells."""

Row = tuple[bytes, list[float]]


class Region:
    """One worker's rows of cells, each with a key. One thread of one process adds rows; any process reads them.

    A cell is one aligned word, so a reader sees either its old or its new value.
    """

    def __init__(self, view: memoryview) -> None:
        self._bytes = view
        self._words = view.cast("q")
        self._cells = view.cast("d")
        self._ranges: dict[bytes, tuple[int, int]] = {}

    def claim(self) -> None:
        """Make this process the writer. It continues from the values that the one before it left."""
        self._words[_PROCESS] = os.getpid()
        self._ranges = {key: (start, end) for key, start, end in self._walk()}

    @property
    def process(self) -> int | None:
        """Id of the process that writes here; None before the first claim and once that process has ended."""
        process = self._words[_PROCESS]
        return process if process and Path(f"/proc/{process}").exists() else None

    def row(self, key: bytes, cells: int) -> "memoryview[float] | None":
        """Return a row's cells, to be written in place; a new row's are 0. Return None if the region is full."""
        if key not in self._ranges and not self._add(key, cells):
            return None
        start, end = self._ranges[key]
        return self._cells[start:end]

    def rows(self) -> Iterator[Row]:
        """Yield every row with its current values."""
        for key, start, end in self._walk():
            yield key, list(self._cells[start:end])

    def _add(self, key: bytes, cells: int) -> bool:
        # In one write, zeros included: a worker killed in the middle of this may have left anything here.
        row = _ROW_HEADER.pack(len(key), cells) + key + bytes(-len(key) % _WORD + cells * _WORD)
        start = self._words[_END] or _FIRST
        end = start + len(row) // _WORD
        if end > len(self._words):
            return False
        self._bytes[start * _WORD : end * _WORD] = row
        self._ranges[key] = (end - cells, end)
        self._words[_END] = end  # publishes the row to readers
        return True

    def _walk(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield each row's key and the range of its cells, in words."""
        position, last = _FIRST, self._words[_END]
        while position < last:
            length, cells = self._words[position : position + 2]
            key = (position + 2) * _WORD
            end = position + 2 + -(-length // _WORD) + cells
            yield bytes(self._bytes[key : key + length]), end - cells, end
            position = end


class Memory:
    """The shared mapping, divided into one region for each worker. Workers are numbered from 1."""

    def __init__(self, workers: int = 1, region_bytes: int = REGION_BYTES) -> None:
        view = memoryview(mmap.mmap(-1, workers * region_bytes))
        starts = range(0, workers * region_bytes, region_bytes)
        self.regions = {
            number: Region(view[start : start + region_bytes]) for number, start in enumerate(starts, start=1)
        }
