"""What the proto says of each method beside its route: the permission it asks for and its HTTP success code."""

from actiond_protos.zitadel.protoc_gen_zitadel.v2 import options_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from actiond.api.served import SERVICES
from rpcfront import ServiceError

READ_METRICS = "metrics.read"
"""The permission to read /metrics where that is private."""
BYPASS = "execution.bypass"
"""The permission to have a call run without executions, see execution_interceptor. No method asks for it."""


def permission(method: MethodDescriptor) -> str:
    """The permission that a caller of the method must hold. Raises ServiceError when the proto names none."""
    name: str = _options(method).auth_option.permission
    if not name:
        raise ServiceError(f"{method.full_name}: the proto names no permission (auth_option.permission)")
    return name


def success_code(method: MethodDescriptor) -> int:
    """The HTTP status of a successful call."""
    return _options(method).http_response.success_code or 200


def permissions(services: tuple[ServiceDescriptor, ...] = SERVICES) -> tuple[str, ...]:
    """Every permission that a token can hold, sorted."""
    return tuple(
        sorted({BYPASS, READ_METRICS, *(permission(method) for service in services for method in service.methods)})
    )


def _options(method: MethodDescriptor) -> options_pb2.Options:
    # The stubs know extensions as plain descriptors.
    return method.GetOptions().Extensions[options_pb2.options]  # type: ignore[index]
