"""The front of the HTTP edges: which of them a request is for, and what holds for all of them (CORS, OPTIONS, HEAD)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from google.rpc import code_pb2

from rpcfront.calls.dispatch import Dispatcher
from rpcfront.calls.methods import Method, ServiceError
from rpcfront.calls.observers import REQUEST_ID, RequestIds
from rpcfront.cors import Cors, is_preflight
from rpcfront.openapi import Site
from rpcfront.protocols.connect_streams import ConnectStreamEdge, is_connect_stream
from rpcfront.protocols.connect_unary import CONTENT_TYPES, ConnectEdge, is_connect, speaks_connect
from rpcfront.protocols.grpc_web import GrpcWebEdge, is_grpc_web
from rpcfront.protocols.http import JSON_TYPE, Headers, HttpRequest, HttpResponse, unsupported_media_type
from rpcfront.protocols.json_errors import ErrorPages
from rpcfront.protocols.rest import JsonEdge, JsonRoute
from rpcfront.status import StatusError, status_error
from rpcfront.transcoding.routes import BadPathError, Match, MethodNotAllowedError, PathNotFoundError

Probe = Callable[[], Awaitable[None]]
"""Returns when all is well, raises when it is not."""

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Serves GET and HEAD on one path. An exception gets the response that it would get from a servicer."""

RPC_METHODS = ("OPTIONS", "POST")
PAGE_METHODS = ("GET", "HEAD", "OPTIONS")
_PROBE_BODY = b'{"status":"SERVING"}'


@dataclass(slots=True)
class Front:
    """Answers every HTTP request there can be."""

    dispatcher: Dispatcher
    methods: Mapping[str, Method]
    json: JsonEdge
    grpc_web: GrpcWebEdge
    connect: ConnectEdge
    connect_streams: ConnectStreamEdge
    pages: ErrorPages
    cors: Cors
    probes: Mapping[str, Probe]
    site: Site
    handlers: Mapping[str, Handler]
    request_ids: RequestIds
    _literals: Mapping[tuple[str, str], Match[JsonRoute]] = field(init=False)
    """The routes whose path has no variable: what most calls are for is found at once."""

    def __post_init__(self) -> None:
        """Raises ServiceError for a route that no request would reach."""
        self._literals = self.json.literals()
        for path in self.handlers:
            if path in self.methods or path in self.probes or path in self.site:
                raise ServiceError(f"the handler of {path} collides with what is served there already")
        for path in (*self.methods, *self.probes, *self.site, *self.handlers):
            for route in self.json.routes_of(path):
                raise ServiceError(f"{route} collides with what is served on {path} already")

    async def __call__(self, request: HttpRequest) -> HttpResponse | None:
        """One request; None when its answer has gone out as a stream. Raises nothing but CancelledError."""
        request.request_id = request_id = self.request_ids.take(request.header(REQUEST_ID))
        request.common_headers = [(REQUEST_ID, request_id)]
        if self.cors.origins:
            request.common_headers += self.cors.headers(request)
        response: HttpResponse | None
        try:
            match = self._literals.get((request.method, request.path))
            if match is None:
                response = await self._answer(request)
            else:
                response = await self.json.handle(request, match)
        except PathNotFoundError:
            response = self._refuse(request, status_error(code_pb2.NOT_FOUND, "no such path"))
        except MethodNotAllowedError as error:
            response = self._not_allowed(request, error.allow)
        except BadPathError as error:
            response = self._refuse(request, status_error(code_pb2.INVALID_ARGUMENT, f"the path {error}"))
        if response is not None:
            response.headers += request.common_headers
        return response

    def _answer(self, request: HttpRequest) -> Awaitable[HttpResponse | None]:
        # Not a coroutine itself, but what hands one over: a frame less on the way of each call.
        if not request.path.startswith("/"):
            raise BadPathError("does not start with a slash")
        if request.method == "OPTIONS":
            return _known(self._options(request))
        method = self.methods.get(request.path)
        if method is not None:
            return self._rpc(request, method)
        if request.path in self.probes:
            return self._probe(request)
        if request.path in self.site:
            return _known(self._page(request))
        if request.path in self.handlers:
            return self._handler(request)
        try:
            match = self.json.match(request)
        except PathNotFoundError:
            if request.method == "POST" and is_grpc_web(request):
                return self.grpc_web.handle(request, None)
            if request.method == "POST" and speaks_connect(request):
                return self.connect.handle(request, None)
            raise
        return self.json.handle(request, match)

    def _rpc(self, request: HttpRequest, method: Method) -> Awaitable[HttpResponse | None]:
        if request.method != "POST":
            return _known(_not_connects(self._not_allowed(request, RPC_METHODS)))
        if is_grpc_web(request):
            return self.grpc_web.handle(request, method)
        if method.is_streaming and is_connect_stream(request):
            return self.connect_streams.handle(request, method)
        if is_connect(request):
            return self.connect.handle(request, method)
        unsupported = unsupported_media_type(f"{CONTENT_TYPES}, or one of gRPC-Web's")
        return _known(_not_connects(self._refuse(request, unsupported)))

    def _page(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self._not_allowed(request, PAGE_METHODS)
        return self.site[request.path]()

    async def _handler(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self._not_allowed(request, PAGE_METHODS)
        handler = self.handlers[request.path]
        response = HttpResponse(200)

        async def answer() -> bytes:
            nonlocal response
            response = await handler(request)
            return response.body

        outcome = await self.dispatcher.guard(answer(), request.path)
        return response if outcome.status is None else self.pages.response(outcome)

    async def _probe(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self._not_allowed(request, PAGE_METHODS)
        probe = self.probes[request.path]

        async def check() -> bytes:
            await probe()
            return _PROBE_BODY

        outcome = await self.dispatcher.guard(check(), request.path)
        if outcome.status is not None:
            return self.pages.response(outcome)
        return HttpResponse(200, [("content-type", JSON_TYPE)], outcome.body)

    def _options(self, request: HttpRequest) -> HttpResponse:
        allow = self._allowed(request)
        if not is_preflight(request):
            if not allow:
                raise PathNotFoundError(request.path)
            return HttpResponse(204, [("allow", ", ".join(allow))])
        # An unknown RPC is told so by the call itself, which a browser sends only after this answer.
        methods = allow or RPC_METHODS
        return HttpResponse(204, [("allow", ", ".join(methods)), *self.cors.preflight(request, methods)])

    def _allowed(self, request: HttpRequest) -> tuple[str, ...]:
        if request.path in self.methods:
            return RPC_METHODS
        if request.path in self.probes or request.path in self.site or request.path in self.handlers:
            return PAGE_METHODS
        return self.json.allowed(request)

    def _not_allowed(self, request: HttpRequest, allow: tuple[str, ...]) -> HttpResponse:
        error = status_error(code_pb2.UNIMPLEMENTED, "method not allowed", http_status=405)
        return self._refuse(request, error, [("allow", ", ".join(allow))])

    def _refuse(self, request: HttpRequest, error: StatusError, headers: Headers | None = None) -> HttpResponse:
        """The answer to a request that reaches no method."""
        self.dispatcher.refused(error.status.code, request.request_id, request.peer)
        return self.pages.refuse(error, headers or ())


async def _known(response: HttpResponse) -> HttpResponse:
    return response


def _not_connects(response: HttpResponse) -> HttpResponse:
    """The same page with its charset named, which changes nothing but for Connect's clients.

    To them `application/json`, to the letter, is an error in their own form, and here nothing says that it is they.
    """
    response.headers = [
        (key, f"{value}; charset=utf-8" if key == "content-type" else value) for key, value in response.headers
    ]
    return response
