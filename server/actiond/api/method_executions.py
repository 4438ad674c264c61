"""Runs the executions around one call of a method, whoever serves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson
from google.protobuf.message import Message

from actiond.api.message_payload import Envelope, Merger, MessagePayload
from actiond.executions.plan_cache import PlanCache
from actiond.executions.plans import MethodPlan, PlannedExecution
from actiond.executions.runner import Runner, RunningCall

M = TypeVar("M", bound=Message)

SHOWN_HEADERS = ("content-type", "host", "origin", "x-forwarded-for", "x-forwarded-host")
"""The headers of a call that targets see, as ZITADEL's do: none that may hold a secret."""


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
    """Those of SHOWN_HEADERS that the call has."""
    running: RunningCall


class MethodExecutions:
    """Runs request and response executions."""

    def __init__(self, plans: PlanCache, runner: Runner, merger: Merger, instance: str) -> None:
        """`instance` is the id that identifies this server to targets."""
        self._plans = plans
        self._runner = runner
        self._merger = merger
        self._instance = instance

    async def plan(self, owner: str, revision: int, method: str) -> MethodPlan:
        """Return what runs around a call of the method `package.Service.Method`, at `revision` or later."""
        return (await self._plans.of(owner, revision)).for_method(method)

    async def request(self, execution: PlannedExecution, call: MethodCall, request: M) -> M:
        """Return the request as the targets leave it. Raises what `Runner.run` raises."""
        envelope = Envelope("request", self._fields(call), call.headers, call.owner)
        return (
            await self._runner.run(execution, MessagePayload(self._merger, envelope, request), call.running)
        ).message

    async def response(self, execution: PlannedExecution, call: MethodCall, request: Message, response: M) -> M:
        """Return the response as the targets leave it. Raises what `Runner.run` raises."""
        fields = self._fields(call)
        fields["request"] = orjson.Fragment(await self._merger.encode(request, call.owner))
        envelope = Envelope("response", fields, call.headers, call.owner)
        payload = MessagePayload(self._merger, envelope, response)
        return (await self._runner.run(execution, payload, call.running)).message

    def _fields(self, call: MethodCall) -> dict[str, object]:
        """Return the fields of every body that describe the call. ZITADEL's ids that are not known are left out."""
        fields: dict[str, object] = {"fullMethod": call.method, "instanceID": self._instance, "orgID": call.owner}
        if call.user_id:
            fields["userID"] = call.user_id
        return fields
