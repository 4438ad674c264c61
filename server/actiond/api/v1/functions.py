"""Converts calls of functions from and to protobuf."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

import orjson
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from actiond.actions.catalogue import Catalogue
from actiond.actions.tokens import Caller
from actiond.api.v1.errors import CalledFunctionUnknownError, MessageInvalidError
from actiond.api.v1.payloads import struct_of
from actiond.api.v1.structs import object_of
from actiond.executions.function_executions import FunctionExecutions
from actiond.executions.function_payloads import MAX_BYTES, NAME_KEY, FunctionPayload
from actiond.executions.plans import Considered
from actiond.executions.runner import RunningCall
from rpcfront import OFFLOAD_BYTES, run_in_turn


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
        if request.ByteSize() < OFFLOAD_BYTES:
            fields = _fields(request.payload, f"{trigger}payload")
        else:
            fields = await run_in_turn(caller.owner, _fields, request.payload, f"{trigger}payload")
        considered = await self._executions.plan(caller.owner, caller.execution_revision, request.function)
        return CalledFunction(FunctionPayload(considered.condition.key, fields), considered)

    async def run(self, called: CalledFunction, caller: Caller, call: RunningCall) -> pb.ExecuteFunctionResponse:
        """Run what is set for the function."""
        planned = called.considered.planned
        if planned is None:
            return pb.ExecuteFunctionResponse(payload=await _struct(called.payload, caller.owner))
        payload = await self._executions.run(planned, called.payload, call)
        return pb.ExecuteFunctionResponse(payload=await _struct(payload, caller.owner), executed=True)


def _fields(payload: Struct, field: str) -> Mapping[str, object]:
    try:
        fields = object_of(payload)
    except ValueError as error:
        raise MessageInvalidError(field, str(error)) from error
    if NAME_KEY in fields:
        raise MessageInvalidError(field, f"must not have the key {NAME_KEY}")
    if len(orjson.dumps(fields)) > MAX_BYTES:
        raise MessageInvalidError(field, f"must be at most {MAX_BYTES} bytes of JSON")
    return fields


async def _struct(payload: FunctionPayload, owner: str) -> Struct:
    fields = orjson.dumps(payload.fields)
    return struct_of(fields) if len(fields) < OFFLOAD_BYTES else await run_in_turn(owner, struct_of, fields)
