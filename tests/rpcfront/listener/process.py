"""A listener in a process of its own, whose memory can be looked at. Run as a program, it serves until stdin ends."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import uvloop

from rpcfront import ConnectionLimits, Gateway, Limits
from rpcfront.protocols.http import HttpRequest, HttpResponse
from tests.rpcfront.listener import kinds
from tests.rpcfront.listener.listening import listening

MIB = 2**20
LARGE = MIB
"""Bytes of the response on /large."""
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class ServerProcess:
    """The process, seen from outside."""

    pid: int
    port: int
    log: Path

    def memory(self) -> int:
        """Return the resident memory now."""
        return self._field("VmRSS")

    def peak(self) -> int:
        """Return the largest resident memory since `begin`."""
        return self._field("VmHWM")

    def begin(self) -> int:
        """Return the resident memory now, and measure the peak from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self.memory()

    def _field(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"the process has no {name}")


@contextmanager
def server_process(limits: ConnectionLimits) -> Iterator[ServerProcess]:
    """Start a process that listens with these limits."""
    arguments = json.dumps({name: getattr(limits, name) for name in limits.__slots__})
    path = os.pathsep.join(str(_ROOT / folder) for folder in (".", "server", "generated"))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with (
            log.open("wb") as stderr,
            subprocess.Popen(
                [sys.executable, "-m", "tests.rpcfront.listener.process", arguments],
                env={**os.environ, "PYTHONPATH": path},
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line, log.read_text()
                yield ServerProcess(process.pid, int(line), log)
            finally:
                process.kill()


class Servicer(kinds.Iterators):
    """Whose `One` waits, and whose `Sum` reads nothing where the client asks for that."""

    async def One(self, request: Any, context: Any) -> Any:
        await asyncio.sleep(3600)

    async def Sum(self, requests: AsyncIterator[Any], context: Any) -> Any:
        if ("x-unread", "1") in context.invocation_metadata():
            await asyncio.sleep(3600)
        return await super().Sum(requests, context)


async def well() -> None:
    """Serve a probe."""


async def large(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("content-type", "application/octet-stream")], b"x" * LARGE)


async def wait(_request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(3600)
    return HttpResponse(200)


def gateway() -> Gateway:
    """Return what the process serves."""
    return Gateway(
        services=[(kinds.service(), Servicer())],
        limits=Limits(message_bytes=4 * MIB, read_seconds=2, concurrent_calls=20_000),
        probes={"/healthz": well},
        handlers={"/large": large, "/wait": wait},
    )


async def main(limits: dict[str, Any], stdin: IO[str]) -> None:
    async with listening(gateway(), ConnectionLimits(**limits)) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(stdin.read)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    uvloop.run(main(json.loads(sys.argv[1]), sys.stdin))
