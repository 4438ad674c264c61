"""Which of a plan's candidates runs, and what a match condition is shown of the call."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, CreateTargetResponse

from actiond.actions.ports import AttemptResult, MatchFacts, TargetRequest
from actiond.actions.targets import TargetType
from actiond.api.message_payload import Merger
from actiond.api.method_executions import MethodCall, MethodExecutions
from actiond.executions.plans import PlannedCall, PlannedExecution
from actiond.executions.runner import Runner, RunningCall
from rpcfront import JsonCodec
from tests.support.samples import SAMPLE_TARGET

T = TypeVar("T")
REQUEST = CreateTargetRequest(name="a")


class Seen:
    """A match condition that remembers what it was shown."""

    def __init__(self, *, met: bool) -> None:
        self.met = met
        self.facts: list[MatchFacts] = []

    def is_met(self, facts: MatchFacts) -> bool:
        self.facts.append(facts)
        return self.met

    def fault(self, facts: MatchFacts) -> str:
        return ""


class Client:
    """Remembers for which execution each target was called."""

    def __init__(self) -> None:
        self.executions: list[str] = []

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        self.executions.append(request.execution)
        return await use(b'{"name": "changed"}')

    def start(self, request: TargetRequest) -> None:
        raise AssertionError

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        raise AssertionError


def candidate(key: str, match: Seen | None = None, *, calls: int = 1) -> PlannedExecution:
    target = replace(SAMPLE_TARGET, type=TargetType.CALL)
    return PlannedExecution(key, (PlannedCall(target, ()),) * calls, match)


def a_call(*metadata: tuple[str, str | bytes]) -> MethodCall:
    return MethodCall(
        method="/a.B/C",
        owner="owner",
        user_id="user",
        headers={"host": ["example.com"], "x-forwarded-for": ["1.2.3.4"]},
        running=RunningCall("r-1", lambda: False),
        metadata=lambda: metadata,
    )


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def executions(client: Client) -> MethodExecutions:
    plans: Any = None
    return MethodExecutions(plans, Runner(client, 10.0, lambda: 0.0), Merger(JsonCodec(), lambda _: ()), "instance")


async def test_the_first_candidate_whose_condition_is_met_runs(executions: MethodExecutions, client: Client) -> None:
    met, not_met, last = Seen(met=True), Seen(met=False), Seen(met=True)
    chosen = (candidate("one", not_met), candidate("two", met), candidate("three", last))
    changed = await executions.request(chosen, a_call(), REQUEST)
    assert (changed.name, client.executions) == ("changed", ["two"])
    assert (len(not_met.facts), len(met.facts), len(last.facts)) == (1, 1, 0)


async def test_the_message_comes_back_as_it_is_if_no_condition_is_met(
    executions: MethodExecutions, client: Client
) -> None:
    chosen = (candidate("one", Seen(met=False)), candidate("two", Seen(met=False)))
    assert await executions.request(chosen, a_call(), REQUEST) is REQUEST
    response = CreateTargetResponse()
    assert await executions.response(chosen, a_call(), REQUEST, response) is response
    assert client.executions == []


async def test_an_empty_execution_overrides_wider_ones_where_its_condition_is_met(
    executions: MethodExecutions, client: Client
) -> None:
    for met, called in ((True, []), (False, ["two"])):
        client.executions.clear()
        await executions.request((candidate("one", Seen(met=met), calls=0), candidate("two")), a_call(), REQUEST)
        assert client.executions == called


async def test_a_response_execution_is_chosen_by_the_response(executions: MethodExecutions) -> None:
    seen, response = Seen(met=True), CreateTargetResponse()
    await executions.response((candidate("one", seen, calls=0),), a_call(), REQUEST, response)
    (facts,) = seen.facts
    assert facts.message is response


async def test_a_condition_sees_the_call_and_its_headers_but_no_secret(executions: MethodExecutions) -> None:
    seen = Seen(met=False)
    metadata = (
        ("x-forwarded-for", "1.2.3.4"),
        ("x-tenant", "north"),
        ("x-tenant", "south"),
        ("authorization", "Bearer secret"),
        ("cookie", "secret"),
        ("trace-bin", b"\x00"),
    )
    await executions.request((candidate("one", seen),), a_call(*metadata), REQUEST)
    (facts,) = seen.facts
    assert (facts.method, facts.user, facts.org, facts.message) == ("/a.B/C", "user", "owner", REQUEST)
    assert facts.headers == {"host": ["example.com"], "x-forwarded-for": ["1.2.3.4"], "x-tenant": ["north", "south"]}


async def test_without_a_match_condition_nothing_is_collected_for_one(
    executions: MethodExecutions, client: Client
) -> None:
    def refuse() -> Any:
        raise AssertionError

    call = MethodCall("/a.B/C", "owner", "user", {}, RunningCall("r-1", lambda: False), metadata=refuse)
    await executions.request((candidate("one"), candidate("two", Seen(met=True))), call, REQUEST)
    assert client.executions == ["one"]
