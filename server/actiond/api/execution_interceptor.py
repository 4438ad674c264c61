"""Runs request and response executions around every call, whatever its protocol."""

import logging
from typing import Any, cast

import orjson
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from actiond.actions.tokens import Caller
from actiond.api.message_payload import Envelope, Merger, MessagePayload
from actiond.api.permissions import BYPASS, BYPASS_HEADER
from actiond.executions.plan_cache import PlanCache
from actiond.executions.runner import Runner, RunningCall
from rpcfront import CallNext, ServicerContext

_log = logging.getLogger(__name__)


class ExecutionInterceptor:
    """Intercepts the gateway's calls. For one without a caller, of a service beside the API, no execution runs."""

    def __init__(self, plans: PlanCache, runner: Runner, merger: Merger, instance: str) -> None:
        """`instance` is the id that identifies this server to targets."""
        self._plans = plans
        self._runner = runner
        self._merger = merger
        self._instance = instance

    async def __call__(self, call_next: CallNext, request: Message, context: ServicerContext) -> Any:
        caller: Caller | None = context.caller
        if caller is None:
            return await call_next(request, context)
        plan = await self._plans.of(caller.owner, caller.execution_revision)
        # The method is None outside of calls only.
        method = cast("MethodDescriptor", context.method)
        planned = plan.for_method(method.full_name)
        if (planned.request is None and planned.response is None) or _is_bypassed(method, context):
            return await call_next(request, context)
        fields = self._call_fields(method, caller)
        call = RunningCall(context.request_id, context.is_late, caller.token.holds(BYPASS))
        if planned.request is not None:
            payload = MessagePayload(self._merger, Envelope("request", fields, caller.owner), request)
            request = (await self._runner.run(planned.request, payload, call)).message
        response = await call_next(request, context)
        if planned.response is None or not isinstance(response, Message) or context.failure() is not None:
            return response
        fields["request"] = orjson.Fragment(await self._merger.encode(request, caller.owner))
        payload = MessagePayload(self._merger, Envelope("response", fields, caller.owner), response)
        return (await self._runner.run(planned.response, payload, call)).message

    def _call_fields(self, method: MethodDescriptor, caller: Caller) -> dict[str, object]:
        """Return the fields of every body that describe the call. ZITADEL's ids that do not exist here are omitted."""
        return {
            "fullMethod": f"/{method.containing_service.full_name}/{method.name}",
            "instanceID": self._instance,
            "orgID": caller.owner,
            "userID": caller.token.id,
        }


def _is_bypassed(method: MethodDescriptor, context: ServicerContext) -> bool:
    """Return whether the caller bypasses executions. Raises PermissionMissingError if it is not allowed to."""
    if (BYPASS_HEADER, "true") not in context.invocation_metadata():
        return False
    caller: Caller = context.caller
    caller.token.require(BYPASS)
    _log.info("executions bypassed: %s by token %s (%s)", method.full_name, caller.token.id, context.request_id)
    return True
