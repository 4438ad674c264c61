"""Runs the executions around one call of a method, whoever serves it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson

from actiond.actions.conditions import ExecutionType
from actiond.actions.ports import MatchFacts
from actiond.api.json_message import JsonMessage
from actiond.api.message_payload import AnyMessage, Envelope, Merger, MessagePayload
from actiond.client.headers import SECRET_HEADERS
from actiond.executions.plan_cache import PlanCache
from actiond.executions.plans import Candidates, Considered, MethodPlan, PlannedExecution
from actiond.executions.runner import Runner, RunningCall

M = TypeVar("M", bound=AnyMessage)

Metadata = Callable[[], Iterable[tuple[str, str | bytes]]]


@dataclass(frozen=True, slots=True)
class MethodCall:
    """The facts that executions need about the call that they run around."""

    method: str
    """`/package.Service/Method`."""
    owner: str
    """The resource owner whose executions run."""
    user_id: str
    """Id of who calls; empty if that is not known."""
    headers: Mapping[str, Sequence[str]]
    """Those of client.headers.SHOWN_HEADERS that the call has."""
    running: RunningCall
    org_id: str = ""
    """Id of the organization of who calls; empty if it is the owner."""
    metadata: Metadata = tuple
    """Returns all headers of the call with names in lower case. It is called only for a match condition."""


class MethodExecutions:
    """Runs request and response executions."""

    def __init__(self, plans: PlanCache, runner: Runner, merger: Merger, instance: str) -> None:
        """`instance` is the id that identifies this server to targets."""
        self._plans = plans
        self._runner = runner
        self._merger = merger
        self._instance = instance

    async def plan(self, owner: str, revision: int, path: str) -> MethodPlan:
        """Return what runs around a call of the method `/package.Service/Method`, at `revision` or later."""
        return (await self._plans.of(owner, revision)).for_method(path)

    async def plan_for_unknown(self, owner: str, revision: int, path: str) -> MethodPlan:
        """Return what may be set for a method that is not known, whose path is given in lower case."""
        return (await self._plans.of(owner, revision)).for_unknown(path)

    async def considered(self, kind: ExecutionType, call: MethodCall, revision: int) -> Sequence[Considered]:
        """Return every condition that a call meets, the most specific one first, at `revision` or later."""
        return list((await self._plans.of(call.owner, revision)).considered(kind, call.method))

    async def request(self, candidates: Candidates, call: MethodCall, request: M) -> M:
        """Return the request as the targets leave it, the same object if nothing ran. Raises like `Runner.run`."""
        execution = await self.choose(candidates, call, request)
        return request if execution is None else await self.run_request(execution, call, request)

    async def response(self, candidates: Candidates, call: MethodCall, request: AnyMessage, response: M) -> M:
        """Return the response as the targets leave it, the same object if nothing ran. Raises like `Runner.run`."""
        execution = await self.choose(candidates, call, response)
        return response if execution is None else await self.run_response(execution, call, request, response)

    async def choose(self, candidates: Candidates, call: MethodCall, message: AnyMessage) -> PlannedExecution | None:
        """Return the execution that runs: None if no match condition is met, or if the first that is calls nothing."""
        facts = None
        for candidate in candidates:
            if candidate.match is not None:
                facts = facts or facts_of(call, message)
                if not candidate.match.is_met(facts):
                    continue
            return candidate if candidate.calls else None
        return None

    async def run_request(self, execution: PlannedExecution, call: MethodCall, request: M) -> M:
        """Run an execution that was chosen. Return and raise like `request`."""
        return (await self._runner.run(execution, self.request_payload(call, request), call.running)).message

    async def run_response(self, execution: PlannedExecution, call: MethodCall, request: AnyMessage, response: M) -> M:
        """Run an execution that was chosen. Return and raise like `response`."""
        payload = await self.response_payload(call, request, response)
        return (await self._runner.run(execution, payload, call.running)).message

    def request_payload(self, call: MethodCall, request: M) -> MessagePayload[M]:
        """Return what the first target of a request execution gets."""
        envelope = Envelope("request", self._fields(call), call.headers, call.owner)
        return MessagePayload(self._merger, envelope, request)

    async def response_payload(self, call: MethodCall, request: AnyMessage, response: M) -> MessagePayload[M]:
        """Return what the first target of a response execution gets. Raises MessageNotJsonError."""
        fields = self._fields(call)
        fields["request"] = orjson.Fragment(await self._merger.encode(request, call.owner))
        envelope = Envelope("response", fields, call.headers, call.owner)
        return MessagePayload(self._merger, envelope, response)

    def _fields(self, call: MethodCall) -> dict[str, object]:
        """Return the fields of every body that describe the call. ZITADEL's ids that are not known are left out."""
        fields: dict[str, object] = {
            "fullMethod": call.method,
            "instanceID": self._instance,
            "orgID": call.org_id or call.owner,
        }
        if call.user_id:
            fields["userID"] = call.user_id
        return fields


def facts_of(call: MethodCall, message: AnyMessage) -> MatchFacts:
    """Return what match conditions may look at."""
    metadata: dict[str, list[str]] = {}
    for name, value in call.metadata():
        if isinstance(value, str) and name not in SECRET_HEADERS:
            metadata.setdefault(name, []).append(value)
    # The metadata lacks some of the headers that targets see, as `host`.
    headers = {name: list(values) for name, values in call.headers.items()} | metadata
    seen = message.sent if isinstance(message, JsonMessage) else message
    return MatchFacts(call.method, headers, call.user_id, call.org_id or call.owner, seen)
