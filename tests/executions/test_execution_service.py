"""ExecutionService with real targets: what they receive, when they are cut off, and what callers see of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.actiond.v1.execution_service_pb2_grpc import ExecutionServiceStub
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from google.rpc import code_pb2, error_details_pb2

from tests.executions.api import BYPASS, FAILED, Api, Created, add_token, new_owner, of_all
from tests.executions.logs import outcomes
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.commands import run_beside
from tests.support.services import shop
from tests.support.services.shop import PLACE, message_class, order, receipt
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import WAIT

REQUEST, RESPONSE = (Condition(**{kind: {"method": PLACE}}) for kind in ("request", "response"))
FUNCTION = Condition(function={"name": "price"})
CUP = order(item="cup", count=3)
BOUGHT = receipt(id="1", total=7)
SOON = Duration(nanos=250_000_000)
LATE = (code_pb2.DEADLINE_EXCEEDED, "deadline exceeded")
LARGE = 1_500_000


def called(**fields: Any) -> pb.MethodCall:
    return pb.MethodCall(method=PLACE, **fields)


def packed(message: Any) -> pb.Payload:
    return pb.Payload(protobuf=message.SerializeToString())


def as_json(message: Any) -> pb.Payload:
    return pb.Payload(json=json_format.ParseDict(json_format.MessageToDict(message), Struct()))


def place(payload: pb.Payload | None = None, **fields: Any) -> pb.ExecuteRequestRequest:
    return pb.ExecuteRequestRequest(call=called(**fields), request=payload or packed(CUP))


def placed(**fields: Any) -> pb.ExecuteResponseRequest:
    return pb.ExecuteResponseRequest(call=called(**fields), request=packed(CUP), response=packed(BOUGHT))


def price(timeout: Duration | None = None, **fields: Any) -> pb.ExecuteFunctionRequest:
    return pb.ExecuteFunctionRequest(function="price", payload=json_format.ParseDict(fields, Struct()), timeout=timeout)


def bodies(receiver: TargetServer) -> list[Any]:
    return [json.loads(request.body) for request in receiver.requests]


async def bind(api: Api, condition: Condition, endpoint: str, kind: str = "call", **fields: Any) -> Created:
    """Set an execution with one target."""
    created = await api.target(endpoint, kind, **fields)
    await api.set(condition, created)
    return created


async def test_a_target_gets_the_method_who_calls_and_the_headers_that_are_shown(
    each_api: Api, receiver: TargetServer
) -> None:
    await bind(each_api, REQUEST, receiver.url("/ok"))
    headers = {
        name: pb.HeaderValues(values=values)
        for name, values in {
            "host": ["shop.example"],
            "x-forwarded-for": ["192.0.2.1", "192.0.2.2"],
            "authorization": ["Bearer of the shop's user"],
            "cookie": ["a=b"],
            "x-other": ["hidden"],
        }.items()
    }
    answer = await each_api.call(place(user_id="someone", org_id="some org", headers=headers))
    assert answer.code == 0, answer.status
    (body,) = bodies(receiver)
    assert body.pop("instanceID")
    assert body == {
        "fullMethod": PLACE,
        "orgID": "some org",
        "userID": "someone",
        "request": {"item": "cup", "count": "3"},
        "headers": {"host": ["shop.example"], "x-forwarded-for": ["192.0.2.1", "192.0.2.2"]},
    }


async def test_a_call_by_nobody_known_is_one_of_the_owner(any_api: Api, receiver: TargetServer) -> None:
    await bind(any_api, REQUEST, receiver.url("/ok"))
    await any_api.call(place())
    (body,) = bodies(receiver)
    assert body.keys() == {"fullMethod", "instanceID", "orgID", "request"}
    assert body["orgID"] == any_api.owner


async def test_a_target_of_a_response_gets_the_request_too(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/dearer", ok(b'{"total": "8"}'))
    await bind(each_api, RESPONSE, receiver.url("/dearer"))
    answer = await each_api.call(placed(user_id="someone"))
    assert message_class("Receipt").FromString(answer.response.response.protobuf) == receipt(id="1", total=8)
    (body,) = bodies(receiver)
    assert (body["request"], body["response"]) == ({"item": "cup", "count": "3"}, {"id": "1", "total": "7"})
    assert body["userID"] == "someone"


async def test_targets_of_a_function_get_its_name_and_what_those_before_have_made(
    each_api: Api, receiver: TargetServer
) -> None:
    receiver.script("/first", ok(b'{"price": 7, "function": "another"}'))
    first, second = [await each_api.target(receiver.url(path), "call") for path in ("/first", "/ok")]
    await each_api.set(FUNCTION, first, second)
    answer = await each_api.call(price(item="cup", price=None))
    assert json_format.MessageToDict(answer.response.payload) == {"item": "cup", "price": 7}
    assert bodies(receiver) == [
        {"function": "function/price", "item": "cup", "price": None},
        {"function": "function/price", "item": "cup", "price": 7},
    ]


CALLS: dict[str, tuple[Condition, Any]] = {
    "a request": (REQUEST, lambda timeout: place(timeout=timeout)),
    "a response": (RESPONSE, lambda timeout: placed(timeout=timeout)),
    "a function": (FUNCTION, price),
}
"""For each method that runs executions: the condition, and a request with a timeout."""


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("interrupts", [True, False])
async def test_the_timeout_of_what_is_called_cuts_the_call_of_a_target(
    case: str, interrupts: bool, any_api: Api, receiver: TargetServer
) -> None:
    condition, request = CALLS[case]
    created = await bind(any_api, condition, receiver.url("/hold"), interrupts=interrupts)
    assert (await any_api.call(request(SOON))).end == LATE
    await receiver.until(lambda: receiver.open == 0)
    assert outcomes(any_api.server, created.id) == [("failed", "cancelled")]


async def test_the_deadline_of_the_call_cuts_the_call_of_a_target(each_api: Api, receiver: TargetServer) -> None:
    await bind(each_api, REQUEST, receiver.url("/hold"))
    assert (await each_api.call(place(timeout=Duration(seconds=60)), seconds=0.25)).code == code_pb2.DEADLINE_EXCEEDED
    await receiver.until(lambda: len(receiver.requests) == 1 and receiver.open == 0)


async def test_a_client_that_leaves_cuts_the_call_of_a_target(each_api: Api, receiver: TargetServer) -> None:
    created = await bind(each_api, REQUEST, receiver.url("/hold"))
    async with each_api.begin(place()) as running:
        await receiver.until(lambda: receiver.open == 1 and len(receiver.requests) == 1)
        running.leave()
        await receiver.until(lambda: receiver.open == 0)
    assert outcomes(each_api.server, created.id) == [("failed", "cancelled")]


async def test_a_timeout_that_is_longer_than_any_call_is_none(any_api: Api, receiver: TargetServer) -> None:
    await bind(any_api, REQUEST, receiver.url("/ok"))
    assert (await any_api.call(place(timeout=Duration(seconds=315_576_000_000)))).code == 0


async def test_no_execution_runs_around_the_methods_that_run_executions(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"), "call")
    for kind in ("request", "response"):
        await each_api.set(of_all(kind), created)
    await each_api.set(FUNCTION, created)
    for request in (place(), placed(), price()):
        assert (await each_api.call(request)).code == 0
    assert [body.get("fullMethod", body.get("function")) for body in bodies(receiver)] == [
        PLACE,
        PLACE,
        "function/price",
    ]


async def test_executions_run_around_a_dry_run_as_around_any_other_call(any_api: Api, receiver: TargetServer) -> None:
    await bind(any_api, of_all("request"), receiver.url("/ok"))
    answer = await any_api.call(pb.DryRunRequest(request=place()))
    assert [step.endpoint for step in answer.response.steps] == [receiver.url("/ok")]
    assert [body["fullMethod"] for body in bodies(receiver)] == ["/actiond.v1.ExecutionService/DryRun"]


async def test_a_dry_run_calls_no_target(each_api: Api, receiver: TargetServer) -> None:
    for condition in (REQUEST, RESPONSE, FUNCTION):
        await bind(each_api, condition, receiver.url("/ok"))
    for trigger in (
        pb.DryRunRequest(request=place()),
        pb.DryRunRequest(response=placed()),
        pb.DryRunRequest(function=price(item="cup")),
    ):
        answer = await each_api.call(trigger)
        assert len(answer.response.steps) == 1
        assert json.loads(answer.response.body)
    assert receiver.accepted == 0


async def test_what_a_dry_run_shows_is_what_the_target_gets(each_api: Api, receiver: TargetServer) -> None:
    triggers = ((REQUEST, "request", place()), (RESPONSE, "response", placed()), (FUNCTION, "function", price(a=[1])))
    for condition, field, request in triggers:
        await bind(each_api, condition, receiver.url("/ok"))
        trigger: dict[str, Any] = {field: request}
        shown = (await each_api.call(pb.DryRunRequest(**trigger))).response.body
        assert (await each_api.call(request)).code == 0
        assert receiver.requests[-1].body == shown.encode()


async def test_executions_of_another_owner_do_not_run(
    each_api: Api, server: ServerProcess, receiver: TargetServer
) -> None:
    other = await add_token(server, f"{each_api.owner}1")
    for condition in (REQUEST, RESPONSE, FUNCTION):
        await bind(other, condition, receiver.url("/ok"))
    for request in (place(), placed(), price()):
        answer = await each_api.call(request)
        assert (answer.code, answer.response.executed) == (0, False)
    assert receiver.accepted == 0


async def test_a_caller_cannot_bypass_what_it_asks_for(any_api: Api, receiver: TargetServer) -> None:
    await bind(any_api, REQUEST, receiver.url("/status/500"))
    assert (await any_api.call(place(), metadata=(BYPASS,))).end == FAILED


async def test_what_is_set_is_said_with_a_revision_that_grows(any_api: Api, receiver: TargetServer) -> None:
    async def known() -> pb.SetExecutions:
        found: pb.SetExecutions = (await any_api.call(place())).response.set
        return found

    nothing = await known()
    await bind(any_api, RESPONSE, receiver.url("/ok"))
    response = await known()
    await bind(any_api, REQUEST, receiver.url("/ok"))
    both = await known()
    await any_api.set(REQUEST)
    emptied = await known()
    assert [(one.request, one.response) for one in (nothing, response, both, emptied)] == [
        (False, False),
        (False, True),
        (True, True),
        (False, True),
    ]
    assert nothing.revision < response.revision < both.revision < emptied.revision
    assert (await any_api.call(placed())).response.set == emptied


UNKNOWN_FIELD = b"\xba\x3e\x01x"
"""Field 999, which no order has."""


@pytest.mark.parametrize("path", ["/ok", "/empty"])
async def test_a_message_that_is_left_as_it_is_comes_back_byte_by_byte(
    path: str, any_api: Api, receiver: TargetServer
) -> None:
    await bind(any_api, REQUEST, receiver.url(path))
    sent = UNKNOWN_FIELD + CUP.SerializeToString()
    answer = await any_api.call(place(pb.Payload(protobuf=sent)))
    assert (answer.response.executed, answer.response.changed) == (True, False)
    assert answer.response.request.protobuf == sent


async def test_a_message_that_a_target_changes_keeps_fields_that_nobody_knows(
    any_api: Api, receiver: TargetServer
) -> None:
    receiver.script("/rename", ok(b'{"item": "glass"}'))
    await bind(any_api, REQUEST, receiver.url("/rename"))
    answer = await any_api.call(place(pb.Payload(protobuf=UNKNOWN_FIELD + CUP.SerializeToString())))
    assert answer.response.changed
    assert answer.response.request.protobuf == order(item="glass", count=3).SerializeToString() + UNKNOWN_FIELD


async def test_a_message_that_breaks_its_own_rules_is_a_failure_of_the_target(
    any_api: Api, receiver: TargetServer
) -> None:
    receiver.script("/endless", ok(json.dumps({"lines": [{"amount": -1}]}).encode()))
    await bind(any_api, REQUEST, receiver.url("/endless"))
    assert (await any_api.call(place())).end == FAILED


def nested(levels: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"item": "cup"}
    for _ in range(levels - 1):
        fields = {"then": fields}
    return fields


@pytest.mark.parametrize(("levels", "code"), [(32, 0), (33, code_pb2.INVALID_ARGUMENT)])
async def test_a_target_may_nest_json_as_deep_as_callers_may(
    levels: int, code: int, each_api: Api, receiver: TargetServer
) -> None:
    receiver.script("/nests", ok(json.dumps(nested(levels)).encode()))
    await bind(each_api, REQUEST, receiver.url("/nests"))
    answer = await each_api.call(place(as_json(order())))
    assert answer.code == code
    if code:
        assert answer.detail(error_details_pb2.ErrorInfo).reason == "MESSAGE_NOT_JSON"
        assert "nested it in more than 32 levels" in str(answer.status)
    else:
        assert json_format.MessageToDict(answer.response.request.json) == nested(levels)
    # What is no JSON for the caller may be as deep as JSON may be.
    assert (await each_api.call(place())).code == 0


@asynccontextmanager
async def serving(directory: Path, *flags: str) -> AsyncIterator[Api]:
    """A server of the test's own, and a client of it."""
    described = ("--descriptor-set", str(shop.write_descriptor_set(directory)), "--execution-function", "price")
    with ServerProcess(directory, "--allow-address", "127.0.0.0/8", *described, *flags) as server:
        yield await add_token(server, "1")
        assert "Traceback" not in server.stderr


async def test_an_execution_has_no_more_time_than_its_budget(tmp_path: Path, receiver: TargetServer) -> None:
    async with serving(tmp_path, "--execution-budget", "300ms") as api:
        hangs = await api.target(receiver.url("/hold"), "call", interrupts=False)
        for condition, request in ((REQUEST, place()), (RESPONSE, placed()), (FUNCTION, price())):
            await api.set(condition, hangs, await api.target(receiver.url("/ok"), "call"))
            assert (await api.call(request)).end == FAILED
    assert receiver.paths() == ["/hold"] * 3


@pytest.mark.parametrize("form", [packed, as_json])
async def test_a_large_message_is_changed_and_whole_in_both_forms(
    form: Any, tmp_path: Path, receiver: TargetServer
) -> None:
    receiver.script("/count", ok(b'{"count": 4}'))
    async with serving(tmp_path, "--max-body", "8000000") as api:
        for condition in (REQUEST, RESPONSE):
            await bind(api, condition, receiver.url("/count"))
        large = "ü" * (LARGE // 2)
        for protocol in ("grpc", "json"):
            answer = await api.over(protocol).call(place(form(order(item=large))))
            assert answer.code == 0, answer.status
            assert answer.response.request == form(order(item=large, count=4))


async def watch_of(channel: grpc.aio.Channel, token: str) -> Any:
    """Begin a watch, and wait for its first message."""
    stub: Any = ExecutionServiceStub(channel)  # type: ignore[no-untyped-call]  # it is generated
    watch = stub.WatchExecutions(pb.WatchExecutionsRequest(), metadata=[("authorization", f"Bearer {token}")])
    async with asyncio.timeout(WAIT):
        assert isinstance(await watch.read(), pb.WatchExecutionsResponse)
    return watch


async def test_a_change_by_another_process_reaches_a_watch_within_half_a_second(
    api: Api, server: ServerProcess
) -> None:
    await api.set(REQUEST)
    async with grpc.aio.insecure_channel(server.grpc_target) as channel:
        watch = await watch_of(channel, api.token)
        first = (await watch.read()).revision
        moments: dict[int, float] = {}

        async def follow() -> None:
            while max(moments, default=first) == first:
                moments.setdefault((await watch.read()).revision, time.monotonic())

        following = asyncio.create_task(follow())
        await run_beside(server, "execution", "delete", f"request{PLACE}", "--owner", api.owner)
        ended = time.monotonic()
        async with asyncio.timeout(WAIT):
            await following
        watch.cancel()
    # The command is changing the database before it ends. A busy machine may take longer than the server's 0.2 s.
    assert moments[max(moments)] - ended < 0.5 + 1


async def test_watches_are_bounded_in_number(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, "--max-concurrent", "16") as api,
        grpc.aio.insecure_channel(api.server.grpc_target) as channel,
    ):
        watches = [await watch_of(channel, api.token) for _ in range(3)]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch_of(channel, api.token)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert caught.value.details() == "Too many watches at once (ACTIOND-watches)"
        watches.pop().cancel()
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    watches.append(await watch_of(channel, api.token))
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.01)
        for watch in watches:
            watch.cancel()


async def test_a_watch_outlives_its_token_and_the_next_one_is_refused(server: ServerProcess) -> None:
    """A token is looked at when a watch begins, so that one that is revoked is refused after ten minutes at most."""
    api = await asyncio.to_thread(new_owner, server)
    async with grpc.aio.insecure_channel(server.grpc_target) as channel:
        watch = await watch_of(channel, api.token)
        await run_beside(server, "token", "revoke", api.user)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch_of(channel, api.token)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert isinstance(await watch.read(), pb.WatchExecutionsResponse)
        watch.cancel()


async def test_a_watch_needs_the_permission_to_run_executions(server: ServerProcess) -> None:
    api = await add_token(server, "1", "execution.read")
    async with grpc.aio.insecure_channel(server.grpc_target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch_of(channel, api.token)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
