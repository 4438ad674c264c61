"""The answer that a row which stores nothing gives, as long as a real one, and the servicer that makes it."""

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc

from bench.constants import NANOS, OWNER, SECONDS, TARGET_ID


def response() -> action_service_pb2.CreateTargetResponse:
    """Made anew, as actiond's is."""
    message = action_service_pb2.CreateTargetResponse(id=TARGET_ID)
    details = message.details
    details.sequence = 1
    details.resource_owner = OWNER
    details.change_date.seconds, details.change_date.nanos = SECONDS, NANOS
    return message


class Servicer(action_service_pb2_grpc.ActionServiceServicer):
    """Stores nothing."""

    async def CreateTarget(  # noqa: N802  # the proto's name
        self, _request: action_service_pb2.CreateTargetRequest, _context: object
    ) -> action_service_pb2.CreateTargetResponse:
        return response()
