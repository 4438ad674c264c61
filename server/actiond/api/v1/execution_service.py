"""The servicer of actiond.v1.ExecutionService: converts requests, runs executions, converts results."""
# ruff: noqa: N802  # the methods have the proto's names

from collections.abc import AsyncIterator
from contextlib import aclosing

from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.actiond.v1 import execution_service_pb2_grpc
from google.protobuf.duration_pb2 import Duration

from actiond.actions.tokens import Caller
from actiond.actions.use_cases.matching import Matching
from actiond.api.conditions import condition_of
from actiond.api.v1.called_methods import CalledMethod, CalledMethods, running_call, within
from actiond.api.v1.dry_runs import DryRuns
from actiond.api.v1.functions import Functions
from actiond.api.v1.watching import Watches
from rpcfront import ServicerContext


class ExecutionService(execution_service_pb2_grpc.ExecutionServiceServicer):
    """Serves the methods on the event loop. Raises errors that the gateway translates."""

    def __init__(
        self,
        called: CalledMethods,
        functions: Functions,
        dry_runs: DryRuns,
        matching: Matching,
        watches: Watches[[], int],
    ) -> None:
        self._called = called
        self._functions = functions
        self._dry_runs = dry_runs
        self._matching = matching
        self._watches = watches

    async def ExecuteRequest(
        self, request: pb.ExecuteRequestRequest, context: ServicerContext
    ) -> pb.ExecuteRequestResponse:
        called = await self._called.find(request.call, context)
        async with within(_timeout(request.call)):
            ran = await self._called.run_request(called, request.request)
        return pb.ExecuteRequestResponse(
            request=ran.payload, executed=ran.executed, changed=ran.changed, set=_set(called)
        )

    async def ExecuteResponse(
        self, request: pb.ExecuteResponseRequest, context: ServicerContext
    ) -> pb.ExecuteResponseResponse:
        called = await self._called.find(request.call, context)
        async with within(_timeout(request.call)):
            ran = await self._called.run_response(called, request.request, request.response)
        return pb.ExecuteResponseResponse(
            response=ran.payload, executed=ran.executed, changed=ran.changed, set=_set(called)
        )

    async def ExecuteFunction(
        self, request: pb.ExecuteFunctionRequest, context: ServicerContext
    ) -> pb.ExecuteFunctionResponse:
        caller: Caller = context.caller
        timeout = request.timeout if request.HasField("timeout") else None
        planned = await self._functions.find(request, caller)
        async with within(timeout):
            return await self._functions.run(planned, caller, running_call(context, timeout))

    async def DryRun(self, request: pb.DryRunRequest, context: ServicerContext) -> pb.DryRunResponse:
        return await self._dry_runs.run(request, context)

    async def WatchExecutions(
        self, _request: pb.WatchExecutionsRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchExecutionsResponse]:
        async with aclosing(self._watches.events(context.caller.owner)) as revisions:
            async for revision in revisions:
                yield pb.WatchExecutionsResponse(revision=revision)

    async def GetCondition(self, request: pb.GetConditionRequest, context: ServicerContext) -> pb.GetConditionResponse:
        execution = await self._matching.get(context.caller.actor, condition_of(request.condition))
        return pb.GetConditionResponse(match=execution.match)

    async def SetCondition(self, request: pb.SetConditionRequest, context: ServicerContext) -> pb.SetConditionResponse:
        await self._matching.set_match(context.caller.actor, condition_of(request.condition), request.match)
        return pb.SetConditionResponse()


def _set(called: CalledMethod) -> pb.SetExecutions:
    plan = called.plan
    return pb.SetExecutions(request=bool(plan.request), response=bool(plan.response), revision=plan.revision)


def _timeout(call: pb.MethodCall) -> Duration | None:
    return call.timeout if call.HasField("timeout") else None
