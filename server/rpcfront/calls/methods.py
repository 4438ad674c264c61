"""The methods that a gateway serves, each bound to its servicer."""

import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from rpcfront.transcoding.annotations import http_rules

_log = logging.getLogger(__name__)


class ServiceError(ValueError):
    """A service that cannot be served; the text names the method and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A unary or server-streaming RPC and the function that serves it."""

    descriptor: MethodDescriptor
    path: str
    """`/package.Service/Method`, as gRPC spells it."""
    request_class: type[Message]
    response_class: type[Message]
    behaviour: Callable[[Message, Any], Any]
    """The servicer's bound method: `(request, context)`."""
    is_on_loop: bool
    """Whether it runs on the event loop, as `async def` does, generators included; plain `def` runs on a thread."""
    is_streaming: bool
    """Whether its responses are a stream."""


def bind(services: Iterable[tuple[ServiceDescriptor, object]]) -> dict[str, Method]:
    """Return the methods of `services` by path. Raises ServiceError for what cannot be served.

    Methods with a stream of requests are left out and logged as a warning: calls of them get UNIMPLEMENTED.
    """
    methods: dict[str, Method] = {}
    for service, servicer in services:
        for descriptor in service.methods:
            path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
            if path in methods:
                raise ServiceError(f"{descriptor.full_name}: the service is given twice")
            if descriptor.client_streaming:
                if http_rules(descriptor):
                    raise ServiceError(f"{descriptor.full_name}: a stream of requests cannot be transcoded")
                _log.warning("%s is not served: it takes a stream of requests", descriptor.full_name)
            else:
                methods[path] = _bind(descriptor, path, servicer)
    return methods


def _bind(descriptor: MethodDescriptor, path: str, servicer: object) -> Method:
    behaviour = getattr(servicer, descriptor.name, None)
    if not callable(behaviour):
        raise ServiceError(f"{descriptor.full_name}: {type(servicer).__name__} has no method of this name")
    return Method(
        descriptor=descriptor,
        path=path,
        request_class=message_factory.GetMessageClass(descriptor.input_type),
        response_class=message_factory.GetMessageClass(descriptor.output_type),
        behaviour=behaviour,
        is_on_loop=_is_asynchronous(behaviour) or _is_asynchronous(type(behaviour).__call__),
        is_streaming=bool(descriptor.server_streaming),
    )


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
