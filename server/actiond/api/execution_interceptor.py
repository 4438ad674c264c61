"""Runs request and response executions around every call, whatever its protocol.

Which targets are called is the plan's to say, how one is called the client's; what stands here is what follows from
their answers.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import orjson
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2

from actiond.actions.errors import ExecutionFailedError, TargetFailedError
from actiond.actions.ports import TargetCaller
from actiond.actions.targets import Target, TargetType
from actiond.actions.tokens import Token
from actiond.api.message_payload import Merger
from actiond.api.permissions import BYPASS
from actiond.executions.plan_cache import Plans
from actiond.executions.plans import PlannedExecution
from rpcfront import OFFLOAD_BYTES, CallNext, JsonCodec, ServicerContext, run_in_offload_pool, status_error

M = TypeVar("M", bound=Message)

BYPASS_HEADER = "actiond-bypass-executions"
"""The metadata by which a call runs without executions: `true`, from a caller with the permission for it."""

_log = logging.getLogger(__name__)


class ExecutionInterceptor:
    """An interceptor of the gateway's. Its caller is a token, and every method has one."""

    def __init__(self, plans: Plans, client: TargetCaller, codec: JsonCodec, merger: Merger, instance: str) -> None:
        self._plans = plans
        self._client = client
        self._codec = codec
        self._merger = merger
        self._instance = instance

    async def __call__(self, call_next: CallNext, request: Message, context: ServicerContext) -> Any:
        plan = await self._plans.of(context.caller.owner)
        # Inside a call there is one.
        method = cast("MethodDescriptor", context.method)
        before, after = plan.of(method.full_name)
        if (before is None and after is None) or _is_bypassed(method, context):
            return await call_next(request, context)
        head = self._head(method, context.caller)
        if before is not None:
            request = await self._run(before, "request", request, head, context)
        response = await call_next(request, context)
        if after is None or not isinstance(response, Message) or context.failure() is not None:
            return response
        head["request"] = orjson.Fragment(await _aside(self._codec.encode, request))
        return await self._run(after, "response", response, head, context)

    async def _run(
        self, execution: PlannedExecution, name: str, message: M, head: dict[str, object], context: ServicerContext
    ) -> M:
        """The message as the targets leave it. Raises ExecutionFailedError when one fails that interrupts."""
        payload = b""
        for planned in execution.calls:
            target = planned.target
            if context.is_late():
                raise status_error(code_pb2.DEADLINE_EXCEEDED, "deadline exceeded")
            if not payload:
                payload = orjson.dumps({**head, name: orjson.Fragment(await _aside(self._codec.encode, message))})
            if target.type is TargetType.ASYNC:
                self._client.start(
                    target, planned.keys, payload, execution=execution.key, request_id=context.request_id
                )
                continue
            try:
                changed = await self._client.call(
                    target,
                    planned.keys,
                    payload,
                    execution=execution.key,
                    request_id=context.request_id,
                    use=partial(self._use, target, message),
                )
            except TargetFailedError:
                if target.interrupt_on_error:
                    raise ExecutionFailedError from None
                continue
            if changed is not message:
                message, payload = changed, b""
        return message

    def _use(self, target: Target, message: M, answer: bytes) -> M:
        return self._merger.merged(message, answer) if target.type is TargetType.CALL else message

    def _head(self, method: MethodDescriptor, caller: Token) -> dict[str, object]:
        """What every payload says of the call; an id that is not known here is left out."""
        return {
            "fullMethod": f"/{method.containing_service.full_name}/{method.name}",
            "instanceID": self._instance,
            "orgID": caller.owner,
            "userID": caller.id,
        }


async def _aside(encode: Callable[[Message], bytes], message: Message) -> bytes:
    """On a thread where the message is large, for other calls would wait for it on the loop."""
    return encode(message) if message.ByteSize() < OFFLOAD_BYTES else await run_in_offload_pool(encode, message)


def _is_bypassed(method: MethodDescriptor, context: ServicerContext) -> bool:
    """Whether the caller asks for no executions. Raises PermissionMissingError for one who may not."""
    if (BYPASS_HEADER, "true") not in context.invocation_metadata():
        return False
    caller: Token = context.caller
    caller.require(BYPASS)
    _log.info("executions bypassed: %s by token %s (%s)", method.full_name, caller.id, context.request_id)
    return True
