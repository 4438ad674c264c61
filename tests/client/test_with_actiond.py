"""The interceptors with the real actiond: its executions, deadlines and kills, and two processes on one database."""

import functools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1.execution_service_pb2 import SetConditionRequest
from actiond_protos.zitadel.action.v3alpha import execution_pb2, target_pb2
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    DeleteExecutionRequest,
    ListExecutionsRequest,
    SetExecutionRequest,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict

from actiond.client import Client, User, problem_of
from actiond.client.interceptors.rules import SILENCE
from tests.client.shop import (
    FLAVOURS,
    KINDS,
    SERVICE,
    WATCHERS,
    Outcome,
    Served,
    begin,
    call,
    call_on,
    order,
    serve,
    write_descriptor_set,
)
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.ports import lasting_port
from tests.support.targets.answers import STANDARD, ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

ITEMS = ("tea", "cake")
FLAVOUR = pytest.mark.parametrize("flavour", FLAVOURS)
WATCHER = pytest.mark.parametrize("flavour", WATCHERS)
METHOD = pytest.mark.parametrize("method", KINDS)
REFUSED = Outcome((), grpc.StatusCode.UNAVAILABLE, "actions are unavailable")

ANSWERS = {
    **STANDARD,
    "coffee": ok(b'{"item": "coffee"}'),
    "forward": ok(b'{"forwardedStatusCode": 403, "forwardedErrorMessage": "tea is for members"}'),
    "fail": ok(b"{}", status=500),
}


@pytest.fixture(scope="module")
def targets() -> Iterator[TargetServer]:
    with TargetServer(ANSWERS) as server:
        yield server


def start(
    directory: Path, *, database: str | None = None, data_dir: Path | None = None, grpc_port: int = 0
) -> ServerProcess:
    directory.mkdir(exist_ok=True)
    described = write_descriptor_set(directory / "shop.binpb")
    options = ("--descriptor-set", str(described), "--allow-address", "127.0.0.0/8")
    address = f"127.0.0.1:{grpc_port}"
    return ServerProcess(directory, *options, database=database, data_dir=data_dir, grpc_address=address).start()


@pytest.fixture(scope="module")
def actiond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = start(tmp_path_factory.mktemp("actiond"))
    yield server
    server.stop()


@pytest.fixture
def client(actiond: ServerProcess) -> Iterator[Client]:
    """A client of actiond, on which nothing is set."""
    with grpc.insecure_channel(actiond.grpc_target) as channel:
        made = Client(channel, token=ADMIN_TOKEN)
        yield made
        for execution in made.actions.list_executions(ListExecutionsRequest()).result:
            made.actions.delete_execution(DeleteExecutionRequest(condition=execution.Condition))


def set_execution(client: Client, condition: dict[str, Any], url: str, timeout: float = 10) -> None:
    created = client.actions.create_target(
        CreateTargetRequest(
            name=f"target-{time.time_ns()}",
            endpoint=url,
            timeout=Duration(nanos=round(timeout * 1e9) % 10**9, seconds=int(timeout)),
            rest_call=target_pb2.SetRESTCall(interrupt_on_error=True),
        )
    )
    steps = [execution_pb2.ExecutionTargetType(target=created.id)]
    client.actions.set_execution(
        SetExecutionRequest(condition=ParseDict(condition, execution_pb2.Condition()), targets=steps)
    )


def on_service(side: str) -> dict[str, Any]:
    return {side: {"service": SERVICE}}


@pytest.fixture
def served(flavour: str, actiond: ServerProcess) -> Iterator[Served]:
    """A shop with executions for each message of its streams."""
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, streams=True) as shop:
        yield shop


def calls(shop: Served) -> dict[str, Outcome]:
    """Call every method."""
    return {method: call(shop.target, method, ITEMS) for method in KINDS}


@FLAVOUR
def test_without_executions_every_call_is_as_the_service_has_it(client: Client, served: Served) -> None:
    assert calls(served) == {
        "Place": Outcome(("handled tea",)),
        "Follow": Outcome(("handled tea 0", "handled tea 1", "handled tea 2")),
        "Fill": Outcome(("handled tea,cake",)),
        "Chat": Outcome(("handled tea", "handled cake")),
    }


@FLAVOUR
def test_a_target_changes_requests(client: Client, targets: TargetServer, served: Served) -> None:
    set_execution(client, on_service("request"), targets.url("/coffee"))
    assert calls(served) == {
        "Place": Outcome(("handled coffee",)),
        "Follow": Outcome(("handled coffee 0", "handled coffee 1", "handled coffee 2")),
        "Fill": Outcome(("handled coffee,coffee",)),
        "Chat": Outcome(("handled coffee", "handled coffee")),
    }


@FLAVOUR
def test_a_target_changes_responses(client: Client, targets: TargetServer, served: Served) -> None:
    set_execution(client, on_service("response"), targets.url("/coffee"))
    coffee = ("coffee",)
    assert calls(served) == {
        "Place": Outcome(coffee),
        "Follow": Outcome(coffee * 3),
        "Fill": Outcome(coffee),
        "Chat": Outcome(coffee * 2),
    }


@FLAVOUR
@METHOD
@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize(
    ("path", "code", "message", "reason"),
    [
        ("/fail", grpc.StatusCode.FAILED_PRECONDITION, "Execution failed (EXEC-dra6yamk98)", "EXECUTION_FAILED"),
        (
            "/forward",
            grpc.StatusCode.PERMISSION_DENIED,
            "tea is for members (EXEC-reUaUZCzCp)",
            "EXECUTION_ERROR_FORWARDED",
        ),
    ],
)
def test_a_target_that_interrupts_ends_the_call_with_rich_details(
    client: Client,
    targets: TargetServer,
    served: Served,
    method: str,
    side: str,
    path: str,
    code: Any,
    message: str,
    reason: str,
) -> None:
    set_execution(client, on_service(side), targets.url(path))
    with grpc.insecure_channel(served.target) as channel:
        requests = iter(map(order, ITEMS)) if KINDS[method][0] else order("tea")
        running = begin(channel, method, requests, timeout=15)
        error = _error_of(running) if KINDS[method][1] else running.exception()
    problem = problem_of(error)
    assert (problem.code, problem.message, problem.reason, problem.domain) == (code, message, reason, "actiond")
    assert problem.status.code == code.value[0]
    assert problem.id
    assert bool(served.handled.items) == (side == "response")


def _error_of(responses: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        list(responses)
    return caught.value


@FLAVOUR
def test_targets_get_the_user_that_the_service_names_and_five_headers(
    flavour: str, client: Client, actiond: ServerProcess, targets: TargetServer
) -> None:
    set_execution(client, on_service("request"), targets.url("/ok"))

    def user(context: Any) -> User:
        return User(dict(context.invocation_metadata())["x-user"], "an-organization")

    metadata = (
        ("x-user", "ann"),
        ("authorization", "secret"),
        ("origin", "https://a"),
        ("cookie", "b"),
        ("x-tenant", "c"),
    )
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, user=user, headers=["x-tenant"]) as shop:
        assert call(shop.target, "Place", metadata=metadata) == Outcome(("handled tea",))
    body = json.loads(targets.requests[-1].body)
    assert (body["userID"], body["orgID"]) == ("ann", "an-organization")
    assert body["fullMethod"] == f"/{SERVICE}/Place"
    assert body["request"] == {"item": "tea"}
    assert body["headers"] == {"origin": ["https://a"]}


@WATCHER
def test_an_execution_with_a_match_condition_runs_for_the_calls_that_match(
    client: Client, targets: TargetServer, served: Served
) -> None:
    set_execution(client, on_service("request"), targets.url("/fail"))
    condition = ParseDict(on_service("request"), execution_pb2.Condition())
    match = "'x-tenant' in headers && headers['x-tenant'][0] == 'north' && message.item == 'tea'"
    client.executions.set_condition(SetConditionRequest(condition=condition, match=match))

    def codes() -> list[grpc.StatusCode]:
        tenants = ("north", "south")
        return [call(served.target, "Place", metadata=(("x-tenant", tenant),)).code for tenant in tenants]

    expected = [grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OK]
    until(lambda: codes() == expected, "the condition is seen")
    assert call(served.target, "Place", ["cake"], metadata=(("x-tenant", "north"),)).code is grpc.StatusCode.OK


@FLAVOUR
def test_a_call_that_is_cancelled_or_late_cuts_the_targets_call(
    flavour: str, client: Client, targets: TargetServer, actiond: ServerProcess
) -> None:
    set_execution(client, on_service("request"), targets.url("/hold"), timeout=60)
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, budget=60) as shop:
        before = len(targets.requests)
        with grpc.insecure_channel(shop.target) as channel:
            running = begin(channel, "Place", order("tea"))
            targets.wait_until(lambda: len(targets.requests) > before)
            running.cancel()
            targets.wait_until(lambda: targets.open == 0)
        assert call(shop.target, "Place", timeout=1).code is grpc.StatusCode.DEADLINE_EXCEEDED
        targets.wait_until(lambda: targets.open == 0)
        assert shop.handled.items == []


@WATCHER
def test_a_slow_target_uses_up_the_budget(
    flavour: str, client: Client, targets: TargetServer, actiond: ServerProcess
) -> None:
    set_execution(client, on_service("request"), targets.url("/hold"), timeout=60)
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, budget=0.3) as shop:
        assert call(shop.target, "Place") == REFUSED
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, budget=0.3, fail_open=True) as shop:
        assert call(shop.target, "Place") == Outcome(("handled tea",))


@WATCHER
def test_a_message_larger_than_actiond_takes_does_not_go_on_even_if_fail_open(
    flavour: str, client: Client, targets: TargetServer, actiond: ServerProcess
) -> None:
    set_execution(client, on_service("request"), targets.url("/ok"))
    with serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN, fail_open=True) as shop:
        assert call(shop.target, "Place", ["x" * 2_000_000]) == REFUSED


@WATCHER
def test_a_token_without_the_permission_refuses_calls(
    flavour: str, actiond: ServerProcess, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(flavour, actiond.grpc_target, token="no-token") as shop:
        assert call(shop.target, "Place") == REFUSED
    assert "no-token" not in caplog.text


@WATCHER
def test_an_interrupting_execution_is_not_got_around_by_metadata(
    flavour: str, client: Client, targets: TargetServer, served: Served
) -> None:
    set_execution(client, on_service("request"), targets.url("/fail"))
    for name in ("actiond-bypass-executions", "x-request-id", "grpc-previous-rpc-attempts"):
        code = call(served.target, "Place", metadata=((name, "true"),)).code
        assert code is grpc.StatusCode.FAILED_PRECONDITION


@WATCHER
def test_an_execution_that_another_process_sets_runs_within_a_second(
    flavour: str, actiond: ServerProcess, client: Client, targets: TargetServer, tmp_path: Path
) -> None:
    other = start(tmp_path / "other", database=actiond.database, data_dir=actiond.data_dir)
    try:
        with (
            serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN) as shop,
            grpc.insecure_channel(other.grpc_target) as channel,
        ):
            elsewhere = Client(channel, token=ADMIN_TOKEN)
            for _ in range(3):
                warm(shop)
                set_execution(elsewhere, on_service("request"), targets.url("/fail"))
                start_of_wait = time.monotonic()
                until(
                    lambda: call(shop.target, "Place").code is grpc.StatusCode.FAILED_PRECONDITION,
                    "the execution is seen",
                )
                assert time.monotonic() - start_of_wait < SILENCE
                elsewhere.actions.delete_execution(
                    DeleteExecutionRequest(condition=ParseDict(on_service("request"), execution_pb2.Condition()))
                )
                until(lambda: call(shop.target, "Place") == Outcome(("handled tea",)), "the deletion is seen")
    finally:
        other.stop()


def warm(shop: Served) -> None:
    """Call until it is remembered that nothing is set."""

    def is_remembered() -> bool:
        before = shop.interceptor.counts.asked
        return call(shop.target, "Place") == Outcome(("handled tea",)) and shop.interceptor.counts.asked == before

    until(is_remembered, "nothing is remembered")


@pytest.mark.parametrize(("flavour", "method"), [("threads", "Place"), ("tasks", "Chat")])
def test_an_interrupting_execution_lets_no_call_pass_while_actiond_is_killed_and_restarted(
    flavour: str, method: str, targets: TargetServer, tmp_path: Path
) -> None:
    port = lasting_port()
    actiond = start(tmp_path / "killed", grpc_port=port)
    try:
        with grpc.insecure_channel(actiond.grpc_target) as channel:
            set_execution(Client(channel, token=ADMIN_TOKEN), on_service("request"), targets.url("/fail"))
        ended = threading.Event()
        with serve(flavour, f"127.0.0.1:{port}", token=ADMIN_TOKEN, streams=True) as shop, ThreadPoolExecutor() as pool:

            def load() -> set[grpc.StatusCode]:
                codes = set()
                with grpc.insecure_channel(shop.target) as channel:
                    while not ended.wait(0.005):
                        codes.add(call_on(channel, method, ITEMS).code)
                return codes

            running = [pool.submit(load) for _ in range(3)]
            try:
                for _ in range(2):
                    enough = len(targets.requests) + 20
                    targets.wait_until(functools.partial(lambda count: len(targets.requests) > count, enough))
                    actiond.kill()
                    actiond = start(tmp_path / "killed", grpc_port=port)
            finally:
                ended.set()
            codes = set().union(*(each.result() for each in running))
            assert shop.handled.items == []
        assert codes == {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAVAILABLE}
    finally:
        actiond.stop()
