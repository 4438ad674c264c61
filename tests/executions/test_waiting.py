"""How long a target is waited for: not past the caller's deadline, nor when the caller has left; or not at all."""

from collections.abc import Iterator

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListExecutionServicesRequest, ListExecutionsRequest

from tests.executions.api import Api, condition, names, target
from tests.executions.logs import outcomes, until_ended
from tests.support.targets.server import TargetServer

DEADLINE_EXCEEDED = 4
SOON = 1.0
"""Seconds of a deadline that is to pass, though not before a busy machine has called the target."""


async def pass_a_mark(api: Api, receiver: TargetServer) -> None:
    """One more call, to `/ok/mark`: by now whatever the calls before it may still have caused would have come."""
    await api.set(condition("request", "ListExecutions"), await api.target(receiver.url("/ok/mark")))
    assert (await api.call(ListExecutionsRequest())).code == 0


@pytest.fixture
def hanging() -> Iterator[TargetServer]:
    """A receiver beside `receiver`, for calls that are to be cut: then none of its connections is open."""
    with TargetServer() as server:
        yield server


async def test_a_deadline_cuts_the_call_of_a_target_and_no_later_one_is_started(
    each_api: Api, receiver: TargetServer, hanging: TargetServer
) -> None:
    hangs = await each_api.target(hanging.url("/hold"), "call", interrupts=False)
    before, after = [await each_api.target(receiver.url(path)) for path in ("/ok/before", "/ok/after")]
    await each_api.set(condition("request"), before, hangs, after)
    answer = await each_api.call(target("never made"), seconds=SOON)
    assert answer.code == DEADLINE_EXCEEDED
    await hanging.until(lambda: hanging.paths() == ["/hold"] and hanging.open == 0)
    await pass_a_mark(each_api, receiver)
    assert receiver.paths() == ["/ok/before", "/ok/mark"]
    assert outcomes(each_api.server, hangs.id) == [("failed", "cancelled")]
    assert "never made" not in await names(each_api)


async def test_a_deadline_that_passes_is_no_failure_of_a_target_that_interrupts(
    any_api: Api, receiver: TargetServer
) -> None:
    await any_api.set(condition("request"), await any_api.target(receiver.url("/hold")))
    assert (await any_api.call(target("never made"), seconds=SOON)).code == DEADLINE_EXCEEDED


async def test_a_deadline_that_passes_in_a_response_execution_leaves_the_effect(
    any_api: Api, receiver: TargetServer
) -> None:
    await any_api.set(condition("response"), await any_api.target(receiver.url("/hold")))
    assert (await any_api.call(target("made all the same"), seconds=SOON)).code == DEADLINE_EXCEEDED
    assert "made all the same" in await names(any_api)


async def test_a_deadline_that_does_not_pass_changes_nothing(each_api: Api, receiver: TargetServer) -> None:
    await each_api.set(condition("request"), await each_api.target(receiver.url("/ok")))
    assert (await each_api.call(target("made"), seconds=30)).code == 0


async def test_a_client_that_leaves_has_its_call_cut(
    each_api: Api, receiver: TargetServer, hanging: TargetServer
) -> None:
    hangs = await each_api.target(hanging.url("/hold"), interrupts=False)
    await each_api.set(condition("request"), hangs, await each_api.target(receiver.url("/ok/after")))
    async with each_api.begin(target("never made")) as running:
        await hanging.until(lambda: hanging.paths() == ["/hold"])
        assert hanging.open == 1
        running.leave()
        await hanging.until(lambda: hanging.open == 0)
    await pass_a_mark(each_api, receiver)
    assert receiver.paths() == ["/ok/mark"]
    assert outcomes(each_api.server, hangs.id) == [("failed", "cancelled")]


async def test_the_answer_does_not_wait_for_an_async_target_which_ends_well_after_it(
    each_api: Api, receiver: TargetServer
) -> None:
    created = await each_api.target(receiver.url("/hold"), "async")
    await each_api.set(condition("request"), created)
    assert (await each_api.call(target("made"))).code == 0
    await receiver.until(lambda: receiver.paths() == ["/hold"])
    assert outcomes(each_api.server, created.id, least=0) == []
    receiver.release()
    await until_ended(each_api.server, created.id)
    assert outcomes(each_api.server, created.id) == [("ok", "-")]


async def test_an_async_target_is_not_waited_for_where_others_are(each_api: Api, receiver: TargetServer) -> None:
    started = await each_api.target(receiver.url("/hold/async"), "async")
    waited_for = await each_api.target(receiver.url("/hold/webhook"))
    await each_api.set(condition("request", "ListExecutionServices"), started, waited_for)
    async with each_api.begin(ListExecutionServicesRequest()) as running:
        await receiver.until(lambda: sorted(receiver.paths()) == ["/hold/async", "/hold/webhook"])
        receiver.release()
        assert (await running.ended()).code == 0


async def test_the_errors_of_async_targets_are_nobodys(each_api: Api, receiver: TargetServer, dead_end: str) -> None:
    bad = [await each_api.target(url, "async") for url in (receiver.url("/status/500"), dead_end)]
    await each_api.set(condition("request"), *bad)
    assert (await each_api.call(target("made"))).code == 0
    for created, error in zip(bad, ("status", "connect"), strict=True):
        await until_ended(each_api.server, created.id)
        assert outcomes(each_api.server, created.id) == [("ignored", error)]


async def test_an_async_target_outlives_its_callers_deadline(api: Api, receiver: TargetServer) -> None:
    started = await api.target(receiver.url("/hold/async"), "async")
    await api.set(condition("request"), started, await api.target(receiver.url("/hold/webhook")))
    assert (await api.call(target("never made"), seconds=SOON)).code == DEADLINE_EXCEEDED
    await receiver.until(lambda: "/hold/async" in receiver.paths())
    receiver.release()
    await until_ended(api.server, started.id)
    assert outcomes(api.server, started.id) == [("ok", "-")]


async def test_an_async_target_has_its_timeout_too(api: Api, receiver: TargetServer) -> None:
    started = await api.target(receiver.url("/hold"), "async", seconds=0.25)
    await api.set(condition("request"), started)
    assert (await api.call(target("made"))).code == 0
    await until_ended(api.server, started.id)
    assert outcomes(api.server, started.id) == [("ignored", "timeout")]
