"""Executions with match conditions, around real calls over each protocol."""

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListTargetsRequest, SetExecutionRequest

from tests.executions.api import FAILED, Api, condition, of_all, of_service, target
from tests.executions.protocols import SERVICE
from tests.support.servers.commands import run_beside
from tests.support.targets.server import TargetServer
from tests.support.waiting import async_until

LIST = ListTargetsRequest()
KEY = f"request/{SERVICE}/CreateTarget"


async def match(api: Api, key: str, expression: str) -> None:
    await run_beside(api.server, "execution", "condition", key, expression, "--owner", api.owner)


async def test_an_execution_runs_for_the_calls_alone_that_match(each_api: Api, dead_end: str) -> None:
    await each_api.set(condition("request"), await each_api.target(dead_end))
    await match(each_api, KEY, "message.name == 'stopped' && 'x-tenant' in headers && user != '' && org != ''")
    tenant = (("x-tenant", "north"),)
    assert (await each_api.call(target("passes"), metadata=tenant)).code == 0
    assert (await each_api.call(target("stopped"))).code == 0
    assert (await each_api.call(target("stopped"), metadata=tenant)).end == FAILED


async def test_a_response_execution_runs_for_the_responses_that_match(each_api: Api, dead_end: str) -> None:
    await each_api.set(condition("response", "ListTargets"), await each_api.target(dead_end))
    await match(each_api, f"response/{SERVICE}/ListTargets", "message.details.total_result > 1u")
    assert (await each_api.call(LIST)).code == 0
    await each_api.target(dead_end)
    assert (await each_api.call(LIST)).end == FAILED


async def test_a_wider_execution_runs_where_the_narrower_one_does_not_match(
    any_api: Api, receiver: TargetServer
) -> None:
    narrow = await any_api.target(receiver.url("/ok?narrow"))
    wide = await any_api.target(receiver.url("/ok?wide"))
    await any_api.set(condition("request", "ListTargets"), narrow)
    await any_api.set(of_service("request"), wide)
    await match(any_api, f"request/{SERVICE}/ListTargets", "headers['x-wide'][0] == 'no'")
    for value in ("yes", "no"):
        assert (await any_api.call(LIST, metadata=(("x-wide", value),))).code == 0
    assert [request.path for request in receiver.requests] == ["/ok?wide", "/ok?narrow"]


async def test_a_condition_that_fails_lets_the_execution_run_and_is_logged(any_api: Api, dead_end: str) -> None:
    await any_api.set(of_all("request"), await any_api.target(dead_end))
    await match(any_api, "request", "headers['x-nowhere'][0] == 'x'")
    assert (await any_api.call(LIST)).end == FAILED
    await async_until(lambda: "match condition counts as met: " in any_api.server.stderr, "it is in the log")


async def test_setting_an_execution_again_keeps_its_match_condition(any_api: Api, dead_end: str) -> None:
    await any_api.set(of_all("request"), await any_api.target(dead_end))
    await match(any_api, "request", "false")
    await any_api.look(SetExecutionRequest(condition=of_all("request")))
    await any_api.set(of_all("request"), await any_api.target(dead_end))
    assert (await any_api.call(LIST)).code == 0
