"""`Gateway(services=[(descriptor, servicer)])`: serves a program's services over every protocol."""

import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from ssl import SSLContext
from types import NoneType

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from rpcfront.adapters.asgi import AsgiApplication
from rpcfront.adapters.grpc_aio import GrpcHandler
from rpcfront.adapters.wsgi import WsgiApplication
from rpcfront.arguments import check_callable, check_functions, check_list, check_port, check_type
from rpcfront.calls.dispatch import Authenticate, Dispatcher, Places, Translate
from rpcfront.calls.methods import bind
from rpcfront.calls.observers import Observer, Observers
from rpcfront.calls.request_ids import RequestIds
from rpcfront.calls.running_requests import RunningRequests
from rpcfront.calls.servicers import Interceptor, Servicers
from rpcfront.cors import Cors, CorsPolicy
from rpcfront.limits import Limits
from rpcfront.listener.forwarded import Network, TrustedProxies
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.server import Server
from rpcfront.listener.tls import Tls, TlsFiles, TlsReloader
from rpcfront.mounts import Mount, Mounts, Probe, probe_mounts
from rpcfront.openapi import Info, docs_handlers, operations
from rpcfront.protocols.connect_errors import ConnectErrors
from rpcfront.protocols.connect_streams import ConnectStreamEdge
from rpcfront.protocols.connect_unary import ConnectEdge
from rpcfront.protocols.grpc import GrpcEdge
from rpcfront.protocols.http import Authorize, Handler
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.protocols.rest import RestEdge, rest_routes
from rpcfront.router import Router
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.validation.validator import Validator


def _ok(_method: MethodDescriptor) -> int:
    return 200


class Gateway:
    """Serves grpcio servicers as native gRPC, gRPC-Web, Connect and JSON over HTTP.

    Only `services` is required. Without further arguments there is no authentication and no CORS, and the limits are
    the defaults. buf.validate rules in the protos are always checked. Raises ServiceError, naming the culprit, for a
    method that cannot be served, a bad google.api.http annotation or rule, and two routes that collide.

    services: pairs of a service descriptor and its servicer: an object with a method for each RPC, `(request,
        context)`, either `async def` (run on the event loop) or plain `def` (run on a thread). A stream of requests is
        given to it as an iterator, as grpcio does.
    authenticate: returns the caller, kept as `context.caller`, or raises. Runs before the body is read.
    translate: returns the google.rpc.Status of an exception that a servicer, `authenticate` or a handler raised, given
        the method that was called (None in a handler). None makes it INTERNAL with a fixed text, and the exception is
        logged.
    success_code: the HTTP status of a method's successful JSON call.
    probes: coroutine functions by HTTP path, which responds 200 while the function returns, with an error if it raises.
    handlers: coroutine functions from a request to its response, by the HTTP path on which each serves GET and HEAD;
        `/console/*` means every path below `/console/`. Such requests are not calls: they are neither
        authenticated nor observed.
    strict_json: whether to refuse unknown fields in JSON instead of ignoring them; or the proto packages in whose
        messages they are refused.
    interceptors: `async def (call_next, request, context)`, around every call of a servicer's method, the first one
        outermost.
    observers: see every call begin and end, the first one outermost, and requests that reach no method.
    places: divides the places of concurrent calls among callers, once they are authenticated; without it, they are for
        whoever comes first.
    openapi: if given, /openapi.json is an OpenAPI document of the JSON routes, and /docs a page that shows it.
    authorize_openapi: raises, as `authenticate` does, if a request must not read the document. The page itself is the
        same for every API, and served to anyone: it asks its reader for a token if the document needs one.
    extra_message_bytes: by how much the request messages of some methods may be larger than `limits` say, over gRPC,
        gRPC-Web and Connect: bytes by `package.Service.Method`. For messages that carry those of other calls.
    """

    def __init__(  # noqa: PLR0913  # keyword arguments, each with a default: this is the library's interface
        self,
        services: Iterable[tuple[ServiceDescriptor, object]],
        *,
        authenticate: Authenticate | None = None,
        translate: Translate | None = None,
        success_code: Callable[[MethodDescriptor], int] = _ok,
        probes: Mapping[str, Probe] | None = None,
        handlers: Mapping[str, Handler] | None = None,
        cors: Cors | None = None,
        limits: Limits | None = None,
        strict_json: bool | Collection[str] = False,
        interceptors: Sequence[Interceptor] = (),
        observers: Sequence[Observer] = (),
        places: Places | None = None,
        openapi: Info | None = None,
        authorize_openapi: Authorize | None = None,
        extra_message_bytes: Mapping[str, int] | None = None,
    ) -> None:
        # Loads sonora. Now, since the first gRPC-Web call would hold up all others while it did.
        from rpcfront.protocols.grpc_web import GrpcWebEdge

        check_list("services", services)
        check_list("interceptors", interceptors)
        for number, interceptor in enumerate(interceptors):
            check_callable(f"interceptors[{number}]", interceptor)
        check_list("observers", observers)
        for number, observer in enumerate(observers):
            check_callable(f"observers[{number}].started", getattr(observer, "started", None))
            check_callable(f"observers[{number}].ended", getattr(observer, "ended", None))
        check_functions("probes", probes or {})
        check_functions("handlers", handlers or {})
        check_callable("success_code", success_code)
        if authenticate is not None:
            check_callable("authenticate", authenticate)
        if translate is not None:
            check_callable("translate", translate)
        check_type("limits", limits, (Limits, NoneType))
        check_type("cors", cors, (Cors, NoneType))
        check_type("openapi", openapi, (Info, NoneType))
        self._limits = limits or Limits()
        self._running = RunningRequests()
        self._request_ids = RequestIds()
        self._methods = bind(services, extra_message_bytes)
        validator = Validator(method.request_class for method in self._methods.values())
        strict_packages = () if isinstance(strict_json, bool) else strict_json
        codec = JsonCodec(ignore_unknown_fields=strict_json is not True, strict_packages=strict_packages)
        self._errors = JsonErrors(codec)
        servicers = Servicers(self._limits.threads, interceptors)
        self._dispatcher = Dispatcher(
            servicers,
            authenticate,
            validator.violations,
            translate,
            self._limits,
            Observers(observers) if observers else None,
            places,
        )
        routes = rest_routes(self._methods.values(), codec, success_code)
        self._rest = RestEdge(self._dispatcher, routes, codec, self._errors, self._limits.message_bytes)
        connect_errors = ConnectErrors(codec)
        rpc_edges = (
            GrpcEdge(self._dispatcher, self._limits.message_bytes),
            GrpcWebEdge(self._dispatcher, self._limits.message_bytes),
            ConnectStreamEdge(self._dispatcher, codec, connect_errors, self._limits.message_bytes),
            ConnectEdge(self._dispatcher, codec, connect_errors, self._limits.message_bytes),
        )
        descriptors = [method.descriptor for method in self._methods.values()]
        docs = (
            {}
            if openapi is None
            else docs_handlers(
                operations(descriptors, success_code), openapi, authorize_openapi, codec.refuses_unknown_fields
            )
        )
        mounts = (
            *probe_mounts(probes or {}),
            *(Mount(path, handler) for path, handler in (*docs.items(), *(handlers or {}).items())),
        )
        self._router = Router(
            methods=self._methods,
            rest=self._rest,
            rpc_edges=rpc_edges,
            mounts=Mounts(mounts, self._dispatcher, self._errors),
            cors=CorsPolicy(cors or Cors(), (self._rest, *rpc_edges)),
            errors=self._errors,
            rpc_errors=connect_errors,
            dispatcher=self._dispatcher,
            request_ids=self._request_ids,
        )

    async def listen(  # noqa: PLR0913  # keyword arguments, each with a default: this is the library's interface
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        sock: socket.socket | None = None,
        ssl: Tls | None = None,
        limits: ConnectionLimits | None = None,
        reuse_port: bool = False,
        trusted_proxies: Iterable[Network | str] = (),
    ) -> Server:
        """Serve every protocol on one port of the running event loop.

        host, port: the address; port 0 takes a free one, which `server.port` names.
        sock: a bound socket instead.
        ssl: an SSLContext for servers, of which ALPN offers `h2` and `http/1.1`; or TlsFiles, which are followed: new
            connections use certificates that were replaced, after a few seconds; or a TlsReloader of one's own.
        reuse_port: whether other processes may listen on the same port (SO_REUSEPORT).
        trusted_proxies: the networks, such as "10.0.0.0/8", of proxies that say for whom they call, by Forwarded or
            X-Forwarded-For.

        Raises OSError if the address cannot be listened on, and TlsFileError for files that cannot be used.
        """
        check_type("host", host, str)
        check_port(port)
        if sock is not None and port:
            raise ValueError("a server listens on sock or on port, not on both")
        check_type("sock", sock, (socket.socket, NoneType))
        check_type("limits", limits, (ConnectionLimits, NoneType))
        check_type("ssl", ssl, (SSLContext, TlsFiles, TlsReloader, NoneType))
        proxies = TrustedProxies(trusted_proxies)
        server = Server(self._router, self._running, limits or ConnectionLimits(), proxies)
        try:
            await server.start(host, port, sock, ssl, reuse_port=reuse_port)
        except OSError as error:
            if sock is not None:
                raise
            raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        return server

    def run(  # noqa: PLR0913  # as `listen`
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        ssl: Tls | None = None,
        limits: ConnectionLimits | None = None,
        trusted_proxies: Iterable[Network | str] = (),
        grace: float = 10.0,
    ) -> None:
        """Serve as `listen` does, on an event loop of its own, until SIGTERM or SIGINT.

        Calls that run then may finish within `grace` seconds, unless a second signal ends them. On SIGHUP, TlsFiles are
        loaded again at once.

        Raises OSError if the address cannot be listened on, and TlsFileError for files that cannot be used.
        """
        check_type("grace", grace, (int, float))
        if not grace >= 0:
            raise ValueError(f"grace must be 0 or more, not {grace}")
        # Loads uvloop.
        from rpcfront.listener.run import run

        def listen(tls: Tls | None) -> Awaitable[Server]:
            return self.listen(host, port, ssl=tls, limits=limits, trusted_proxies=trusted_proxies)

        run(listen, ssl, grace)

    @cached_property
    def asgi(self) -> AsgiApplication:
        """An application for any ASGI server: gRPC-Web, Connect and JSON, by path and content type."""
        return AsgiApplication(self._router, self._errors, self._limits, self._running)

    @cached_property
    def wsgi(self) -> WsgiApplication:
        """The same for any WSGI server."""
        return WsgiApplication(self._router, self._errors)

    @cached_property
    def grpc_handler(self) -> grpc.GenericRpcHandler:
        """Native gRPC for `grpc.aio.server`: `server.add_generic_rpc_handlers([gateway.grpc_handler])`."""
        return GrpcHandler(self._dispatcher, self._methods, self._request_ids, self._limits.read_seconds)

    async def wait_idle(self) -> None:
        """Wait until no call is running over the listener or `asgi`."""
        await self._running.wait_idle()

    def stop(self) -> None:
        """Cancel the calls that run over the listener or `asgi`. Their clients learn that the server shuts down."""
        self._dispatcher.stopping = True
        self._running.cancel()
