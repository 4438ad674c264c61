"""The methods of the services that a gateway serves, each bound to its servicer."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message


class ServiceError(ValueError):
    """A service that cannot be served; the text names the method and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """One unary RPC and what answers it."""

    descriptor: MethodDescriptor
    path: str
    """`/package.Service/Method`, as gRPC spells it."""
    request_class: type[Message]
    response_class: type[Message]
    behaviour: Callable[[Message, Any], Any]
    """The servicer's bound method: `(request, context)`."""
    is_coroutine: bool
    """`async def` runs on the event loop, plain `def` on a thread."""


def bind(services: Iterable[tuple[ServiceDescriptor, object]]) -> dict[str, Method]:
    """The methods of `services` by path. Raises ServiceError for what cannot be served."""
    methods: dict[str, Method] = {}
    for service, servicer in services:
        for descriptor in service.methods:
            method = _bind(descriptor, servicer)
            if method.path in methods:
                raise ServiceError(f"{descriptor.full_name}: the service is given twice")
            methods[method.path] = method
    return methods


def _bind(descriptor: MethodDescriptor, servicer: object) -> Method:
    if descriptor.client_streaming or descriptor.server_streaming:
        raise ServiceError(f"{descriptor.full_name}: only unary methods can be served")
    behaviour = getattr(servicer, descriptor.name, None)
    if not callable(behaviour):
        raise ServiceError(f"{descriptor.full_name}: {type(servicer).__name__} has no method of this name")
    return Method(
        descriptor=descriptor,
        path=f"/{descriptor.containing_service.full_name}/{descriptor.name}",
        request_class=message_factory.GetMessageClass(descriptor.input_type),
        response_class=message_factory.GetMessageClass(descriptor.output_type),
        behaviour=behaviour,
        is_coroutine=inspect.iscoroutinefunction(behaviour),
    )
