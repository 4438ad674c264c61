"""The methods that a gateway serves, each bound to its servicer."""

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from rpcfront.arguments import check_type
from rpcfront.transcoding.annotations import http_rules

_log = logging.getLogger(__name__)


class ServiceError(ValueError):
    """A service that cannot be served; the text names the method and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """An RPC and the function that serves it."""

    descriptor: MethodDescriptor
    path: str
    """`/package.Service/Method`, as gRPC spells it."""
    request_class: type[Message]
    response_class: type[Message]
    behaviour: Callable[[Any, Any], Any]
    """The servicer's bound method: `(request, context)`, with an iterator in place of the request for a stream."""
    is_on_loop: bool
    """Whether it runs on the event loop, as `async def` does, generators included; plain `def` runs on a thread."""
    streams_requests: bool
    streams_responses: bool
    extra_bytes: int = 0
    """How many bytes more than other methods' its request messages may have."""


def bind(
    services: Iterable[tuple[ServiceDescriptor, object]], extra_bytes: Mapping[str, int] | None = None
) -> dict[str, Method]:
    """Return the methods of `services` by path. Raises ServiceError for what cannot be served.

    `extra_bytes` has `Method.extra_bytes` by the full names of methods; those of others are 0.

    A method with a stream of requests may be missing from its servicer, which is logged as a warning: calls of it get
    UNIMPLEMENTED. Releases before 0.2 served none, so servicers were written without them.
    """
    methods: dict[str, Method] = {}
    extra_bytes = extra_bytes or {}
    for service, servicer in _pairs(services):
        for descriptor in service.methods:
            path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
            if path in methods:
                raise ServiceError(f"{descriptor.full_name}: the service is given twice")
            if descriptor.client_streaming:
                if http_rules(descriptor):
                    raise ServiceError(f"{descriptor.full_name}: a stream of requests cannot be transcoded")
                if not hasattr(servicer, descriptor.name):
                    _log.warning(
                        "%s is not served: %s has no such method", descriptor.full_name, type(servicer).__name__
                    )
                    continue
            methods[path] = _bind(descriptor, path, servicer, extra_bytes.get(descriptor.full_name, 0))
    return methods


def _pairs(services: Iterable[tuple[ServiceDescriptor, object]]) -> Iterator[tuple[ServiceDescriptor, object]]:
    for number, pair in enumerate(services):
        name = f"services[{number}]"
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{name} must be a pair of a service's descriptor and a servicer")
        check_type(f"{name}[0]", pair[0], ServiceDescriptor)
        if isinstance(pair[1], type):
            raise TypeError(f"{name}[1] is the class {pair[1].__name__}; give an instance of it")
        yield pair


def _bind(descriptor: MethodDescriptor, path: str, servicer: object, extra_bytes: int) -> Method:
    behaviour = getattr(servicer, descriptor.name, None)
    if not callable(behaviour):
        raise ServiceError(f"{descriptor.full_name}: {type(servicer).__name__} has no method of this name")
    if not _takes_two(behaviour):
        raise ServiceError(
            f"{descriptor.full_name}: the method of {type(servicer).__name__} must take (request, context)"
        )
    if not descriptor.server_streaming and _is_generator(behaviour):
        raise ServiceError(f"{descriptor.full_name}: a method with one response must return it, not yield")
    return Method(
        descriptor=descriptor,
        path=path,
        request_class=message_factory.GetMessageClass(descriptor.input_type),
        response_class=message_factory.GetMessageClass(descriptor.output_type),
        behaviour=behaviour,
        is_on_loop=_is_asynchronous(behaviour) or _is_asynchronous(type(behaviour).__call__),
        streams_requests=bool(descriptor.client_streaming),
        streams_responses=bool(descriptor.server_streaming),
        extra_bytes=extra_bytes,
    )


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # it has no signature, as some that are written in C
        return True
    return True


def _is_generator(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _is_asynchronous(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
