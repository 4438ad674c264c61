"""The services that are served. Only the composition root and the command line import this, and pass it on."""

from actiond_protos.actiond.ext_proc.v1 import service_pb2 as ext_proc_service_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v2 import action_service_pb2 as action_v2_pb2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as action_v2beta_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

ACTION_SERVICE: ServiceDescriptor = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]
ACTION_SERVICE_V2: ServiceDescriptor = action_v2_pb2.DESCRIPTOR.services_by_name["ActionService"]
ACTION_SERVICE_V2BETA: ServiceDescriptor = action_v2beta_pb2.DESCRIPTOR.services_by_name["ActionService"]
DELIVERY_SERVICE: ServiceDescriptor = delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"]
EXECUTION_SERVICE: ServiceDescriptor = execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"]
EXTERNAL_PROCESSOR: ServiceDescriptor = ext_proc_service_pb2.DESCRIPTOR.services_by_name["ExternalProcessor"]

SERVICES = (
    ACTION_SERVICE,
    ACTION_SERVICE_V2,
    ACTION_SERVICE_V2BETA,
    DELIVERY_SERVICE,
    EXECUTION_SERVICE,
    EXTERNAL_PROCESSOR,
)

STRICT_PACKAGES = frozenset({DELIVERY_SERVICE.file.package})
"""Proto packages in whose messages JSON has no unknown fields. A misspelt filter must not cancel every delivery. In
ZITADEL's they are ignored, as ZITADEL does."""
