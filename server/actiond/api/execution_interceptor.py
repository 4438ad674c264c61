"""Runs request and response executions around every call of this server, whatever its protocol."""

import logging
from collections.abc import Callable
from typing import Any, cast

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from actiond.actions.tokens import Caller
from actiond.api.method_executions import MethodCall, MethodExecutions
from actiond.api.permissions import BYPASS, BYPASS_HEADER, runs_executions
from actiond.api.schema import method_path
from actiond.client.headers import SHOWN_HEADERS
from actiond.executions.runner import RunningCall
from rpcfront import CallNext, ServicerContext

_log = logging.getLogger(__name__)


class ExecutionInterceptor:
    """Intercepts the gateway's calls.

    No execution runs for one without a caller, of a service beside the API, and for one that runs executions itself:
    what is set for all calls would run twice.
    """

    def __init__(
        self, executions: MethodExecutions, withhold: Callable[[Message], Callable[[Message], None] | None]
    ) -> None:
        """Take what takes secrets from a response before its executions run, and returns what puts them back."""
        self._executions = executions
        self._withhold = withhold
        self._paths: dict[str, str | None] = {}
        """By full name of the served methods, None for those that run executions themselves."""

    async def __call__(self, call_next: CallNext, request: Message, context: ServicerContext) -> Any:
        caller: Caller | None = context.caller
        if caller is None:
            return await call_next(request, context)
        # The method is None outside of calls only.
        method = cast("MethodDescriptor", context.method)
        path = self._path(method)
        if path is None:
            return await call_next(request, context)
        planned = await self._executions.plan(caller.owner, caller.execution_revision, path)
        if not (planned.request or planned.response) or _is_bypassed(method, context):
            return await call_next(request, context)
        call = _described(path, context)
        if planned.request:
            request = await self._executions.request(planned.request, call, request)
        response = await call_next(request, context)
        if not planned.response or not isinstance(response, Message) or context.failure() is not None:
            return response
        put_back = self._withhold(response)
        response = await self._executions.response(planned.response, call, request, response)
        if put_back is not None:
            put_back(response)
        return response

    def _path(self, method: MethodDescriptor) -> str | None:
        name = method.full_name
        if name not in self._paths:
            self._paths[name] = None if runs_executions(method) else method_path(method)
        return self._paths[name]


def _described(path: str, context: ServicerContext) -> MethodCall:
    caller: Caller = context.caller
    return MethodCall(
        method=path,
        owner=caller.owner,
        user_id=caller.token.id,
        headers={name: values for name in SHOWN_HEADERS if (values := context.header_values(name))},
        running=RunningCall(context.request_id, context.is_late, caller.token.holds(BYPASS)),
        metadata=context.invocation_metadata,
    )


def _is_bypassed(method: MethodDescriptor, context: ServicerContext) -> bool:
    """Return whether the caller bypasses executions. Raises PermissionMissingError if it is not allowed to."""
    if (BYPASS_HEADER, "true") not in context.invocation_metadata():
        return False
    caller: Caller = context.caller
    caller.token.require(BYPASS)
    _log.info("executions bypassed: %s by token %s (%s)", method.full_name, caller.token.id, context.request_id)
    return True
