"""Which process has the other end of a connection on this machine."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def peer_process(port: int, candidates: Iterable[int]) -> int:
    """Return which of these processes has the socket whose local port this is."""
    inode = _inode_of(port)
    for pid in candidates:
        if f"socket:[{inode}]" in _open_files(pid):
            return pid
    raise AssertionError(f"none of the processes has port {port}")


def _inode_of(port: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            return fields[9]
    raise AssertionError(f"no connection has port {port}")


def _open_files(pid: int) -> set[str]:
    files = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            files.add(str(entry.readlink()))
    return files
