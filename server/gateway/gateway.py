"""The public face: `Gateway(services=[(descriptor, servicer)])`, served over every protocol."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from server.gateway.cors import Cors
from server.gateway.dispatch import Authenticate, Dispatcher, Translate
from server.gateway.front import Front, Probe
from server.gateway.grpc_native import GrpcHandler
from server.gateway.grpc_web import GrpcWebEdge
from server.gateway.http import ErrorPages
from server.gateway.json_http import JsonEdge
from server.gateway.limits import Limits
from server.gateway.methods import ServiceError, bind
from server.gateway.rsgi import RsgiApplication
from server.gateway.transcoding.codec import Codec
from server.gateway.validation import Rules
from server.gateway.wsgi import WsgiApplication


def _ok(_method: MethodDescriptor) -> int:
    return 200


class Gateway:
    """Any grpcio servicer as native gRPC, gRPC-Web and JSON over HTTP, by one coroutine for all of them.

    Every argument but `services` is optional; with no other there is no authentication and no CORS, and default limits
    hold. buf.validate rules in the protos are always checked. Raises ServiceError, naming the culprit, for a method
    that cannot be served, a bad google.api.http annotation or rule, and two routes that collide.

    services: descriptors and what answers them: objects with a method of each RPC's name, `(request, context)`, either
        `async def` (run on the event loop) or plain `def` (run on a thread).
    authenticate: answers who calls, kept as `context.caller`, or raises; runs before a body is read.
    translate: the google.rpc.Status of an exception that a servicer or `authenticate` raised; None makes it INTERNAL
        with a fixed text, and the exception is logged.
    success_code: the HTTP status of a method's successful JSON call.
    probes: HTTP paths that answer 200 while their coroutine function returns, an error once it raises.
    strict_json: refuse JSON fields that a message does not have, instead of passing over them.
    """

    def __init__(
        self,
        services: Iterable[tuple[ServiceDescriptor, object]],
        *,
        authenticate: Authenticate | None = None,
        translate: Translate | None = None,
        success_code: Callable[[MethodDescriptor], int] = _ok,
        probes: Mapping[str, Probe] | None = None,
        cors: Cors | None = None,
        limits: Limits | None = None,
        strict_json: bool = False,
    ) -> None:
        self._limits = limits or Limits()
        self._methods = bind(services)
        rules = Rules(method.request_class for method in self._methods.values())
        codec = Codec(ignore_unknown_fields=not strict_json)
        self._pages = ErrorPages(codec)
        self._dispatcher = Dispatcher(authenticate, rules.violations, translate, self._limits)
        self._json = JsonEdge(
            self._dispatcher, self._methods.values(), codec, self._pages, success_code, self._limits.message_bytes
        )
        self._front = Front(
            dispatcher=self._dispatcher,
            methods=self._methods,
            json=self._json,
            grpc_web=GrpcWebEdge(self._dispatcher, self._limits.message_bytes),
            pages=self._pages,
            cors=cors or Cors(),
            probes=probes or {},
        )

    @cached_property
    def rsgi(self) -> RsgiApplication:
        """For granian's RSGI: gRPC-Web and JSON, by path and content type.

        Raises ServiceError for a route with a multi-segment variable, see server/gateway/rsgi.py.
        """
        routes = self._json.multi_segment_routes()
        if routes:
            raise ServiceError(f"RSGI decodes paths, so it cannot serve {', '.join(routes)}")
        return RsgiApplication(self._front, self._pages, self._limits.read_seconds)

    @cached_property
    def wsgi(self) -> WsgiApplication:
        """The same for any WSGI server."""
        return WsgiApplication(self._front)

    @cached_property
    def grpc_handler(self) -> grpc.GenericRpcHandler:
        """For `grpc.aio.server`: `server.add_generic_rpc_handlers([gateway.grpc_handler])`."""
        return GrpcHandler(self._dispatcher, self._methods)

    def stop(self) -> None:
        """Cancels the HTTP calls that are still running; their callers are told that the server shuts down."""
        self._dispatcher.stopping = True
        self.rsgi.cancel()
