"""The services that are served. Only the composition root and the command line import this, and pass it on."""

from actiond_protos.actiond.ext_proc.v1 import service_pb2 as ext_proc_service_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

ACTION_SERVICE: ServiceDescriptor = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]
DELIVERY_SERVICE: ServiceDescriptor = delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"]
EXECUTION_SERVICE: ServiceDescriptor = execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"]
EXTERNAL_PROCESSOR: ServiceDescriptor = ext_proc_service_pb2.DESCRIPTOR.services_by_name["ExternalProcessor"]

SERVICES = (ACTION_SERVICE, DELIVERY_SERVICE, EXECUTION_SERVICE, EXTERNAL_PROCESSOR)

STRICT_PACKAGES = frozenset({DELIVERY_SERVICE.file.package})
"""Proto packages in whose messages JSON has no unknown fields. A misspelt filter must not cancel every delivery. In
ZITADEL's they are ignored, as ZITADEL does."""
