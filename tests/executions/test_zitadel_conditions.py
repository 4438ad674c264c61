"""Conditions on ZITADEL's own names: what may be set, and how it is triggered though nothing here serves it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2 as delivery_pb
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2_pb
from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as v3_pb
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from google.rpc import code_pb2, error_details_pb2

from actiond.api.zitadel_names import read_zitadel_names
from actiond.executions.json_fields import MAX_BYTES
from tests.executions.api import ELSEWHERE, FAILED, Api, add_token, new_owner
from tests.support.protos import descriptor_set
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import async_until

ADD = "/zitadel.user.v2.UserService/AddHumanUser"
REQUEST, RESPONSE = (Condition(**{kind: {"method": ADD}}) for kind in ("request", "response"))
ANNA: dict[str, Any] = {
    "userName": "anna",
    "profile": {"givenName": "Anna", "familyName": "Berg"},
    "metadata": [{"key": "plan", "value": "Z29sZA=="}],
    "age": 31,
    "email": None,
}
LARGEST = b'{"a": "%s"}' % (b"x" * (MAX_BYTES - 9))
"""A response that is as long as one may be, so that the message with it is longer than one may be."""
FLAG = "--zitadel-conditions"
USERS = """
syntax = "proto3";
package zitadel.user.v2;
service UserService { rpc AddHumanUser(Human) returns (Human); }
message Human { Profile profile = 1; }
message Profile { string given_name = 1; string family_name = 2; }
"""


@pytest.fixture(scope="module")
def zitadel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Knows ZITADEL's names."""
    with ServerProcess(tmp_path_factory.mktemp("zitadel"), "--allow-address", "127.0.0.0/8", FLAG) as server:
        yield server
        stderr = server.stderr
    assert "Traceback" not in stderr, stderr


@pytest.fixture
def named(zitadel: ServerProcess) -> Api:
    return new_owner(zitadel)


def struct(fields: Any) -> Struct:
    return json_format.ParseDict(fields, Struct())


def as_json(fields: Any) -> pb.Payload:
    return pb.Payload(json=struct(fields))


def add(fields: Any = ANNA, method: str = ADD) -> pb.ExecuteRequestRequest:
    return pb.ExecuteRequestRequest(call=pb.MethodCall(method=method, user_id="1"), request=as_json(fields))


def added(response: Any) -> pb.ExecuteResponseRequest:
    return pb.ExecuteResponseRequest(call=pb.MethodCall(method=ADD), request=as_json(ANNA), response=as_json(response))


def fields_of(payload: pb.Payload) -> Any:
    return json_format.MessageToDict(payload)["json"]


def bodies(receiver: TargetServer) -> list[Any]:
    return [json.loads(request.body) for request in receiver.requests]


CONDITIONS = [
    REQUEST,
    RESPONSE,
    Condition(request={"service": "zitadel.user.v2.UserService"}),
    Condition(response={"service": "zitadel.session.v2.SessionService"}),
    Condition(request={"method": "/zitadel.management.v1.ManagementService/AddOrg"}),
    Condition(event={"event": "user.human.added"}),
    Condition(event={"event": "execution.v2.set"}),
    Condition(event={"group": "user"}),
    Condition(event={"group": "user.human"}),
    Condition(function={"name": "preaccesstoken"}),
    Condition(function={"name": "preuserinfo"}),
    Condition(function={"name": "presamlresponse"}),
]


def set_v3(condition: Condition, target: str) -> Any:
    return v3_pb.SetExecutionRequest(condition=condition, targets=[{"target": target}])


def set_v2(condition: Condition, target: str) -> Any:
    request = v2_pb.SetExecutionRequest(targets=[target])
    # The condition has the same fields in each version.
    request.condition.MergeFromString(condition.SerializeToString())
    return request


@pytest.mark.parametrize("setting", [set_v2, set_v3])
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
async def test_conditions_on_names_of_zitadel_are_set_with_the_flag_alone(
    condition: Condition, setting: Callable[[Condition, str], Any], named: Api, api: Api
) -> None:
    for one, code in ((named, 0), (api, code_pb2.NOT_FOUND)):
        target = await one.target(ELSEWHERE)
        assert (await one.call(setting(condition, target.id))).code == code


@pytest.mark.parametrize(
    "condition",
    [
        Condition(request={"method": "/zitadel.user.v2.UserService/AddHuman"}),
        Condition(request={"service": "zitadel.user.v2"}),
        Condition(event={"event": "user.human"}),
        Condition(event={"group": "user.hum"}),
        Condition(function={"name": "preuser"}),
    ],
    ids=str,
)
async def test_what_is_no_name_of_zitadel_is_refused_with_the_flag_too(condition: Condition, named: Api) -> None:
    target = await named.target(ELSEWHERE)
    assert (await named.call(set_v3(condition, target.id))).code == code_pb2.NOT_FOUND


@pytest.mark.parametrize("version", [v2_pb, v3_pb])
async def test_the_lists_of_names_have_them_once(version: Any, named: Api, api: Api) -> None:
    names = read_zitadel_names()
    functions = (await named.look(version.ListExecutionFunctionsRequest())).functions
    assert functions == sorted(names.functions)
    for request, field, wanted in (
        (version.ListExecutionMethodsRequest(), "methods", names.methods),
        (version.ListExecutionServicesRequest(), "services", names.services),
    ):
        listed, before = [list(getattr(await one.look(request), field)) for one in (named, api)]
        assert listed == sorted(set(listed))
        # The other server has a descriptor set besides.
        assert set(listed) == wanted | {name for name in before if "shop.v1" not in name}
        assert not wanted <= set(before)


async def test_an_event_of_zitadel_that_is_published_is_delivered(named: Api, receiver: TargetServer) -> None:
    await named.set(Condition(event={"group": "user.human"}), await named.target(receiver.url("/ok")))
    event = delivery_pb.PublishEventRequest(
        type="user.human.added", aggregate_type="user", aggregate_id="4711", payload=struct({"userName": "anna"})
    )
    assert (await named.call(event)).code == 0
    await receiver.until(lambda: bool(receiver.requests))
    (body,) = bodies(receiver)
    assert (body["event_type"], body["aggregateID"]) == ("user.human.added", "4711")
    assert body["event_payload"] == {"userName": "anna"}


async def test_an_event_of_zitadel_that_is_named_like_our_own_cannot_be_published(named: Api) -> None:
    event = delivery_pb.PublishEventRequest(type="target.key.added", aggregate_type="key", aggregate_id="1")
    answer = await named.call(event)
    assert answer.code == code_pb2.NOT_FOUND
    assert "ACTIOND-event-type" in str(answer.status)


async def test_a_function_of_zitadel_is_run(named: Api, receiver: TargetServer) -> None:
    receiver.script("/claims", ok(b'{"append_claims": [{"key": "plan", "value": "gold"}]}'))
    await named.set(Condition(function={"name": "preaccesstoken"}), await named.target(receiver.url("/claims"), "call"))
    request = pb.ExecuteFunctionRequest(function="preaccesstoken", payload=struct({"userinfo": {"sub": "1"}}))
    answer = await named.call(request)
    assert answer.response.executed
    assert json_format.MessageToDict(answer.response.payload) == {
        "userinfo": {"sub": "1"},
        "append_claims": [{"key": "plan", "value": "gold"}],
    }
    assert bodies(receiver) == [{"function": "function/preaccesstoken", "userinfo": {"sub": "1"}}]


@pytest.mark.parametrize("protocol", ["grpc", "json", "connect", "grpc-web"])
async def test_a_target_gets_a_json_request_as_it_was_sent_and_replaces_its_fields(
    protocol: str, named: Api, receiver: TargetServer
) -> None:
    receiver.script("/change", ok(b'{"profile": {"givenName": "Anne"}, "nickName": "an", "age": null}'))
    first, second = await named.target(receiver.url("/change"), "call"), await named.target(receiver.url("/ok"))
    await named.set(REQUEST, first, second)
    answer = await named.over(protocol).call(add())
    assert answer.code == 0, answer.status
    assert (answer.response.executed, answer.response.changed) == (True, True)
    changed = ANNA | {"profile": {"givenName": "Anne"}, "nickName": "an", "age": None}
    assert fields_of(answer.response.request) == changed
    got, then = bodies(receiver)
    assert got["request"] == ANNA
    assert (got["fullMethod"], got["userID"], got["orgID"]) == (ADD, "1", named.owner)
    assert then["request"] == changed


async def test_a_target_of_a_json_response_gets_the_request_too(named: Api, receiver: TargetServer) -> None:
    receiver.script("/change", ok(b'{"userId": "2"}'))
    await named.set(RESPONSE, await named.target(receiver.url("/change"), "call"))
    answer = await named.call(added({"userId": "1", "emailCode": "x"}))
    assert answer.code == 0, answer.status
    assert (answer.response.executed, answer.response.changed) == (True, True)
    assert fields_of(answer.response.response) == {"userId": "2", "emailCode": "x"}
    (body,) = bodies(receiver)
    assert (body["request"], body["response"]) == (ANNA, {"userId": "1", "emailCode": "x"})


@pytest.mark.parametrize("response", [b"", b"{}", json.dumps(ANNA).encode()])
async def test_a_json_request_that_no_target_changes_comes_back_unchanged(
    response: bytes, named: Api, receiver: TargetServer
) -> None:
    receiver.script("/same", ok(response))
    await named.set(REQUEST, await named.target(receiver.url("/same"), "call"))
    answer = await named.call(add())
    assert (answer.response.executed, answer.response.changed) == (True, False)
    assert answer.response.request == as_json(ANNA)


@pytest.mark.parametrize("response", [b"[]", b"{", b'{"a": 9007199254740993}', LARGEST])
async def test_a_response_that_cannot_be_a_json_message_interrupts_the_call(
    response: bytes, named: Api, receiver: TargetServer
) -> None:
    receiver.script("/bad", ok(response))
    await named.set(REQUEST, await named.target(receiver.url("/bad"), "call"))
    assert (await named.call(add())).end == FAILED


@pytest.mark.parametrize("field", ["request", "response"])
async def test_a_message_as_bytes_is_refused_with_what_is_missing(field: str, named: Api, dead_end: str) -> None:
    for condition in (REQUEST, RESPONSE):
        await named.set(condition, await named.target(dead_end))
    calls: list[Any] = [added({})]
    if field == "request":
        calls.append(add())
    for request in calls:
        getattr(request, field).protobuf = b"\x0a\x01x"
        for prefix, one in (("", request), (f"{_trigger(request)}.", pb.DryRunRequest(**{_trigger(request): request}))):
            answer = await named.call(one)
            assert answer.code == code_pb2.INVALID_ARGUMENT
            (violation,) = answer.detail(error_details_pb2.BadRequest).field_violations
            assert violation.field == f"{prefix}{field}.protobuf"
            assert violation.description.startswith("must be sent as json: ")
            assert "--descriptor-set, --reflect" in violation.description


def _trigger(request: pb.ExecuteRequestRequest | pb.ExecuteResponseRequest) -> str:
    return "request" if isinstance(request, pb.ExecuteRequestRequest) else "response"


async def test_a_json_message_is_bounded_in_size(named: Api, dead_end: str) -> None:
    await named.set(REQUEST, await named.target(dead_end))
    answer = await named.call(add({"x": "y" * MAX_BYTES}))
    (violation,) = answer.detail(error_details_pb2.BadRequest).field_violations
    assert (violation.field, violation.description) == ("request.json", f"must be at most {MAX_BYTES} bytes of JSON")


async def test_what_is_no_method_of_zitadel_stays_unknown(named: Api, dead_end: str) -> None:
    await named.set(Condition(request={"all": True}), await named.target(dead_end))
    for method in ("/zitadel.user.v2.UserService/AddHuman", "/shop.v1.Shop/Place"):
        answer = await named.call(add(method=method))
        assert answer.detail(error_details_pb2.ErrorInfo).reason == "METHOD_UNKNOWN"


async def test_a_dry_run_shows_the_body_with_the_json_message(named: Api, dead_end: str) -> None:
    for condition in (REQUEST, RESPONSE):
        await named.set(condition, await named.target(dead_end))
    shown = await named.look(pb.DryRunRequest(request=add()))
    assert json.loads(shown.body)["request"] == ANNA
    shown = await named.look(pb.DryRunRequest(response=added({"userId": "1"})))
    assert (json.loads(shown.body)["request"], json.loads(shown.body)["response"]) == (ANNA, {"userId": "1"})
    assert [step.endpoint for step in shown.steps] == [dead_end]


@pytest.mark.parametrize(
    ("match", "is_met"),
    [
        ("message.userName == 'anna' && message.profile.givenName == 'Anna'", True),
        ("message.age > 30 && message.age == 31", True),
        ("message.metadata.exists(m, m.key == 'plan')", True),
        ("has(message.nickName)", False),
        ("message['userName'] == 'bob'", False),
    ],
)
async def test_match_conditions_look_into_a_json_message(match: str, is_met: bool, named: Api, dead_end: str) -> None:
    await named.set(REQUEST, await named.target(dead_end))
    await named.look(pb.SetConditionRequest(condition=REQUEST, match=match))
    answer = await named.call(add())
    assert (answer.end == FAILED) == is_met
    assert is_met or not answer.response.executed


async def test_a_match_condition_on_a_field_that_a_json_message_lacks_is_met_and_logged(
    named: Api, dead_end: str
) -> None:
    await named.set(REQUEST, await named.target(dead_end))
    await named.look(pb.SetConditionRequest(condition=REQUEST, match="message.nickName == 'an'"))
    assert (await named.call(add())).end == FAILED
    await async_until(
        lambda: f"match condition counts as met: {ADD}: " in named.server.stderr, "the condition is in the log"
    )
    shown = await named.look(pb.DryRunRequest(request=add()))
    assert "nickName" in shown.candidates[0].match_error


async def test_types_of_a_descriptor_set_win_against_the_name(tmp_path: Path, receiver: TargetServer) -> None:
    protos, described = tmp_path / "protos", tmp_path / "users.binpb"
    protos.mkdir()
    (protos / "users.proto").write_text(USERS)
    described.write_bytes(descriptor_set(protos).SerializeToString())
    receiver.script("/change", ok(b'{"profile": {"familyName": "Vogel"}}'))
    flags = ("--allow-address", "127.0.0.0/8", FLAG, "--descriptor-set", str(described))
    with ServerProcess(tmp_path, *flags) as server:
        api = await add_token(server, "1")
        await api.set(REQUEST, await api.target(receiver.url("/change"), "call"))
        # Typed messages are merged in depth.
        answer = await api.call(add({"profile": {"givenName": "Anna"}}))
        assert fields_of(answer.response.request) == {"profile": {"givenName": "Anna", "familyName": "Vogel"}}
        answer = await api.call(add({"nobodyKnows": "this"}))
        (violation,) = answer.detail(error_details_pb2.BadRequest).field_violations
        assert violation.field == "request.json"


READER = """
import sys
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith("zitadel_names.txt"):
        sys.stderr.write("the names are read\\n")
sys.addaudithook(hook)
from actiond.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("flags", [(), (FLAG,)])
def test_without_the_flag_the_file_is_not_opened(flags: tuple[str, ...], tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, *flags)
    server.command[:3] = [sys.executable, "-c", READER]
    with server:
        assert ("the names are read" in server.stderr) == bool(flags)
