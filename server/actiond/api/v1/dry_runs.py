"""Shows what a call would run, without calling a target."""

from collections.abc import Mapping, Sequence

from actiond_protos.actiond.v1 import dry_run_pb2
from actiond_protos.actiond.v1 import execution_service_pb2 as pb

from actiond.actions.conditions import ExecutionType
from actiond.actions.ports import Obstacle, ObstacleKind
from actiond.actions.targets import TargetType
from actiond.actions.tokens import Caller
from actiond.api.conditions import put_condition
from actiond.api.method_executions import MethodExecutions, facts_of
from actiond.api.v1.called_methods import CalledMethods
from actiond.api.v1.functions import Functions
from actiond.executions.dry_run import Judged, TargetInspector, Verdict, chosen, judge
from actiond.executions.payloads import Payload
from actiond.executions.plans import PlannedCall
from rpcfront import ServicerContext

READ_TARGETS = "execution.target.read"
"""Permission that a dry run requires beside that of its method: it shows targets."""

_VERDICTS: Mapping[Verdict, dry_run_pb2.Verdict] = {
    Verdict.RUNS: dry_run_pb2.VERDICT_RUNS,
    Verdict.EMPTY: dry_run_pb2.VERDICT_EMPTY,
    Verdict.NOT_SET: dry_run_pb2.VERDICT_NOT_SET,
    Verdict.NOT_MATCHED: dry_run_pb2.VERDICT_NOT_MATCHED,
    Verdict.OVERRIDDEN: dry_run_pb2.VERDICT_OVERRIDDEN,
}
_TARGET_KINDS: Mapping[TargetType, dry_run_pb2.TargetKind] = {
    TargetType.WEBHOOK: dry_run_pb2.TARGET_KIND_REST_WEBHOOK,
    TargetType.CALL: dry_run_pb2.TARGET_KIND_REST_CALL,
    TargetType.ASYNC: dry_run_pb2.TARGET_KIND_REST_ASYNC,
}
_OBSTACLE_KINDS: Mapping[ObstacleKind, dry_run_pb2.Obstacle.Kind] = {
    ObstacleKind.TARGET_PAUSED: dry_run_pb2.Obstacle.KIND_TARGET_PAUSED,
    ObstacleKind.ADDRESS_DENIED: dry_run_pb2.Obstacle.KIND_ADDRESS_DENIED,
    ObstacleKind.KEY_UNREADABLE: dry_run_pb2.Obstacle.KIND_KEY_UNREADABLE,
    ObstacleKind.PUBLIC_KEY_MISSING: dry_run_pb2.Obstacle.KIND_PUBLIC_KEY_MISSING,
}
_NANOS = 1_000_000_000


class DryRuns:
    """Answers dry runs of requests, responses and functions."""

    def __init__(
        self, called: CalledMethods, functions: Functions, executions: MethodExecutions, inspector: TargetInspector
    ) -> None:
        self._called = called
        self._functions = functions
        self._executions = executions
        self._inspector = inspector

    async def run(self, request: pb.DryRunRequest, context: ServicerContext) -> pb.DryRunResponse:
        """Return what a valid request would run. Raises what the call would, but for errors of targets."""
        caller: Caller = context.caller
        caller.token.require(READ_TARGETS)
        match request.WhichOneof("trigger"):
            case "request":
                judged, payload = await self._request(request.request, context)
            case "response":
                judged, payload = await self._response(request.response, context)
            case _:
                called = await self._functions.find(request.function, caller, "function.")
                judged, payload = judge([called.considered], None), called.payload
        return await self._described(judged, payload)

    async def _request(
        self, request: pb.ExecuteRequestRequest, context: ServicerContext
    ) -> tuple[list[Judged], Payload | None]:
        called = await self._called.find(request.call, context)
        considered = await self._executions.considered(ExecutionType.REQUEST, called.call, called.plan.revision)
        if all(one.planned is None for one in considered):
            return judge(considered, None), None
        message = await self._called.request(called, request.request, "request.")
        judged = judge(considered, facts_of(called.call, message))
        return judged, self._executions.request_payload(called.call, message)

    async def _response(
        self, request: pb.ExecuteResponseRequest, context: ServicerContext
    ) -> tuple[list[Judged], Payload | None]:
        called = await self._called.find(request.call, context)
        considered = await self._executions.considered(ExecutionType.RESPONSE, called.call, called.plan.revision)
        if all(one.planned is None for one in considered):
            return judge(considered, None), None
        before = await self._called.request(called, request.request, "response.")
        message = await self._called.response(called, request.response, "response.")
        judged = judge(considered, facts_of(called.call, message))
        return judged, await self._executions.response_payload(called.call, before, message)

    async def _described(self, judged: Sequence[Judged], payload: Payload | None) -> pb.DryRunResponse:
        response = pb.DryRunResponse()
        for one in judged:
            candidate = response.candidates.add(
                verdict=_VERDICTS[one.verdict], match=one.considered.match, match_error=one.match_error
            )
            put_condition(candidate.condition, one.considered.condition)
        execution = chosen(judged)
        if execution is None:
            return response
        obstacles = await self._inspector.obstacles(execution.calls)
        for call in execution.calls:
            _put_step(response.steps.add(), call, obstacles[call.target.id])
        if payload is not None:
            response.body = (await payload.body()).decode()
        return response


def _put_step(message: dry_run_pb2.DryRunStep, call: PlannedCall, obstacles: Sequence[Obstacle]) -> None:
    target = call.target
    message.target_id = target.id
    message.name = target.name
    message.endpoint = target.endpoint
    message.kind = _TARGET_KINDS[target.type]
    message.timeout.seconds, message.timeout.nanos = divmod(target.timeout_ns, _NANOS)
    message.interrupt_on_error = target.interrupt_on_error
    for include in call.includes:
        put_condition(message.includes.add(), include)
    for obstacle in obstacles:
        message.obstacles.add(kind=_OBSTACLE_KINDS[obstacle.kind], text=obstacle.text)
