"""Which targets are called for a call, and in which order."""

import json
from dataclasses import replace

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    DeleteExecutionRequest,
    DeleteTargetRequest,
    GetTargetByIDRequest,
    ListExecutionServicesRequest,
    ListTargetsRequest,
)
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition

from tests.executions.api import Api, add_token, condition, of_all, of_service, target
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer

LIST = ListTargetsRequest()


def by_method(kind: str) -> Condition:
    return condition(kind, "ListTargets")


SCOPES = {"/method": by_method, "/service": of_service, "/all": of_all}
"""The conditions that a call meets, the most specific first, by the path of the target that is called for each."""


async def set_all(api: Api, receiver: TargetServer, kind: str, *paths: str) -> None:
    for path in paths:
        await api.set(SCOPES[path](kind), await api.target(receiver.url(f"/ok{path}")))


def called(receiver: TargetServer) -> list[str]:
    return [path.removeprefix("/ok") for path in receiver.paths()]


@pytest.mark.parametrize("kind", ["request", "response"])
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("/method", "/service", "/all"), "/method"),
        (("/all", "/service", "/method"), "/method"),
        (("/service", "/all"), "/service"),
        (("/method", "/all"), "/method"),
        (("/all",), "/all"),
    ],
)
async def test_the_most_specific_execution_runs_alone(
    api: Api, receiver: TargetServer, kind: str, paths: tuple[str, ...], expected: str
) -> None:
    await set_all(api, receiver, kind, *paths)
    assert (await api.call(LIST)).code == 0
    assert called(receiver) == [expected]


async def test_the_choice_is_the_same_over_every_protocol(each_api: Api, receiver: TargetServer) -> None:
    await set_all(each_api, receiver, "request", "/service", "/all")
    await set_all(each_api, receiver, "response", "/method", "/all")
    assert (await each_api.call(LIST)).code == 0
    assert called(receiver) == ["/service", "/method"]


async def test_an_execution_without_targets_keeps_the_less_specific_ones_away(api: Api, receiver: TargetServer) -> None:
    await set_all(api, receiver, "request", "/service", "/all")
    await api.set(by_method("request"))
    assert (await api.call(LIST)).code == 0
    assert called(receiver) == []


async def test_where_an_execution_is_deleted_the_less_specific_one_runs(api: Api, receiver: TargetServer) -> None:
    await set_all(api, receiver, "request", "/method", "/service")
    await api.look(DeleteExecutionRequest(condition=by_method("request")))
    assert (await api.call(LIST)).code == 0
    assert called(receiver) == ["/service"]


async def test_a_target_that_is_deleted_is_called_no_more(each_api: Api, receiver: TargetServer) -> None:
    one, two = [await each_api.target(receiver.url(path)) for path in ("/ok/one", "/ok/two")]
    await each_api.set(by_method("request"), one, two)
    await each_api.look(DeleteTargetRequest(target_id=one.id))
    assert (await each_api.call(LIST)).code == 0
    assert called(receiver) == ["/two"]


async def test_what_is_set_for_events_runs_for_events_alone(each_api: Api, receiver: TargetServer) -> None:
    await each_api.set(of_all("event"), await each_api.target(receiver.url("/ok")))
    assert (await each_api.call(LIST)).code == 0  # what changes nothing has no event either
    assert (await each_api.call(target("made"))).code == 0
    await receiver.until(lambda: len(receiver.paths()) == 2)
    events = [json.loads(request.body)["event_type"] for request in receiver.requests]
    assert sorted(events) == ["execution.set", "target.added"]


async def test_an_execution_of_one_method_does_not_run_for_another(api: Api, receiver: TargetServer) -> None:
    await set_all(api, receiver, "request", "/method")
    assert (await api.call(ListExecutionServicesRequest())).code == 0
    assert called(receiver) == []


async def test_an_execution_of_one_owner_does_not_run_for_another(
    api: Api, receiver: TargetServer, server: ServerProcess
) -> None:
    await set_all(api, receiver, "request", "/all")
    other = await add_token(server, f"another than {api.owner}")
    assert (await other.call(LIST)).code == 0
    assert called(receiver) == []


async def test_the_request_is_told_before_the_response(each_api: Api, receiver: TargetServer) -> None:
    await set_all(each_api, receiver, "response", "/all")
    await set_all(each_api, receiver, "request", "/method")
    assert (await each_api.call(LIST)).code == 0
    told = ["response" in json.loads(request.body) for request in receiver.requests]
    assert (called(receiver), told) == (["/method", "/all"], [False, True])


async def test_targets_are_called_in_the_order_of_the_list(each_api: Api, receiver: TargetServer) -> None:
    order = ["/ok/3", "/ok/1", "/ok/4", "/ok/1", "/ok/5", "/ok/2"]
    created = {path: await each_api.target(receiver.url(path)) for path in set(order)}
    await each_api.set(by_method("request"), *(created[path] for path in order))
    assert (await each_api.call(LIST)).code == 0
    assert receiver.paths() == order


async def test_includes_are_flattened_in_their_place(each_api: Api, receiver: TargetServer) -> None:
    one, two, three, four, five = [await each_api.target(receiver.url(f"/ok/{number}")) for number in range(1, 6)]
    await each_api.set(of_all("request"), three)
    await each_api.set(of_service("request"), two, of_all("request"), four)
    await each_api.set(by_method("request"), one, of_service("request"), five, of_all("request"))
    assert (await each_api.call(LIST)).code == 0
    assert called(receiver) == ["/1", "/2", "/3", "/4", "/5", "/3"]


async def test_an_included_response_is_the_responses_execution(api: Api, receiver: TargetServer) -> None:
    await set_all(api, receiver, "request", "/all")
    await api.set(of_service("response"), await api.target(receiver.url("/ok/response")))
    await api.set(by_method("response"), of_service("response"))
    await api.set(by_method("request"))
    assert (await api.call(LIST)).code == 0
    assert called(receiver) == ["/response"]


async def test_a_request_execution_can_be_included_in_one_of_responses(api: Api, receiver: TargetServer) -> None:
    await set_all(api, receiver, "request", "/service")
    await api.set(by_method("request"))
    await api.set(by_method("response"), of_service("request"))
    assert (await api.call(LIST)).code == 0
    assert [json.loads(request.body).keys() >= {"request", "response"} for request in receiver.requests] == [True]


async def test_a_method_that_fails_has_no_response_to_run_an_execution_on(
    each_api: Api, receiver: TargetServer
) -> None:
    await each_api.set(condition("response", "GetTargetByID"), await each_api.target(receiver.url("/ok")))
    assert (await each_api.call(GetTargetByIDRequest(target_id="1"))).code == 5
    assert receiver.paths() == []


async def test_a_call_that_is_refused_runs_no_execution(each_api: Api, receiver: TargetServer) -> None:
    await each_api.set(condition("request"), await each_api.target(receiver.url("/ok")))
    reader = await add_token(each_api.server, each_api.owner, "execution.target.read")
    refusals = [
        await replace(each_api, token="nobody-has-it").call(target("new")),
        await reader.over(each_api.protocol).call(target("new")),
        await each_api.call(target("")),
    ]
    assert [refusal.code for refusal in refusals] == [16, 7, 3]
    assert receiver.paths() == []
