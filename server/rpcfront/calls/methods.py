"""The methods of the services that a gateway serves, each bound to its servicer."""

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
    """One unary or server-streaming RPC and what answers it."""

    descriptor: MethodDescriptor
    path: str
    """`/package.Service/Method`, as gRPC spells it."""
    request_class: type[Message]
    response_class: type[Message]
    behaviour: Callable[[Message, Any], Any]
    """The servicer's bound method: `(request, context)`."""
    is_on_loop: bool
    """`async def`, a generator or not, runs on the event loop; plain `def` on a thread."""
    is_streaming: bool
    """Whether it answers with a stream of messages."""


def bind(services: Iterable[tuple[ServiceDescriptor, object]]) -> dict[str, Method]:
    """The methods of `services` by path. Raises ServiceError for what cannot be served.

    Methods with a stream of requests are passed over, with a word in the log: unknown to every protocol, they answer
    UNIMPLEMENTED, and the rest of their service is served.
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
