"""Hundreds of clients that behave badly, while others go on calling: the calls keep their time, and nothing stays."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.overload.watch import Caller, Footprint, Latencies, footprint_when
from tests.overload.waves import KINDS, NEVER_MADE, Wave
from tests.support.action_service.connections import Ports
from tests.support.database import Content, assert_whole, read
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

GRACE = 30.0
MEBIBYTE = 1 << 20
LEVEL_WAVES = 3
MOST_WAVES = 25
# The allocator of the process (glibc's, none of Python's own) gives back at once what is freed: so what the process is
# seen to hold is what is in use. Left alone it keeps some 100 MiB in hand.
ALLOCATORS = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "16384",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "PYTHONMALLOC": "malloc",
}


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was measured around and during several waves, one after the other."""

    calm: Latencies
    """Before the first wave."""
    busy: Latencies
    """During the first wave."""
    before: Footprint
    """Before the first call."""
    waves: list[Footprint]
    """After each of the next waves, until memory was level or there were too many of them."""
    exit_code: int
    stop_seconds: float
    content: Content
    stderr: str


@pytest.fixture(scope="module", params=KINDS)
def aftermath(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    return asyncio.run(_run_waves(request.param, tmp_path_factory.mktemp("overload")))


async def _run_waves(name: str, directory: Path) -> Aftermath:
    kind = KINDS[name]
    wave = kind.make()
    arguments = ("--read-timeout", str(kind.read_timeout), "--shutdown-grace-period", str(GRACE))
    server = ServerProcess(directory, *arguments, environment=ALLOCATORS).start()
    try:
        caller = Caller(Ports(server.grpc_port, server.http_port), ADMIN_TOKEN)
        before = Footprint.of(server.pid)
        calm = await asyncio.to_thread(caller.call_while, lambda: False)
        busy = await _call_during(wave(caller.ports), caller)
        waves: list[Footprint] = []
        while len(waves) < MOST_WAVES and not _is_level(waves):
            waves.append(await _calm_after(wave, caller, server.pid, before))
        begun = time.monotonic()
        exit_code = server.stop()
        stop_seconds = time.monotonic() - begun
    except BaseException:
        server.kill()
        raise
    content = read(directory / "actiond.db")
    return Aftermath(calm, busy, before, waves, exit_code, stop_seconds, content, server.stderr)


def _is_level(waves: list[Footprint]) -> bool:
    """Whether the last waves left nothing: 1 MiB would be some 700 bytes for each of their clients.

    The waves before them filled the server's own caches, and the allocator's for the most calls at once.
    """
    sizes = [wave.resident for wave in waves]
    return len(sizes) > LEVEL_WAVES and max(sizes[-LEVEL_WAVES:]) < max(sizes[:-LEVEL_WAVES]) + MEBIBYTE


async def _call_during(wave: Awaitable[None], caller: Caller) -> Latencies:
    clients = asyncio.ensure_future(wave)
    latencies = await asyncio.to_thread(caller.call_while, lambda: not clients.done())
    await clients
    return latencies


async def _calm_after(wave: Wave, caller: Caller, pid: int, before: Footprint) -> Footprint:
    """Waits until the wave is over, every connection gone, and what the server did for them done."""
    await wave(caller.ports)
    return await asyncio.to_thread(_footprint_when_calm, caller, pid, before.descriptors)


def _footprint_when_calm(caller: Caller, pid: int, descriptors: int) -> Footprint:
    footprint_when(pid, lambda now: now.descriptors <= descriptors)
    # Calls whose clients have gone still run to their end. Writes are in line, so whoever writes now is the last.
    caller.call_once()
    return footprint_when(pid, lambda now: now.descriptors <= descriptors)


def test_other_calls_keep_their_latency(aftermath: Aftermath) -> None:
    assert aftermath.busy.median < 10 * aftermath.calm.median + 0.05
    assert aftermath.busy.p99 < 10 * aftermath.calm.p99 + 1.0


def test_no_other_call_waits_for_long(aftermath: Aftermath) -> None:
    assert aftermath.busy.seconds[-1] < 5.0


def test_no_file_descriptor_stays_open(aftermath: Aftermath) -> None:
    assert max(footprint.descriptors for footprint in aftermath.waves) <= aftermath.before.descriptors


def test_no_thread_stays_behind(aftermath: Aftermath) -> None:
    # Libraries may start a helper of their own now and then; a thread left by each client would be hundreds.
    assert aftermath.waves[-1].threads < aftermath.before.threads + 4


def test_no_memory_stays_in_use(aftermath: Aftermath) -> None:
    assert _is_level(aftermath.waves), [footprint.resident for footprint in aftermath.waves]


def test_no_call_is_stuck_so_the_server_ends_long_before_its_grace(aftermath: Aftermath) -> None:
    assert aftermath.exit_code == 0
    assert aftermath.stop_seconds < GRACE / 3


def test_nothing_is_made_of_a_body_that_did_not_end(aftermath: Aftermath) -> None:
    assert [row for row in aftermath.content.targets if row["name"].startswith(NEVER_MADE)] == []


def test_nothing_is_half_written(aftermath: Aftermath) -> None:
    assert_whole(aftermath.content)


def test_the_log_holds_no_fault(aftermath: Aftermath) -> None:
    assert "Traceback" not in aftermath.stderr
    assert "ERROR" not in aftermath.stderr
