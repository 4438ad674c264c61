"""The servicer of zitadel.action.v3alpha.ActionService: protobuf in, use case, protobuf out."""
# ruff: noqa: N802, the methods have the proto's names

from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha import action_service_pb2_grpc, query_pb2

from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import ExecutionType, is_proper
from actiond.actions.queries import ConditionsQuery, ExecutionQuery, StepQuery, TypeQuery
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.targets import Targets
from actiond.api.v3alpha.details import page_of, put_details, put_list_details
from actiond.api.v3alpha.executions import condition_of, put_execution, steps_of
from actiond.api.v3alpha.targets import new_target, put_target, target_change, target_query
from rpcfront import ServicerContext

SIGNING_KEY = "actiond-signing-key"
"""The trailing metadata in which a new target's signing key is handed over, once."""

_EXECUTION_TYPES = {
    query_pb2.EXECUTION_TYPE_REQUEST: ExecutionType.REQUEST,
    query_pb2.EXECUTION_TYPE_RESPONSE: ExecutionType.RESPONSE,
    query_pb2.EXECUTION_TYPE_EVENT: ExecutionType.EVENT,
    query_pb2.EXECUTION_TYPE_FUNCTION: ExecutionType.FUNCTION,
}


class ActionService(action_service_pb2_grpc.ActionServiceServicer):
    """Runs on the event loop. What it raises is the domain's; the gateway makes a status of it."""

    def __init__(self, targets: Targets, executions: Executions, catalogue: Catalogue) -> None:
        self._targets = targets
        self._executions = executions
        self._functions = sorted(catalogue.functions)
        self._methods = sorted(catalogue.methods)
        self._services = sorted(catalogue.services)

    async def CreateTarget(self, request: pb.CreateTargetRequest, context: ServicerContext) -> pb.CreateTargetResponse:
        target, signing_key = await self._targets.create(context.caller, new_target(request))
        context.set_trailing_metadata(((SIGNING_KEY, signing_key),))
        response = pb.CreateTargetResponse(id=target.id)
        put_details(response.details, target)
        return response

    async def UpdateTarget(self, request: pb.UpdateTargetRequest, context: ServicerContext) -> pb.UpdateTargetResponse:
        target = await self._targets.update(context.caller, request.target_id, target_change(request))
        response = pb.UpdateTargetResponse()
        put_details(response.details, target)
        return response

    async def DeleteTarget(self, request: pb.DeleteTargetRequest, context: ServicerContext) -> pb.DeleteTargetResponse:
        target = await self._targets.delete(context.caller, request.target_id)
        response = pb.DeleteTargetResponse()
        put_details(response.details, target)
        return response

    async def ListTargets(self, request: pb.ListTargetsRequest, context: ServicerContext) -> pb.ListTargetsResponse:
        found = await self._targets.find(context.caller, target_query(request))
        response = pb.ListTargetsResponse(sorting_column=request.sorting_column)
        put_list_details(response.details, found)
        for target in found.items:
            put_target(response.result.add(), target)
        return response

    async def GetTargetByID(
        self, request: pb.GetTargetByIDRequest, context: ServicerContext
    ) -> pb.GetTargetByIDResponse:
        target = await self._targets.get(context.caller, request.target_id)
        response = pb.GetTargetByIDResponse()
        put_target(response.target, target)
        return response

    async def SetExecution(self, request: pb.SetExecutionRequest, context: ServicerContext) -> pb.SetExecutionResponse:
        condition, steps = condition_of(request.condition), steps_of(request.targets)
        execution = await self._executions.set(context.caller, condition, steps)
        response = pb.SetExecutionResponse()
        put_details(response.details, execution)
        return response

    async def DeleteExecution(
        self, request: pb.DeleteExecutionRequest, context: ServicerContext
    ) -> pb.DeleteExecutionResponse:
        execution = await self._executions.delete(context.caller, condition_of(request.condition))
        response = pb.DeleteExecutionResponse()
        put_details(response.details, execution)
        return response

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: ServicerContext
    ) -> pb.ListExecutionsResponse:
        filters = tuple(one for at, query in enumerate(request.queries) if (one := _filter(query, at)) is not None)
        found = await self._executions.find(context.caller, ExecutionQuery(page_of(request.query), filters))
        response = pb.ListExecutionsResponse()
        put_list_details(response.details, found)
        for execution in found.items:
            put_execution(response.result.add(), execution)
        return response

    async def ListExecutionFunctions(
        self, _request: pb.ListExecutionFunctionsRequest, _context: ServicerContext
    ) -> pb.ListExecutionFunctionsResponse:
        return pb.ListExecutionFunctionsResponse(functions=self._functions)

    async def ListExecutionMethods(
        self, _request: pb.ListExecutionMethodsRequest, _context: ServicerContext
    ) -> pb.ListExecutionMethodsResponse:
        return pb.ListExecutionMethodsResponse(methods=self._methods)

    async def ListExecutionServices(
        self, _request: pb.ListExecutionServicesRequest, _context: ServicerContext
    ) -> pb.ListExecutionServicesResponse:
        return pb.ListExecutionServicesResponse(services=self._services)


def _filter(query: query_pb2.SearchQuery, position: int) -> ConditionsQuery | TypeQuery | StepQuery | None:
    """None for a query that holds for every execution."""
    path = f"queries[{position}]"
    match query.WhichOneof("query"):
        case "in_conditions_query":
            conditions = (
                condition_of(condition, f"{path}.in_conditions_query.conditions[{at}]")
                for at, condition in enumerate(query.in_conditions_query.conditions)
            )
            return ConditionsQuery(frozenset(condition.key for condition in conditions if is_proper(condition)))
        case "execution_type_query":
            execution_type = _EXECUTION_TYPES.get(query.execution_type_query.execution_type)
            return None if execution_type is None else TypeQuery(execution_type)
        case "target_query":
            return StepQuery(target_id=query.target_query.target_id)
        case _:
            include = condition_of(query.include_query.include, f"{path}.include_query.include")
            return StepQuery(include=include.key) if is_proper(include) else ConditionsQuery(frozenset())
