"""Reads from the proto's options what each method requires: the permission, and the HTTP status of success."""

from collections.abc import Iterable, Mapping

from actiond_protos.zitadel.protoc_gen_zitadel.v2 import options_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from rpcfront import ServiceError

READ_METRICS = "metrics.read"
"""Permission to read /metrics where it is private."""
READ_API_DOCS = "docs.read"
"""Permission to read /openapi.json and to use reflection where they are private."""
BYPASS = "execution.bypass"
"""Permission to bypass executions. No method requires it."""
PROCESS = "execution.process"
"""Permission to run executions for other services."""
AUTHENTICATED = "authenticated"
"""What a method requires that every valid token may call, in ZITADEL's word. No token needs to hold it."""
BYPASS_HEADER = "actiond-bypass-executions"
"""The metadata key with which a caller bypasses executions; its value is `true`."""


_OTHER_PREFIXES = {"action.target.": "execution.target.", "action.execution.": "execution."}
"""What permissions of ZITADEL's stable API begin with, and what the same ones do in v3alpha, as tokens hold them."""


def canonical(name: str) -> str:
    """Return the name under which tokens hold a permission, which may have another in the stable API."""
    for prefix, held in _OTHER_PREFIXES.items():
        if name.startswith(prefix):
            return held + name.removeprefix(prefix)
    return name


def permission(method: MethodDescriptor) -> str:
    """Return the permission that a caller of the method must hold. Raises ServiceError if the proto names none."""
    return canonical(_named(method))


def runs_executions(method: MethodDescriptor) -> bool:
    """Return whether a served method runs executions for other services. None run around it, nor can be set for it."""
    return bool(_options(method).auth_option.permission == PROCESS)


def success_code(method: MethodDescriptor) -> int:
    """Return the HTTP status of a successful call."""
    return _options(method).http_response.success_code or 200


def permissions(services: Iterable[ServiceDescriptor]) -> tuple[str, ...]:
    """Return every permission that a token can hold, sorted."""
    required = {permission(method) for service in services for method in service.methods}
    return tuple(sorted({BYPASS, READ_API_DOCS, READ_METRICS, *required} - {AUTHENTICATED}))


def other_names(services: Iterable[ServiceDescriptor]) -> Mapping[str, str]:
    """Return the names of permissions in the protos under which no token holds them, with those under which it does."""
    named = {_named(method) for service in services for method in service.methods}
    return {name: canonical(name) for name in named if name != canonical(name)}


def _named(method: MethodDescriptor) -> str:
    name: str = _options(method).auth_option.permission
    if not name:
        raise ServiceError(f"{method.full_name}: the proto names no permission (auth_option.permission)")
    return name


def _options(method: MethodDescriptor) -> options_pb2.Options:
    # The stubs type extensions as plain descriptors.
    return method.GetOptions().Extensions[options_pb2.options]  # type: ignore[index]  # see above
