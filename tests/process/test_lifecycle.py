"""The lifecycle of a worker's parts: the order in which they start, drain and close, and what happens if one fails."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actiond.process import worker as worker_module
from actiond.process.parts import PartError
from actiond.process.shutdown import Shutdown
from actiond.process.worker import Worker

LONG = 60.0


class FakePart:
    """Writes down what is asked of it. Its events are set from the beginning, unless a test clears them."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self._log = log
        self.is_idle = asyncio.Event()
        self.is_cancelled = asyncio.Event()
        self.has_ended = asyncio.Event()
        self.is_idle.set()
        self.is_cancelled.set()
        self.fails: dict[str, Exception] = {}

    def _enter(self, step: str) -> None:
        self._log.append(f"{step} {self.name}")
        if step in self.fails:
            raise self.fails[step]

    async def start(self) -> None:
        self._enter("start")

    async def ended(self) -> None:
        await self.has_ended.wait()
        if "ended" in self.fails:
            raise self.fails["ended"]

    def drain(self) -> None:
        self._enter("drain")

    async def idle(self) -> None:
        await self.is_idle.wait()
        self._enter("idle")

    async def cancel(self) -> None:
        self._enter("cancel")
        await self.is_cancelled.wait()
        self.is_idle.set()

    async def close(self) -> None:
        self._enter("close")


class Case:
    """A worker of two parts, of which `second` uses `first`."""

    def __init__(self, grace_period: float = LONG) -> None:
        self.log: list[str] = []
        self.shutdown = Shutdown()
        self.first, self.second = (FakePart(name, self.log) for name in ("first", "second"))
        self.worker = Worker([self.first, self.second], self.shutdown, grace_period)

    async def serve(self) -> None:
        async with asyncio.timeout(LONG), self.worker.started():
            await self.worker.wait_for_shutdown()

    @asynccontextmanager
    async def draining(self) -> AsyncIterator["asyncio.Task[None]"]:
        """The parts have started, and are asked to drain; what they did until then is forgotten."""
        async with asyncio.timeout(LONG), self.worker.started():
            self.log.clear()
            self.shutdown.advance()
            drained = asyncio.create_task(self.worker.drain())
            await asyncio.sleep(0.01)
            yield drained
            await drained


async def test_parts_start_in_order_and_close_in_reverse() -> None:
    case = Case()
    async with case.worker.started():
        assert case.log == ["start first", "start second"]
    assert case.log[2:] == ["close second", "close first"]


async def test_when_a_part_fails_to_start_those_before_it_are_closed() -> None:
    case = Case()
    case.second.fails["start"] = PartError("no luck")
    with pytest.raises(PartError, match="no luck"):
        async with case.worker.started():
            pytest.fail("it has not started")
    assert case.log == ["start first", "start second", "close first"]


async def test_all_parts_are_closed_although_one_fails_to() -> None:
    case = Case()
    case.second.fails["close"] = RuntimeError("no luck")
    with pytest.raises(RuntimeError, match="no luck"):
        async with case.worker.started():
            case.log.clear()
    assert case.log == ["close second", "close first"]


async def test_a_worker_serves_until_its_shutdown_begins() -> None:
    case = Case()
    async with case.worker.started():
        waiting = asyncio.create_task(case.worker.wait_for_shutdown())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        case.shutdown.advance()
        await asyncio.wait_for(waiting, LONG)


@pytest.mark.parametrize("cause", [None, RuntimeError("no luck")])
async def test_a_part_that_ends_by_itself_ends_the_worker(cause: Exception | None) -> None:
    case = Case()
    if cause is not None:
        case.second.fails["ended"] = cause
    case.second.has_ended.set()
    with pytest.raises(PartError) as caught:
        await case.serve()
    assert str(caught.value) == "the second ended by itself"
    assert caught.value.__cause__ is cause
    assert case.log == ["start first", "start second", "close second", "close first"]


async def test_a_part_that_ends_because_of_the_shutdown_is_no_failure() -> None:
    case = Case()
    case.second.has_ended.set()
    case.shutdown.advance()
    await case.serve()


async def test_all_parts_drain_before_any_is_waited_for_and_none_is_cancelled() -> None:
    case = Case()
    async with case.draining():
        """Both are idle."""
    assert case.log == [
        *("drain first", "drain second"),
        *("idle second", "idle first"),
        *("close second", "close first"),
    ]


async def test_a_part_is_waited_for_once_those_that_use_it_are_idle() -> None:
    case = Case()
    case.second.is_idle.clear()
    async with case.draining() as drained:
        assert case.log == ["drain first", "drain second"]
        case.first.is_idle.clear()  # the second part has given it work
        case.second.is_idle.set()
        await asyncio.sleep(0.01)
        assert case.log == ["drain first", "drain second", "idle second"]
        assert not drained.done()
        case.first.is_idle.set()
    assert case.log[3:] == ["idle first", "close second", "close first"]


async def test_when_the_grace_period_is_over_what_is_in_flight_is_cancelled_and_then_closed() -> None:
    case = Case(grace_period=0.05)
    case.first.is_idle.clear()
    began = asyncio.get_running_loop().time()
    async with case.draining():
        """The first part never gets idle by itself."""
    assert asyncio.get_running_loop().time() - began < worker_module.LAST_RESPONSES
    assert case.log[2:] == ["idle second", "cancel first", "cancel second", "close second", "close first"]


async def test_the_second_step_of_the_shutdown_ends_the_grace_period() -> None:
    case = Case()
    case.second.is_idle.clear()
    async with case.draining():
        case.shutdown.advance()
    assert case.log[2:] == ["cancel first", "cancel second", "close second", "close first"]


async def test_what_cannot_be_cancelled_in_time_is_closed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "LAST_RESPONSES", 0.05)
    case = Case(grace_period=0.01)
    case.second.is_idle.clear()
    case.second.is_cancelled.clear()
    async with case.draining():
        """The second part hangs."""
    assert case.log[2:] == ["cancel first", "cancel second", "close second", "close first"]
    case.second.is_cancelled.set()  # lets its task end before the loop does


async def test_a_part_that_fails_while_draining_is_logged_and_the_others_are_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.second.fails["idle"] = RuntimeError("no luck")
    async with case.draining():
        """Both are asked."""
    assert case.log[2:] == ["idle second", "idle first", "close second", "close first"]
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "the second failed while draining"
    ]


async def test_a_part_that_fails_while_cancelling_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    case = Case(grace_period=0.01)
    case.second.is_idle.clear()
    case.second.fails["cancel"] = RuntimeError("no luck")
    async with case.draining():
        """Both are cancelled."""
    assert case.log[2:] == ["cancel first", "cancel second", "close second", "close first"]
    assert "the second failed while cancelling" in caplog.messages
