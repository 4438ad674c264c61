"""The typed client, over both of grpcio's channels, with the real actiond."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, assert_type

import grpc
import pytest
from actiond_protos import aio_clients, clients
from actiond_protos.actiond.v1.delivery_service_pb2 import GetCallerRequest
from actiond_protos.actiond.v1.execution_service_pb2 import (
    ExecuteRequestRequest,
    ExecuteRequestResponse,
    WatchExecutionsRequest,
)
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    CreateTargetResponse,
    GetTargetByIDRequest,
    ListTargetsRequest,
)
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTWebhook
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from actiond.api.served import ACTION_SERVICE_V2, ACTION_SERVICE_V2BETA, EXTERNAL_PROCESSOR, SERVICES
from actiond.client import Client, aio, problem_of, signing_key, whsec
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.actions_double import TOKEN, ActionsDouble, hangs


@pytest.fixture(scope="module")
def actiond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("actiond")) as server:
        yield server


@pytest.fixture
def client(actiond: ServerProcess) -> Iterator[Client]:
    with grpc.insecure_channel(actiond.grpc_target) as channel:
        yield Client(channel, token=ADMIN_TOKEN)


@pytest.fixture
async def aio_client(actiond: ServerProcess) -> AsyncIterator[aio.Client]:
    async with grpc.aio.insecure_channel(actiond.grpc_target) as channel:
        yield aio.Client(channel, token=ADMIN_TOKEN)


def new_target(name: str) -> CreateTargetRequest:
    return CreateTargetRequest(
        name=name, endpoint="https://example.com/", timeout=Duration(seconds=1), rest_webhook=SetRESTWebhook()
    )


def test_it_calls_each_service(client: Client) -> None:
    made = client.actions.create_target(new_target("one"))
    assert client.actions.get_target_by_id(GetTargetByIDRequest(target_id=made.id)).target.name == "one"
    assert client.deliveries.get_caller(GetCallerRequest()).ListFields()
    watch = client.executions.watch_executions(WatchExecutionsRequest())
    assert next(iter(watch)).revision <= next(watch).revision
    assert watch.cancel()


async def test_it_calls_each_service_in_an_event_loop(aio_client: aio.Client) -> None:
    made = await aio_client.actions.create_target(new_target("two"))
    assert (await aio_client.actions.get_target_by_id(GetTargetByIDRequest(target_id=made.id))).target.name == "two"
    assert (await aio_client.deliveries.get_caller(GetCallerRequest())).ListFields()
    watch = aio_client.executions.watch_executions(WatchExecutionsRequest())
    revisions = []
    async for message in watch:
        revisions.append(message.revision)
        if len(revisions) == 2:
            break
    assert revisions == sorted(revisions)
    watch.cancel()


def test_the_signing_key_of_a_created_target_is_beside_the_response(client: Client) -> None:
    response, running = client.actions.create_target.with_call(new_target("signed"), timeout=10)
    assert_type(response, CreateTargetResponse)
    assert response.id
    metadata = dict(running.trailing_metadata())
    assert signing_key(running.trailing_metadata()) == metadata["actiond-signing-key"]
    assert whsec(signing_key(running.trailing_metadata())) == metadata["actiond-webhook-secret"]


async def test_the_signing_key_of_a_created_target_is_beside_the_response_in_an_event_loop(
    aio_client: aio.Client,
) -> None:
    running = aio_client.actions.create_target(new_target("signed too"))
    response = await running
    assert_type(response, CreateTargetResponse)
    assert response.id
    metadata = await running.trailing_metadata()
    assert aio.signing_key(metadata) == metadata["actiond-signing-key"]


def test_another_call_has_no_signing_key(client: Client) -> None:
    _, running = client.actions.list_targets.with_call(ListTargetsRequest())
    for metadata in (running.trailing_metadata(), (), None):
        with pytest.raises(LookupError, match="has no actiond-signing-key"):
            signing_key(metadata)


def test_an_error_says_what_is_wrong(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.actions.create_target(new_target(""))
    problem = problem_of(caught.value)
    assert problem.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(problem.violations) == ["name"]
    with pytest.raises(grpc.RpcError) as caught:
        client.actions.get_target_by_id(GetTargetByIDRequest(target_id="1"))
    problem = problem_of(caught.value)
    assert (problem.id, problem.reason, problem.domain) == ("QUERY-hj5oaniyrz", "TARGET_NOT_FOUND", "actiond")
    assert problem.message == "Target not found (QUERY-hj5oaniyrz)"
    assert problem.retry_delay is None


async def test_an_error_in_an_event_loop_says_what_is_wrong(aio_client: aio.Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await aio_client.actions.get_target_by_id(GetTargetByIDRequest(target_id="1"))
    assert problem_of(caught.value).id == "QUERY-hj5oaniyrz"


class Failed(grpc.RpcError):
    """An error with these details."""

    def __init__(self, details: bytes) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "try later"

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._details),)


def test_an_error_says_when_to_try_again() -> None:
    status = status_pb2.Status(code=14)
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)))
    assert problem_of(Failed(status.SerializeToString())).retry_delay == 1.5


@pytest.mark.parametrize("details", [b"", b"\xff", status_pb2.Status(details=[{"value": b"\xff"}]).SerializeToString()])
def test_details_that_do_not_parse_are_left_out(details: bytes) -> None:
    problem = problem_of(Failed(details))
    assert (problem.code, problem.message, problem.id) == (grpc.StatusCode.UNAVAILABLE, "try later", "")


def test_a_client_sends_its_own_token(actiond: ServerProcess) -> None:
    with grpc.insecure_channel(actiond.grpc_target) as channel, pytest.raises(grpc.RpcError) as caught:
        Client(channel, token="no-token").actions.list_targets(ListTargetsRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def execute(client: Client, way: str, timeout: float | None = None) -> ExecuteRequestResponse:
    method, request = client.executions.execute_request, ExecuteRequestRequest()
    return method(request, timeout=timeout) if way == "alone" else method.with_call(request, timeout=timeout)[0]


@pytest.mark.parametrize("way", ["alone", "with its call"])
@pytest.mark.parametrize(("own", "given"), [(0.2, None), (10, 0.2)])
def test_a_call_has_a_deadline_unless_it_is_given_another(way: str, own: float, given: float | None) -> None:
    with ActionsDouble() as actiond, grpc.insecure_channel(actiond.target) as channel:
        assert execute(Client(channel, token=TOKEN, timeout=0), way, timeout=10).HasField("set")
        actiond.on_request = hangs(actiond)
        with pytest.raises(grpc.RpcError) as caught:
            execute(Client(channel, token=TOKEN, timeout=own), way, timeout=given)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("module", [clients, aio_clients])
def test_every_method_of_every_service_has_its_types(module: Any) -> None:
    words = {"GetTargetByID": "get_target_by_id", "DryRun": "dry_run", "SetExecution": "set_execution"}
    for service in SERVICES:
        if service in (EXTERNAL_PROCESSOR, ACTION_SERVICE_V2BETA):
            continue  # it is Envoy that calls the one, and clients of ZITADEL's that call the other
        version = "V2" if service is ACTION_SERVICE_V2 else ""
        client = getattr(module, f"{service.name}{version}Client")
        methods: dict[str, Any] = {
            name: member.fget if isinstance(member, property) else member
            for name, member in vars(client).items()
            if name[0] != "_"
        }
        assert len(methods) == len(service.methods)
        for method in service.methods:
            name = words.get(method.name) or "".join(
                f"_{letter.lower()}" if letter.isupper() else letter for letter in method.name
            ).lstrip("_")
            annotations = methods[name].__annotations__
            assert f"_pb2.{method.output_type.name}" in annotations["return"]
            assert f"_pb2.{method.input_type.name}" in annotations.get("request", annotations["return"])
            assert methods[name].__doc__


def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(tmp_path: Path) -> None:
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(ValueError, match="token is empty") as caught:
        Client(channel, token="secret\r\nx: y")
    assert "secret" not in str(caught.value)
