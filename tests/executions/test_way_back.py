"""An execution that fails every call, those that could mend it included, and the two ways back."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from actiond_protos.zitadel.action.v2 import action_service_pb2 as action_v2_pb2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as action_v2beta_pb2
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    DeleteExecutionRequest,
    DeleteTargetRequest,
    GetTargetByIDRequest,
    ListExecutionFunctionsRequest,
    ListExecutionMethodsRequest,
    ListExecutionServicesRequest,
    ListExecutionsRequest,
    ListTargetsRequest,
    SetExecutionRequest,
    UpdateTargetRequest,
)
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from actiond.api.permissions import BYPASS as BYPASS_PERMISSION
from actiond.api.permissions import permissions
from actiond.api.served import SERVICES
from tests.executions.api import BYPASS, ELSEWHERE, FAILED, Api, Created, add_token, condition, names, of_all, target
from tests.executions.protocols import PROTOCOLS
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.commands import run, run_beside
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

LOOPBACK = ("--allow-address", "127.0.0.0/8")
EVERY_METHOD: tuple[Message, ...] = (
    target("never made"),
    UpdateTargetRequest(target_id="1", name="other"),
    DeleteTargetRequest(target_id="1"),
    ListTargetsRequest(),
    GetTargetByIDRequest(target_id="1"),
    SetExecutionRequest(condition=of_all("request")),
    DeleteExecutionRequest(condition=of_all("request")),
    ListExecutionsRequest(),
    ListExecutionFunctionsRequest(),
    ListExecutionMethodsRequest(),
    ListExecutionServicesRequest(),
)
for pb in (action_v2_pb2, action_v2beta_pb2):
    EVERY_METHOD += (
        pb.CreateTargetRequest(name="never made", rest_async={}, timeout={"seconds": 1}, endpoint=ELSEWHERE),
        pb.UpdateTargetRequest(id="1", name="other"),
        pb.DeleteTargetRequest(id="1"),
        pb.GetTargetRequest(id="1"),
        pb.ListTargetsRequest(),
        pb.SetExecutionRequest(condition={"request": {"all": True}}),
        pb.ListExecutionsRequest(),
        pb.ListExecutionFunctionsRequest(),
        pb.ListExecutionMethodsRequest(),
        pb.ListExecutionServicesRequest(),
    )
DELETE = DeleteExecutionRequest(condition=of_all("request"))


def admin_of(server: ServerProcess) -> Api:
    return Api(server, "json", ADMIN_TOKEN, "", "admin")


@pytest.fixture
def admin(two_workers: ServerProcess) -> Iterator[Api]:
    """The admin token, with whatever executions it leaves behind deleted."""
    api = admin_of(two_workers)
    yield api
    asyncio.run(mend(api))


async def mend(api: Api) -> None:
    for execution in (await api.look(ListExecutionsRequest())).result:
        await api.look(DeleteExecutionRequest(condition=execution.Condition))


async def lock_out(api: Api, dead_end: str) -> Created:
    created = await api.target(dead_end)
    await api.set(of_all("request"), created)
    return created


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_dead_target_of_every_request_fails_every_method(protocol: str, admin: Api, dead_end: str) -> None:
    await lock_out(admin, dead_end)
    for request in EVERY_METHOD:
        answer = await admin.over(protocol).call(request)
        assert answer.end == FAILED, request
        (link,) = answer.detail(error_details_pb2.Help).links
        assert "actiond-bypass-executions: true" in link.description
    assert "never made" not in await names(admin)


@pytest.mark.parametrize("mended_by", [DELETE, SetExecutionRequest(condition=of_all("request"))], ids=["delete", "set"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_admin_token_can_pass_by_the_executions_and_mend_them(
    mended_by: Message, protocol: str, admin: Api, dead_end: str
) -> None:
    created = await lock_out(admin, dead_end)
    api = admin.over(protocol)
    passing = await api.call(GetTargetByIDRequest(target_id=created.id), metadata=(BYPASS,))
    assert passing.response.target.target_id == created.id
    assert (await api.call(mended_by)).code == 9
    assert (await api.call(mended_by, metadata=(BYPASS,))).code == 0
    assert (await api.call(ListTargetsRequest())).code == 0


async def test_a_dead_target_of_every_response_can_be_passed_by_too(each_api: Api, dead_end: str) -> None:
    await each_api.set(of_all("response"), await each_api.target(dead_end))
    assert (await each_api.call(ListTargetsRequest())).code == 9
    assert (await each_api.call(ListTargetsRequest(), metadata=(BYPASS,))).code == 0


async def test_a_call_that_passes_by_calls_no_target(each_api: Api, receiver: TargetServer) -> None:
    for kind in ("request", "response"):
        await each_api.set(of_all(kind), await each_api.target(receiver.url("/ok")))
    assert (await each_api.call(ListTargetsRequest(), metadata=(BYPASS,))).code == 0
    assert receiver.paths() == []


async def test_a_token_without_the_permission_cannot_pass_by(each_api: Api, dead_end: str) -> None:
    await each_api.set(of_all("request"), await each_api.target(dead_end))
    every_other = [permission for permission in permissions(SERVICES) if permission != BYPASS_PERMISSION]
    other = await add_token(each_api.server, each_api.owner, *every_other)
    answer = await other.over(each_api.protocol).call(ListTargetsRequest(), metadata=(BYPASS,))
    assert answer.end == (7, "No matching permissions found (AUTH-5mWD2)")


async def test_the_permission_to_pass_by_is_no_permission_to_call(api: Api, dead_end: str) -> None:
    await api.set(of_all("request"), await api.target(dead_end))
    other = await add_token(api.server, api.owner, BYPASS_PERMISSION)
    assert (await other.call(ListTargetsRequest(), metadata=(BYPASS,))).code == 7


@pytest.mark.parametrize("value", ["false", "True", "1", ""])
async def test_nothing_but_true_passes_by(value: str, any_api: Api, dead_end: str) -> None:
    await any_api.set(of_all("request"), await any_api.target(dead_end))
    assert (await any_api.call(ListTargetsRequest(), metadata=((BYPASS[0], value),))).code == 9


async def test_who_passes_by_is_logged(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"))
    await each_api.set(condition("request", "ListTargets"), created)
    await each_api.call(ListTargetsRequest(), metadata=(BYPASS,))
    said = f"executions bypassed: zitadel.action.v3alpha.ActionService.ListTargets by token {each_api.user} "
    await asyncio.to_thread(until, lambda: said in each_api.server.stderr, "the call is in the log")
    (line,) = [line for line in each_api.server.stderr.splitlines() if said in line]
    assert " INFO " in line
    assert each_api.token not in line


async def test_the_command_line_mends_a_running_server_at_once_in_every_worker(
    admin: Api, two_workers: ServerProcess, dead_end: str
) -> None:
    created = await lock_out(admin, dead_end)
    assert {(await admin.call(ListTargetsRequest())).code for _ in range(12)} == {9}
    listed = (await run_beside(two_workers, "execution", "list")).stdout.splitlines()
    assert [line.split() for line in listed] == [["CONDITION", "MATCH", "CALLS"], ["request", "-", created.id]]
    await run_beside(two_workers, "execution", "delete", "request")
    # Each is a connection of its own, so that both workers have their turn.
    calls = [admin.over(protocol).call(ListTargetsRequest()) for protocol in PROTOCOLS * 5]
    assert {(await call).code for call in calls} == {0}
    assert len((await run_beside(two_workers, "execution", "list")).stdout.splitlines()) == 1


async def test_the_command_line_mends_a_server_that_does_not_run(tmp_path: Path, dead_end: str) -> None:
    with ServerProcess(tmp_path, *LOOPBACK) as server:
        await lock_out(admin_of(server), dead_end)
        assert (await admin_of(server).call(DELETE)).code == 9
    assert "request" in run(server, "execution", "list").stdout
    run(server, "execution", "delete", "request")
    with ServerProcess(tmp_path, *LOOPBACK) as mended:
        assert (await admin_of(mended).call(ListTargetsRequest())).code == 0


async def test_the_command_line_mends_the_executions_of_the_owner_that_is_named(api: Api, dead_end: str) -> None:
    await lock_out(api, dead_end)
    await run_beside(api.server, "execution", "delete", "request", "--owner", api.owner)
    assert (await api.call(ListTargetsRequest())).code == 0


async def test_the_token_of_another_owner_is_not_locked_out(api: Api, dead_end: str) -> None:
    await lock_out(api, dead_end)
    other = await add_token(api.server, f"another than {api.owner}")
    assert (await replace(other, protocol="grpc").call(ListTargetsRequest())).code == 0
