"""The answer that a row which stores nothing gives, as long as a real one, and the servicer that makes it."""

from google.protobuf.timestamp_pb2 import Timestamp
from zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc
from zitadel.object.v2 import object_pb2

from bench.constants import NANOS, OWNER, SECONDS, TARGET_ID


def response() -> action_service_pb2.CreateTargetResponse:
    """Made anew, as actiond's is."""
    changed = Timestamp(seconds=SECONDS, nanos=NANOS)
    details = object_pb2.Details(sequence=1, change_date=changed, resource_owner=OWNER)
    return action_service_pb2.CreateTargetResponse(id=TARGET_ID, details=details)


class Servicer(action_service_pb2_grpc.ActionServiceServicer):
    """Stores nothing."""

    async def CreateTarget(  # noqa: N802  # the proto's name
        self, _request: action_service_pb2.CreateTargetRequest, _context: object
    ) -> action_service_pb2.CreateTargetResponse:
        return response()
