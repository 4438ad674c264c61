"""Finds what serves an HTTP request, and does what all requests need: CORS, OPTIONS, request ids, errors.

Most requests are for a path without variables, so those are found in one table, `_fixed`. For the rest the order is:
mounts of a single path, the first edge that claims the request, mounts of all paths below one.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from google.rpc import code_pb2

from rpcfront.calls.dispatch import Dispatcher, Outcome
from rpcfront.calls.methods import Method, ServiceError
from rpcfront.calls.request_ids import REQUEST_ID, RequestIds
from rpcfront.cors import CorsPolicy, is_preflight
from rpcfront.mounts import MOUNT_METHODS, Mount, Mounts
from rpcfront.protocols.connect_errors import ConnectErrors
from rpcfront.protocols.connect_unary import CONTENT_TYPES, STREAM_CONTENT_TYPES
from rpcfront.protocols.edge import Edge
from rpcfront.protocols.grpc import is_grpc, is_grpc_type
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, HttpResponse, unsupported_media_type
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.protocols.rest import RestEdge
from rpcfront.status import StatusError, status_error
from rpcfront.transcoding.routes import BadPathError, MethodNotAllowedError, PathNotFoundError

RPC_METHODS = ("OPTIONS", "POST")
NO_SNIFFING = ("x-content-type-options", "nosniff")
"""Keeps a browser from taking a body for something else than its content type says, whatever a servicer put into it."""

_Answer: TypeAlias = Awaitable[HttpResponse | None]


@dataclass(slots=True)
class Router:
    """Responds to every HTTP request."""

    methods: Mapping[str, Method]
    """By path: `/package.Service/Method`."""
    rest: RestEdge
    """The edge whose routes have paths of their own."""
    rpc_edges: Sequence[Edge]
    """Those that serve the paths of methods, in the order in which they are asked."""
    mounts: Mounts
    cors: CorsPolicy
    errors: JsonErrors
    rpc_errors: ConnectErrors
    """On the paths of methods."""
    dispatcher: Dispatcher
    request_ids: RequestIds
    _edges: Sequence[Edge] = field(init=False)
    _fixed: Mapping[tuple[str, str], Callable[[HttpRequest], _Answer]] = field(init=False)
    """What serves an HTTP method on a path without variables."""

    def __post_init__(self) -> None:
        """Raise ServiceError for a route that no request would reach."""
        self._edges = (self.rest, *self.rpc_edges)
        self._refuse_collisions()
        calls = {("POST", path): partial(self._call, method) for path, method in self.methods.items()}
        self._fixed = self.rest.fixed_routes() | calls

    def _refuse_collisions(self) -> None:
        for mount in self.mounts:
            if mount.path in self.methods:
                raise ServiceError(f"the handler of {mount.path} collides with what is served there already")
        for path in (*self.methods, *(mount.path for mount in self.mounts)):
            for route in self.rest.routes_of(path):
                raise ServiceError(f"{route} collides with what is served on {path} already")

    def __call__(self, request: HttpRequest) -> _Answer:
        """Respond to one request; None once the response has been sent as a stream. Raises only CancelledError.

        The server adds `request.common_headers` to the response.
        """
        # Not a coroutine itself, but returns one: a frame less in every call.
        request.router = self
        try:
            return self._fixed.get((request.method, request.path), self._find)(request)
        except PathNotFoundError:
            response = self.refuse(request, status_error(code_pb2.NOT_FOUND, "no such path"))
        except MethodNotAllowedError as error:
            response = self._not_allowed(request, error.allow)
        except BadPathError as error:
            response = self.refuse(request, status_error(code_pb2.INVALID_ARGUMENT, f"the path {error}"))
        return _ready(response)

    def take_request_id(self, request: HttpRequest) -> str:
        """Return the client's request id, or a new one."""
        return self.request_ids.take(request.header(REQUEST_ID))

    def common_headers(self, request: HttpRequest) -> Headers:
        """Return the headers of every response to a request, but for native gRPC's."""
        headers = [(REQUEST_ID, request.request_id), NO_SNIFFING]
        if self.cors.is_enabled:
            headers += self.cors.headers(request)
        return headers

    def _call(self, method: Method, request: HttpRequest) -> _Answer:
        """Respond to a POST on the path of a method."""
        for edge in self.rpc_edges:
            if edge.claims(request, method):
                return edge.handle(request, method)
        types = STREAM_CONTENT_TYPES if method.streams_requests or method.streams_responses else CONTENT_TYPES
        hint = "; native gRPC needs HTTP/2" if is_grpc_type(request.content_type) else ""
        return _ready(self.refuse(request, unsupported_media_type(f"{types}, or one of gRPC-Web's{hint}")))

    def _find(self, request: HttpRequest) -> _Answer:
        """Respond to a request that is not in the table. Raises a RoutingError if nothing serves it."""
        path = request.path
        if path == "*" and request.method == "OPTIONS" and not request.query:
            return _ready(HttpResponse(204))  # a question to the server as a whole (RFC 9110, 9.3.7)
        if not path.startswith("/"):
            raise BadPathError("does not start with a slash")
        if request.method == "OPTIONS":
            return _ready(self._options(request))
        if path in self.methods:
            return _ready(self._not_allowed(request, RPC_METHODS))
        mount = self.mounts.find(path)
        if mount is not None and mount.prefix is None:
            return self._serve(request, mount)
        # A call of native gRPC has its own form of errors on every path, on malformed ones too.
        for edge in self.rpc_edges if is_grpc(request) else self._edges:
            if edge.claims(request, None):
                return edge.handle(request, None)
        if mount is not None:
            return self._serve(request, mount)
        raise PathNotFoundError(path)

    def _serve(self, request: HttpRequest, mount: Mount) -> _Answer:
        if request.method in {"GET", "HEAD"}:
            return self.mounts.serve(request, mount)
        return _ready(self._not_allowed(request, MOUNT_METHODS))

    def _options(self, request: HttpRequest) -> HttpResponse:
        allow = self._allowed(request)
        if not is_preflight(request):
            if not allow:
                raise PathNotFoundError(request.path)
            return HttpResponse(204, [("allow", ", ".join(allow))])
        # Allow an unknown RPC, too: the error is in the response to the call, which a browser sends only after this.
        methods = allow or RPC_METHODS
        return HttpResponse(204, [("allow", ", ".join(methods)), *self.cors.preflight(request, methods)])

    def _allowed(self, request: HttpRequest) -> tuple[str, ...]:
        if request.path in self.methods:
            return RPC_METHODS
        mount = self.mounts.find(request.path)
        if mount is not None and mount.prefix is None:
            return MOUNT_METHODS
        return self.rest.allowed(request) or (MOUNT_METHODS if mount is not None else ())

    def _not_allowed(self, request: HttpRequest, allow: tuple[str, ...]) -> HttpResponse:
        error = status_error(code_pb2.UNIMPLEMENTED, "method not allowed", http_status=405)
        return self.refuse(request, error, [("allow", ", ".join(allow))])

    def refuse(self, request: HttpRequest, error: StatusError, headers: Headers | None = None) -> HttpResponse:
        """Return the response to a request that reaches no method."""
        self.dispatcher.refused(error.status.code, HttpContext(request, "http"))
        errors = self.rpc_errors if request.path in self.methods else self.errors
        response = errors.response(Outcome(status=error.status, http_status=error.http_status))
        response.headers += headers or ()
        return response


async def _ready(response: HttpResponse) -> HttpResponse:
    return response
