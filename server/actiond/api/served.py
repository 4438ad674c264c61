"""The services of the API, as their descriptors."""

from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

ACTION_SERVICE: ServiceDescriptor = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]

SERVICES = (ACTION_SERVICE,)
SERVICE_NAMES: tuple[str, ...] = tuple(service.full_name for service in SERVICES)
