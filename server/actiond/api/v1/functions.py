"""Converts calls of functions from and to protobuf."""

from collections.abc import Container
from dataclasses import dataclass

from actiond_protos.actiond.v1 import execution_service_pb2 as pb

from actiond.actions.catalogue import Catalogue
from actiond.actions.tokens import Caller
from actiond.api.v1.errors import CalledFunctionUnknownError, MessageInvalidError
from actiond.api.v1.payloads import as_struct, fields_of
from actiond.executions.function_executions import FunctionExecutions
from actiond.executions.function_payloads import NAME_KEY, FunctionPayload
from actiond.executions.plans import Considered
from actiond.executions.runner import RunningCall


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A function with its payload, and what is set for it."""

    payload: FunctionPayload
    considered: Considered


class Functions:
    """Reads calls of functions, and runs their executions."""

    def __init__(self, executions: FunctionExecutions, catalogue: Catalogue) -> None:
        self._executions = executions
        self._functions: Container[str] = catalogue.functions

    async def find(self, request: pb.ExecuteFunctionRequest, caller: Caller, trigger: str = "") -> CalledFunction:
        """Return the function of a valid request. Raises CalledFunctionUnknownError and MessageInvalidError.

        trigger: path of the request in the one that was sent, with a dot at its end.
        """
        if request.function not in self._functions:
            raise CalledFunctionUnknownError(trigger)
        fields = await fields_of(request.payload, f"{trigger}payload", caller.owner)
        if NAME_KEY in fields:
            raise MessageInvalidError(f"{trigger}payload", f"must not have the key {NAME_KEY}")
        considered = await self._executions.plan(caller.owner, caller.execution_revision, request.function)
        return CalledFunction(FunctionPayload(considered.condition.key, fields), considered)

    async def run(self, called: CalledFunction, caller: Caller, call: RunningCall) -> pb.ExecuteFunctionResponse:
        """Run what is set for the function."""
        planned = called.considered.planned
        if planned is None:
            return pb.ExecuteFunctionResponse(payload=await as_struct(called.payload.fields, caller.owner))
        payload = await self._executions.run(planned, called.payload, call)
        return pb.ExecuteFunctionResponse(payload=await as_struct(payload.fields, caller.owner), executed=True)
