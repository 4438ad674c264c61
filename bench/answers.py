"""The response of the rows that store nothing, as long as a real one, and the servicer that returns it."""

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc

from bench.constants import NANOS, OWNER, SECONDS, TARGET_ID


def response() -> action_service_pb2.CreateTargetResponse:
    """Return a new response, since actiond creates one per call too."""
    message = action_service_pb2.CreateTargetResponse(id=TARGET_ID)
    details = message.details
    details.sequence = 1
    details.resource_owner = OWNER
    details.change_date.seconds, details.change_date.nanos = SECONDS, NANOS
    return message


class Servicer(action_service_pb2_grpc.ActionServiceServicer):
    """Responds to CreateTarget without storing anything."""

    async def CreateTarget(  # noqa: N802  # the proto's name
        self, _request: action_service_pb2.CreateTargetRequest, _context: object
    ) -> action_service_pb2.CreateTargetResponse:
        return response()
