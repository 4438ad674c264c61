"""The servicer of zitadel.action.v3alpha.ActionService: converts requests, runs use cases, converts results."""
# ruff: noqa: N802  # the methods have the proto's names

from collections.abc import Callable

from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha import action_service_pb2_grpc

from actiond.actions.catalogue import Catalogue
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.targets import Targets
from actiond.api.conditions import condition_of
from actiond.api.v3alpha.details import put_details, put_list_details
from actiond.api.v3alpha.executions import execution_query, put_execution, steps_of
from actiond.api.v3alpha.targets import new_target, put_target, target_change, target_query
from actiond.client.signature import whsec
from actiond.client.signing_keys import SIGNING_KEY, WEBHOOK_SECRET
from rpcfront import ServicerContext


class ActionService(action_service_pb2_grpc.ActionServiceServicer):
    """Serves the methods on the event loop. Raises the domain's errors, which the gateway translates."""

    def __init__(self, targets: Targets, executions: Executions, catalogue: Callable[[], Catalogue]) -> None:
        """`catalogue` returns the current one."""
        self._targets = targets
        self._executions = executions
        self._catalogue = catalogue

    async def CreateTarget(self, request: pb.CreateTargetRequest, context: ServicerContext) -> pb.CreateTargetResponse:
        target, signing_key = await self._targets.create(context.caller.actor, new_target(request))
        context.set_trailing_metadata(((SIGNING_KEY, signing_key), (WEBHOOK_SECRET, whsec(signing_key))))
        response = pb.CreateTargetResponse(id=target.id)
        put_details(response.details, target)
        return response

    async def UpdateTarget(self, request: pb.UpdateTargetRequest, context: ServicerContext) -> pb.UpdateTargetResponse:
        target = await self._targets.update(context.caller.actor, request.target_id, target_change(request))
        response = pb.UpdateTargetResponse()
        put_details(response.details, target)
        return response

    async def DeleteTarget(self, request: pb.DeleteTargetRequest, context: ServicerContext) -> pb.DeleteTargetResponse:
        target = await self._targets.delete(context.caller.actor, request.target_id)
        response = pb.DeleteTargetResponse()
        put_details(response.details, target)
        return response

    async def ListTargets(self, request: pb.ListTargetsRequest, context: ServicerContext) -> pb.ListTargetsResponse:
        page = await self._targets.find(context.caller.actor, target_query(request))
        response = pb.ListTargetsResponse(sorting_column=request.sorting_column)
        put_list_details(response.details, page)
        for target in page.items:
            put_target(response.result.add(), target)
        return response

    async def GetTargetByID(
        self, request: pb.GetTargetByIDRequest, context: ServicerContext
    ) -> pb.GetTargetByIDResponse:
        target = await self._targets.get(context.caller.actor, request.target_id)
        response = pb.GetTargetByIDResponse()
        put_target(response.target, target)
        return response

    async def SetExecution(self, request: pb.SetExecutionRequest, context: ServicerContext) -> pb.SetExecutionResponse:
        condition, steps = condition_of(request.condition), steps_of(request.targets)
        execution = await self._executions.set(context.caller.actor, condition, steps)
        response = pb.SetExecutionResponse()
        put_details(response.details, execution)
        return response

    async def DeleteExecution(
        self, request: pb.DeleteExecutionRequest, context: ServicerContext
    ) -> pb.DeleteExecutionResponse:
        execution = await self._executions.delete(context.caller.actor, condition_of(request.condition))
        response = pb.DeleteExecutionResponse()
        put_details(response.details, execution)
        return response

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: ServicerContext
    ) -> pb.ListExecutionsResponse:
        page = await self._executions.find(context.caller.actor, execution_query(request))
        response = pb.ListExecutionsResponse()
        put_list_details(response.details, page)
        for execution in page.items:
            put_execution(response.result.add(), execution)
        return response

    async def ListExecutionFunctions(
        self, _request: pb.ListExecutionFunctionsRequest, _context: ServicerContext
    ) -> pb.ListExecutionFunctionsResponse:
        return pb.ListExecutionFunctionsResponse(functions=sorted(self._catalogue().functions))

    async def ListExecutionMethods(
        self, _request: pb.ListExecutionMethodsRequest, _context: ServicerContext
    ) -> pb.ListExecutionMethodsResponse:
        return pb.ListExecutionMethodsResponse(methods=sorted(self._catalogue().methods))

    async def ListExecutionServices(
        self, _request: pb.ListExecutionServicesRequest, _context: ServicerContext
    ) -> pb.ListExecutionServicesResponse:
        return pb.ListExecutionServicesResponse(services=sorted(self._catalogue().services))
