"""Which process has the other end of a connection on this machine."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def peer_process(port: int, candidates: Iterable[int]) -> int:
    """Return which of these processes has a socket whose local port this is."""
    candidates = list(candidates)
    for _ in range(5):  # the table may miss a line while others come and go
        # Several sockets may have it, each connected to another address.
        sockets = {f"socket:[{inode}]" for inode in _inodes_of(port)}
        for pid in candidates:
            if sockets & _open_files(pid):
                return pid
    raise AssertionError(f"none of the processes has port {port}")


def _inodes_of(port: int) -> Iterator[str]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]


def _open_files(pid: int) -> set[str]:
    files = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            files.add(str(entry.readlink()))
    return files
