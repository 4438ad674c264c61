"""A target that is down for days while deliveries wait for it: what the others notice of it, and how they arrive."""

import asyncio
import time
from pathlib import Path

from actiond.actions.deliveries import DeliveryState
from bench.delivering import Record, Worker
from bench.delivery_loads import LoopLoad, publish_steadily, until
from bench.load import PATIENCE, CallError, Sample
from bench.subjects import ask
from bench.target_server import UP

RATE = 500
"""Events a second, far from saturation, of which each recipient gets its share."""
DAYS = 3
"""How long the target has been down by the store's clock. Deliveries are given up later."""
PAUSE_AFTER = "8,1ms"
"""Of a target that fails: the default but for the 30 seconds."""

_DAY = 86_400
_MORE_THAN_A_PAUSE = 600
_A_SECOND = 100
"""Deliveries that are made, or parked, on the slowest machine."""
_LOOK_SECONDS = 0.1
_MIB = 1 << 20


class BesideLoad(LoopLoad):
    """Publishes and delivers at a steady rate. The first recipient may be down, and have a backlog."""

    def __init__(self, worker: Worker, port: int, backlog: int = 0) -> None:
        """Take the worker, the receiver's port, and how many deliveries wait; 0 if the first recipient is up."""
        self._worker = worker
        self._port = port
        self._backlog = backlog
        self._down = worker.recipients[0] if backlog else None
        self._grown = 0
        self._has_backlog = False

    async def prepare(self) -> None:
        await self._worker.open()
        if self._down is not None and not self._has_backlog:
            before = _memory()
            await self._build_backlog()
            self._grown = _peak_memory() - before
            self._worker.clock.skip(DAYS * _DAY)
            self._has_backlog = True
        # So that the target is probed in each round.
        self._worker.clock.skip(_MORE_THAN_A_PAUSE)

    async def _build_backlog(self) -> None:
        """Publish what waits for the target that is down, and attempt it until the target is paused."""
        worker = self._worker
        await worker.fill(self._backlog, worker.recipients[:1])
        give_up = time.perf_counter() + PATIENCE + self._backlog / _A_SECOND
        async with worker.delivering(self._record(), keeper=True):
            while (await worker.store.delivery_totals()).by_state.get(DeliveryState.WAITING):
                if time.perf_counter() > give_up:
                    raise CallError("the target that is down is not paused")
                await asyncio.sleep(_LOOK_SECONDS)

    def _record(self) -> Record:
        return Record("" if self._down is None else self._down.target.id)

    async def measure(self, seconds: float) -> Sample:
        worker, record, begun = self._worker, self._record(), time.perf_counter()
        async with worker.delivering(record, keeper=True):
            published = await publish_steadily(
                worker, worker.recipients, RATE, lambda: time.perf_counter() - begun > seconds
            )
            if self._down is not None:
                published -= len(range(0, published, len(worker.recipients)))  # the first of each turn
            await until(lambda: len(record.latencies) >= published)
        return record.sample(time.perf_counter() - begun, record.lags)

    async def clean_up(self) -> None:
        await self._worker.close()


class DownLoad(BesideLoad):
    """Brings the target up in the end."""

    def conclude(self) -> str:
        """Bring the target up, and report what it took until everything had arrived."""
        path = self._worker.path
        size = path.stat().st_size
        self.open()
        waiting = self.complete(self._worker.unfinished())
        before = _memory()
        begun = time.perf_counter()
        ask(self._port, UP, {}, b"", "GET")
        others = self.complete(self._arrive(waiting))
        seconds = time.perf_counter() - begun
        grown = _peak_memory() - before
        self.close()
        return (
            f"{waiting:,} deliveries waited for a target that was down for {DAYS} days by the store's clock.\n"
            f"The database had {size / _MIB:,.0f} MiB, {size / waiting:,.0f} bytes for each, and"
            f" {path.stat().st_size / _MIB:,.0f} MiB with their attempts in the log, when all had arrived.\n"
            f"The process's memory grew by {self._grown / _MIB:,.0f} MiB while they were added and parked,"
            f" and by {grown / _MIB:,.0f} MiB while they arrived.\n"
            f"All had arrived {seconds:,.1f} s after the target was up again, {waiting / seconds:,.0f} a second."
            f" The others' lag meanwhile: p50 {others.percentile(50) * 1e3:,.2f} ms,"
            f" p99 {others.percentile(99) * 1e3:,.2f} ms."
        )

    async def _arrive(self, waiting: int) -> Sample:
        """Deliver everything that waits, beside the others' deliveries. Return the lags of those."""
        worker, record, begun = self._worker, self._record(), time.perf_counter()
        give_up = begun + PATIENCE + waiting / _A_SECOND
        async with worker.delivering(record, keeper=True):
            published = await publish_steadily(
                worker,
                worker.recipients[1:],
                RATE,
                lambda: record.arrived >= waiting or time.perf_counter() > give_up,
            )
            await until(lambda: record.arrived >= waiting and len(record.latencies) >= published)
        return record.sample(time.perf_counter() - begun, record.lags)


def _memory() -> int:
    """Return how much memory the process has in bytes, and begin to look for the most of it."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak_memory() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise KeyError(name)
