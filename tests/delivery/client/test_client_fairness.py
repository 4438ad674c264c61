"""One owner misuses what all share, and another one's calls do not notice."""

import asyncio
from dataclasses import replace

import pytest

from actiond.actions.targets import TargetType
from actiond.delivery import client
from actiond.delivery.client import DeliveryLimits
from tests.delivery.client.callers import Caller, MakeCaller, request_to, target, whole
from tests.support.targets.server import TargetServer

LIMITS = DeliveryLimits(concurrent=32, concurrent_per_target=32, background=64)


def started(caller: Caller, owner: str, url: str, count: int, *, body: bytes = b"{}") -> None:
    for number in range(count):
        caller.start(target(url, TargetType.ASYNC, target_id=f"{owner}{number % 3}", owner=owner), body=body)


@pytest.mark.parametrize("kind", [TargetType.ASYNC, TargetType.WEBHOOK], ids=["in the background", "waited for"])
async def test_calls_to_silent_targets_of_one_owner_leave_places_for_those_of_another(
    kind: TargetType, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=LIMITS)
    silent = [target(server.url("/hold"), kind, target_id=str(number), owner="B") for number in range(3)]
    waiting = []
    for number in range(200):
        if kind.waits:
            waiting.append(asyncio.ensure_future(caller.outcome(silent[number % 3])))
        else:
            caller.start(silent[number % 3])
    # As many as B gets: after that, B waits, and A is served at once each time.
    await server.until(lambda: len(server.requests) == 24)
    for number in range(50):
        assert await caller.outcome(target(server.url("/ok"), target_id="A", owner="A")) == "ok"
        assert len(server.requests) == 24 + number + 1
    server.release()
    await caller.client.wait_idle()
    assert set(await asyncio.gather(*waiting)) <= {"ok"}


@pytest.mark.parametrize(
    ("limits", "body", "taken"),
    [
        (DeliveryLimits(background=64), b"{}", 48),
        (DeliveryLimits(background_bytes=64_000), bytes(1000), 48),
    ],
    ids=["by number", "by size"],
)
async def test_the_waiting_background_calls_of_one_owner_leave_places_for_those_of_another(
    limits: DeliveryLimits, body: bytes, taken: int, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=limits)
    started(caller, "B", server.url("/hold"), 200, body=body)
    assert caller.outcomes() == ["busy"] * (200 - taken)
    caller.told.clear()
    started(caller, "A", server.url("/hold"), 5, body=body)
    started(caller, "B", server.url("/hold"), 1, body=body)
    assert [(call.target_id, call.outcome.value) for call in caller.told] == [("B0", "busy")]
    server.release()
    await caller.client.wait_idle()


async def test_some_background_places_are_kept_for_callers_who_may_bypass_executions(
    make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=DeliveryLimits(background=64))
    for owner in "BCDEFGHIJK":
        started(caller, owner, server.url("/hold"), 64)
    caller.told.clear()
    called = target(server.url("/hold"), TargetType.ASYNC, owner="A")
    caller.client.start(request_to(called))
    assert caller.outcomes() == ["busy"]
    caller.client.start(request_to(called, is_privileged=True))
    assert caller.outcomes() == ["busy"]
    server.release()
    await caller.client.wait_idle()


async def test_some_places_are_kept_for_callers_who_may_bypass_executions(
    make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=LIMITS)
    for owner in "BCDEFGHIJK":
        for number in range(32):
            caller.start(target(server.url("/hold"), TargetType.ASYNC, target_id=f"{owner}{number}", owner=owner))
    await server.until(lambda: len(server.requests) == 30)
    called = target(server.url("/ok"), target_id="A", owner="A", seconds=0.3)
    assert await caller.outcome(called) == "busy"
    assert await caller.client.call(request_to(called, is_privileged=True), whole) == b"{}"
    server.release()
    await caller.client.wait_idle()


async def test_a_background_call_has_minutes_whatever_its_targets_timeout_is(
    monkeypatch: pytest.MonkeyPatch, caller: Caller, server: TargetServer
) -> None:
    assert client.MAX_BACKGROUND_SECONDS == 300
    monkeypatch.setattr(client, "MAX_BACKGROUND_SECONDS", 0.3)
    day = target(server.url("/hold"), TargetType.ASYNC, seconds=86_400)
    caller.start(day)
    await caller.client.wait_idle()
    assert caller.outcomes() == ["timeout"]
    # One that is waited for has its own timeout: its caller may leave at any time.
    waiting = asyncio.ensure_future(caller.outcome(replace(day, type=TargetType.WEBHOOK)))
    caller.start(day)
    await caller.client.wait_idle()
    assert not waiting.done()
    server.release()
    assert await waiting == "ok"
