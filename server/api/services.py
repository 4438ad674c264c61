"""The services of the API, as their descriptors."""

from google.protobuf.descriptor import ServiceDescriptor
from zitadel.action.v3alpha import action_service_pb2

ACTION_SERVICE: ServiceDescriptor = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]

SERVICES = (ACTION_SERVICE,)
SERVICE_NAMES: tuple[str, ...] = tuple(service.full_name for service in SERVICES)
