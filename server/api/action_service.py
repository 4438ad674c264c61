"""The servicer of zitadel.action.v3alpha.ActionService: protobuf in, use case, protobuf out."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc, target_pb2
from zitadel.object.v2 import object_pb2

from server.actions.targets import NewTarget, Target, Targets, TargetType
from server.gateway import ServicerContext

_NANOS = 1_000_000_000

# Which member of the oneof `target_type` stands for which type.
_TYPES = {
    "rest_webhook": TargetType.WEBHOOK,
    "rest_call": TargetType.CALL,
    "rest_async": TargetType.ASYNC,
}


class ActionService(action_service_pb2_grpc.ActionServiceServicer):
    """Runs on the event loop. What it raises is the domain's; the gateway makes a status of it."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def CreateTarget(  # noqa: N802  # the proto's name
        self, request: action_service_pb2.CreateTargetRequest, context: ServicerContext
    ) -> action_service_pb2.CreateTargetResponse:
        target = await self._targets.create(context.caller, _new_target(request))
        return action_service_pb2.CreateTargetResponse(id=target.id, details=_details(target))

    async def GetTargetByID(  # noqa: N802  # the proto's name
        self, request: action_service_pb2.GetTargetByIDRequest, context: ServicerContext
    ) -> action_service_pb2.GetTargetByIDResponse:
        target = await self._targets.get(context.caller, request.target_id)
        return action_service_pb2.GetTargetByIDResponse(target=_target(target))


def _new_target(request: action_service_pb2.CreateTargetRequest) -> NewTarget:
    member = request.WhichOneof("target_type")
    return NewTarget(
        name=request.name,
        type=_TYPES[member],
        interrupt_on_error=getattr(getattr(request, member), "interrupt_on_error", False),
        timeout_ns=request.timeout.seconds * _NANOS + request.timeout.nanos,
        endpoint=request.endpoint,
    )


def _target(target: Target) -> target_pb2.Target:
    seconds, nanos = divmod(target.timeout_ns, _NANOS)
    message = target_pb2.Target(
        target_id=target.id,
        details=_details(target),
        name=target.name,
        timeout=Duration(seconds=seconds, nanos=nanos),
        endpoint=target.endpoint,
    )
    match target.type:
        case TargetType.WEBHOOK:
            message.rest_webhook.SetInParent()
            message.rest_webhook.interrupt_on_error = target.interrupt_on_error
        case TargetType.CALL:
            message.rest_call.SetInParent()
            message.rest_call.interrupt_on_error = target.interrupt_on_error
        case TargetType.ASYNC:
            message.rest_async.SetInParent()
    return message


def _details(target: Target) -> object_pb2.Details:
    seconds, nanos = divmod(target.changed_at_ns, _NANOS)
    return object_pb2.Details(
        sequence=target.sequence,
        change_date=Timestamp(seconds=seconds, nanos=nanos),
        resource_owner=target.owner,
    )
