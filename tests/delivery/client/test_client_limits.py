"""How many calls run at once, who waits for whom, and the calls that nobody waits for."""

import asyncio

import pytest

from actiond.actions.targets import TargetType
from actiond.delivery.client import DeliveryLimits
from tests.delivery.client.callers import PATIENT, Caller, MakeCaller, target
from tests.support.targets.server import TargetServer

SHORT = 0.3
TEN_THOUSAND_YEARS = 10_000 * 366 * 86_400


async def test_a_thousand_calls_to_a_slow_target_hold_up_no_other(caller: Caller, server: TargetServer) -> None:
    slow = target(server.url("/hold"), target_id="slow")
    calls = [asyncio.ensure_future(caller.outcome(slow)) for _ in range(1000)]
    await server.until(lambda: len(server.requests) == 1000)

    assert await caller.outcome(target(server.url("/ok"), target_id="quick")) == "ok"

    assert not any(call.done() for call in calls)
    server.release()
    assert set(await asyncio.gather(*calls)) == {"ok"}


async def test_a_target_has_so_many_calls_at_once_and_the_next_ones_wait(
    make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=DeliveryLimits(concurrent=100, concurrent_per_target=2))
    slow = target(server.url("/hold"), target_id="slow")
    calls = [asyncio.ensure_future(caller.outcome(slow)) for _ in range(20)]
    await server.until(lambda: len(server.requests) == 2)

    assert await caller.outcome(target(server.url("/ok"), target_id="quick")) == "ok"

    assert server.paths() == ["/hold", "/hold", "/ok"]
    server.release()
    assert set(await asyncio.gather(*calls)) == {"ok"}
    assert server.accepted <= 3


async def test_all_targets_together_have_so_many_calls_at_once(make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=DeliveryLimits(concurrent=2, concurrent_per_target=2))
    calls = [
        asyncio.ensure_future(caller.outcome(target(server.url("/hold"), target_id=str(number)))) for number in range(5)
    ]
    await server.until(lambda: len(server.requests) == 2)
    assert await caller.outcome(target(server.url("/ok"), seconds=SHORT)) == "busy"
    server.release()
    assert await asyncio.gather(*calls) == ["ok"] * 5
    assert "/ok" not in server.paths()


async def test_those_who_wait_for_a_slow_target_take_no_slot_from_others(
    make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=DeliveryLimits(concurrent=2, concurrent_per_target=1))
    slow = target(server.url("/hold"), target_id="slow")
    calls = [asyncio.ensure_future(caller.outcome(slow)) for _ in range(10)]
    await server.until(lambda: len(server.requests) == 1)
    assert await caller.outcome(target(server.url("/ok"), target_id="quick")) == "ok"
    server.release()
    assert await asyncio.gather(*calls) == ["ok"] * 10


async def test_waiting_for_a_slot_is_within_the_timeout(make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=DeliveryLimits(concurrent=1, concurrent_per_target=1))
    slow = asyncio.ensure_future(caller.outcome(target(server.url("/hold"))))
    await server.until(lambda: len(server.requests) == 1)
    assert await caller.outcome(target(server.url("/ok"), seconds=SHORT)) == "busy"
    server.release()
    assert await slow == "ok"
    assert server.paths() == ["/hold"]


async def test_a_timeout_may_be_as_long_as_the_api_allows(caller: Caller, server: TargetServer) -> None:
    assert await caller.outcome(target(server.url("/ok"), seconds=TEN_THOUSAND_YEARS)) == "ok"


async def test_a_started_call_goes_on_by_itself(caller: Caller, server: TargetServer) -> None:
    caller.start(target(server.url("/hold"), TargetType.ASYNC), body=b"[1]")
    await server.until(lambda: [request.body for request in server.requests] == [b"[1]"])
    assert caller.told == []
    server.release()
    await caller.client.wait_idle()
    assert caller.outcomes() == ["ok"]


async def test_waiting_until_nothing_runs_includes_what_is_started_meanwhile(
    caller: Caller, server: TargetServer
) -> None:
    slow = target(server.url("/hold"), TargetType.ASYNC)
    caller.start(slow)
    idle = asyncio.ensure_future(caller.client.wait_idle())
    await server.until(lambda: len(server.requests) == 1)
    caller.start(slow)
    server.release()
    await idle
    assert caller.outcomes() == ["ok", "ok"]


async def test_nothing_to_wait_for_is_no_wait(caller: Caller) -> None:
    await caller.client.wait_idle()


async def test_a_started_call_that_fails_is_told_of_and_passed_over(caller: Caller, server: TargetServer) -> None:
    caller.start(target(server.url("/status/500"), TargetType.ASYNC))
    await caller.client.wait_idle()
    assert [(call.outcome.value, call.status, call.is_ignored) for call in caller.told] == [("status", 500, True)]


@pytest.mark.parametrize(
    ("limits", "taken"),
    [(DeliveryLimits(background=3), 3), (DeliveryLimits(background_bytes=1200), 2)],
    ids=["by number", "by size"],
)
async def test_so_many_started_calls_are_taken_and_no_more_until_they_end(
    limits: DeliveryLimits, taken: int, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=limits)
    slow = target(server.url("/hold"), TargetType.ASYNC)
    for _ in range(5):
        caller.start(slow, body=bytes(500))
    assert caller.outcomes() == ["busy"] * (5 - taken)
    await server.until(lambda: len(server.requests) == taken)
    server.release()
    await caller.client.wait_idle()

    caller.start(slow, body=bytes(500))
    await caller.client.wait_idle()

    assert caller.outcomes() == ["busy"] * (5 - taken) + ["ok"] * (taken + 1)


async def test_started_calls_are_cut_when_the_client_closes(caller: Caller, server: TargetServer) -> None:
    slow = target(server.url("/hold"), TargetType.ASYNC, seconds=PATIENT)
    caller.start(slow)
    await server.until(lambda: len(server.requests) == 1)
    caller.start(slow)  # not even begun
    await caller.client.close()
    caller.start(slow)
    assert caller.outcomes() == ["cancelled"] * 3
    await server.until(lambda: server.open == 0)
