"""The runner by itself: the order of calls, what becomes of the payload, and what ends an execution."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

import pytest

from actiond.actions.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    TargetFailedError,
    TargetKeyMissingError,
)
from actiond.actions.ports import AttemptResult, TargetRequest
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.executions.plans import PlannedCall, PlannedExecution
from actiond.executions.runner import Runner, RunningCall

T = TypeVar("T")
WEBHOOK, CALL, ASYNC = TargetType.WEBHOOK, TargetType.CALL, TargetType.ASYNC
KEYS = (SigningKey(b"sealed"),)
BUDGET = 10.0


@dataclass
class Text:
    """A payload that a response is appended to."""

    text: str = ""
    encoded: list[str] = field(default_factory=list)

    async def body(self) -> bytes:
        self.encoded.append(self.text)
        return self.text.encode()

    async def merged(self, response_body: bytes) -> Self:
        return type(self)(self.text + response_body.decode(), self.encoded)


class _NoKeyError(TargetFailedError):
    lacks_public_key = True


@dataclass
class Targets:
    """Answers with the target's id, and fails where it is told to."""

    failing: frozenset[str] = frozenset()
    lacking_keys: frozenset[str] = frozenset()
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Target id and body; those in the background with a `+` in front."""
    requests: list[TargetRequest] = field(default_factory=list)
    seconds_each: float = 0.0
    seconds: float = 0.0
    """What the clock shows."""

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        self.requests.append(request)
        self.calls.append((request.target.id, request.body.decode()))
        self.seconds += self.seconds_each
        if request.target.id in self.failing:
            raise TargetFailedError
        if request.target.id in self.lacking_keys:
            raise _NoKeyError
        return await use(request.target.id.encode())

    def start(self, request: TargetRequest) -> None:
        self.calls.append((f"+{request.target.id}", request.body.decode()))

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        raise AssertionError


def planned(*steps: tuple[str, TargetType], interrupts: bool = True, timeout_ns: int = 1) -> PlannedExecution:
    calls = [
        PlannedCall(Target(name, "o", name, kind, interrupts, timeout_ns, "https://example.com/", 1, 0, 0), KEYS)
        for name, kind in steps
    ]
    return PlannedExecution("request/a.B/C", tuple(calls))


def in_time() -> bool:
    return False


async def run(targets: Targets, execution: PlannedExecution, is_late: Callable[[], bool] = in_time) -> str:
    runner = Runner(targets, budget_seconds=BUDGET, clock=lambda: targets.seconds)
    payload = await runner.run(execution, Text(), RunningCall("r-1", is_late))
    return payload.text


async def test_targets_are_called_in_order_each_with_what_those_before_have_made() -> None:
    targets = Targets()
    assert await run(targets, planned(("a", CALL), ("b", CALL), ("c", CALL))) == "abc"
    assert targets.calls == [("a", ""), ("b", "a"), ("c", "ab")]


async def test_a_webhooks_response_changes_nothing() -> None:
    targets = Targets()
    assert await run(targets, planned(("a", WEBHOOK), ("b", CALL))) == "b"
    assert targets.calls == [("a", ""), ("b", "")]


async def test_a_background_target_is_started_with_the_payload_of_its_place() -> None:
    targets = Targets()
    assert await run(targets, planned(("a", CALL), ("b", ASYNC), ("c", CALL))) == "ac"
    assert targets.calls == [("a", ""), ("+b", "a"), ("c", "a")]


async def test_a_target_that_interrupts_ends_the_execution_when_it_fails() -> None:
    targets = Targets(failing=frozenset("b"))
    with pytest.raises(ExecutionFailedError) as caught:
        await run(targets, planned(("a", CALL), ("b", CALL), ("c", CALL)))
    assert [name for name, _ in targets.calls] == ["a", "b"]
    assert caught.value.__suppress_context__


async def test_a_target_without_a_public_key_that_it_needs_ends_the_execution_with_an_error_of_its_own() -> None:
    targets = Targets(lacking_keys=frozenset("b"))
    with pytest.raises(TargetKeyMissingError) as caught:
        await run(targets, planned(("a", CALL), ("b", CALL), ("c", CALL)))
    assert [name for name, _ in targets.calls] == ["a", "b"]
    assert caught.value.__suppress_context__


async def test_a_target_without_a_public_key_that_does_not_interrupt_lets_the_call_go_on() -> None:
    targets = Targets(lacking_keys=frozenset("b"))
    execution = planned(("a", CALL), ("b", CALL), ("c", CALL), interrupts=False)
    assert await run(targets, execution) == "ac"


async def test_a_target_that_does_not_interrupt_leaves_the_payload_when_it_fails() -> None:
    targets = Targets(failing=frozenset("b"))
    assert await run(targets, planned(("a", CALL), ("b", CALL), ("c", CALL), interrupts=False)) == "ac"


async def test_no_target_is_called_after_the_deadline() -> None:
    targets = Targets()
    with pytest.raises(DeadlineExceededError):
        await run(targets, planned(("a", CALL), ("b", ASYNC)), lambda: bool(targets.calls))
    assert [name for name, _ in targets.calls] == ["a"]


async def test_a_call_that_is_late_after_its_last_target_is_not_failed_here() -> None:
    targets = Targets()
    assert await run(targets, planned(("a", CALL)), lambda: bool(targets.calls)) == "a"


async def test_a_request_names_what_it_is_made_for() -> None:
    targets = Targets()
    await run(targets, planned(("a", CALL)))
    (request,) = targets.requests
    assert (request.execution, request.request_id, request.keys) == ("request/a.B/C", "r-1", KEYS)


@pytest.mark.parametrize("is_privileged", [False, True])
async def test_a_request_says_whether_its_caller_may_bypass_executions(is_privileged: bool) -> None:
    targets = Targets()
    call = RunningCall("r-1", in_time, is_privileged)
    await Runner(targets, BUDGET, lambda: 0.0).run(planned(("a", CALL)), Text(), call)
    assert [request.is_privileged for request in targets.requests] == [is_privileged]


def timeouts(targets: Targets) -> list[float]:
    """Return the seconds that each target was given."""
    return [request.target.timeout_ns / 1_000_000_000 for request in targets.requests]


async def test_a_target_has_no_more_time_than_the_budget_leaves() -> None:
    targets = Targets(seconds_each=4.0)
    assert await run(targets, planned(("a", CALL), ("b", CALL), ("c", CALL), timeout_ns=5_000_000_000)) == "abc"
    assert timeouts(targets) == [5.0, 5.0, 2.0]


async def test_once_the_budget_is_used_up_a_target_that_interrupts_fails_the_call_without_being_called() -> None:
    targets = Targets(seconds_each=BUDGET)
    with pytest.raises(ExecutionFailedError):
        await run(targets, planned(("a", CALL), ("b", WEBHOOK)))
    assert [name for name, _ in targets.calls] == ["a"]


async def test_once_the_budget_is_used_up_other_targets_are_ignored_and_background_ones_started() -> None:
    targets = Targets(seconds_each=BUDGET)
    steps = planned(("a", CALL), ("b", CALL), ("c", ASYNC), interrupts=False)
    assert await run(targets, steps) == "a"
    assert targets.calls == [("a", ""), ("+c", "a")]
