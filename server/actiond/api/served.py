"""The services that are served. Only the composition root and the command line import this, and pass it on."""

from actiond_protos.actiond.v1 import delivery_service_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

ACTION_SERVICE: ServiceDescriptor = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]
DELIVERY_SERVICE: ServiceDescriptor = delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"]

SERVICES = (ACTION_SERVICE, DELIVERY_SERVICE)
