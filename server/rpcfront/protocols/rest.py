"""JSON over HTTP: google.api.http routes, proto3 JSON bodies, google.rpc.Status errors."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from rpcfront.calls.dispatch import Dispatcher, Outcome, Parsed
from rpcfront.calls.methods import Method, ServiceError
from rpcfront.metadata import REST_TRAILER_PREFIX, to_headers
from rpcfront.protocols.http import Headers, HttpContext, HttpRequest, HttpResponse
from rpcfront.protocols.http_streams import HttpStream
from rpcfront.protocols.json_errors import JsonErrors
from rpcfront.protocols.rest_bodies import UNTYPED, RequestBody, ResponseBody, request_body, response_bodies
from rpcfront.transcoding.annotations import AnnotationError, compile_rule, http_rules
from rpcfront.transcoding.annotations import Route as Rule
from rpcfront.transcoding.fields import bind_path, bind_query
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.transcoding.routes import Match, PathNotFoundError, RouteConflictError, RouteTable

NDJSON_TYPE = "application/x-ndjson"
_NOT_LITERAL = frozenset("{%")
"""A template with one of these is not a path, or one that some servers decode."""


@dataclass(frozen=True, slots=True)
class RestRoute:
    """A route and the method that it calls."""

    method: Method
    rule: Rule
    success_status: int
    body: RequestBody
    new_response_body: Callable[[], ResponseBody]

    def __str__(self) -> str:
        return str(self.rule)


def rest_routes(
    methods: Iterable[Method], codec: JsonCodec, success_code: Callable[[MethodDescriptor], int]
) -> RouteTable[RestRoute]:
    """Return a route for every binding of every method's annotation. Raises ServiceError for one that is not valid."""
    routes: RouteTable[RestRoute] = RouteTable()
    try:
        for method in methods:
            for http_rule in http_rules(method.descriptor):
                rule = compile_rule(method.descriptor, http_rule)
                status = success_code(method.descriptor)
                if not isinstance(status, int) or not 200 <= status <= 299:  # HTTP's successes
                    raise ServiceError(
                        f"{method.descriptor.full_name}: success_code must be from 200 to 299, not {status!r}"
                    )
                route = RestRoute(method, rule, status, request_body(rule, codec), response_bodies(rule, codec))
                routes.add(http_rule.http_method, rule.template, route)
    except (AnnotationError, RouteConflictError) as error:
        raise ServiceError(str(error)) from error
    return routes


class RestEdge:
    """Serves the routes of google.api.http annotations."""

    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()

    def __init__(
        self,
        dispatcher: Dispatcher,
        routes: RouteTable[RestRoute],
        codec: JsonCodec,
        errors: JsonErrors,
        message_limit: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._routes = routes
        self._codec = codec
        self._errors = errors
        self._limit = message_limit

    def routes_of(self, path: str) -> list[str]:
        """Return the routes that are on a path, or below it if it ends with `/*`."""
        prefix = path.removesuffix("*") if path.endswith("/*") else None
        return [
            str(entry)
            for entry in self._routes.entries
            if entry.template.text == path or (prefix is not None and entry.template.text.startswith(prefix))
        ]

    def fixed_routes(self) -> dict[tuple[str, str], Callable[[HttpRequest], Awaitable[HttpResponse | None]]]:
        """Return what serves the paths that are a route's template, to the letter, by HTTP method and path.

        OPTIONS is left out: it is never a call.
        """
        routes = [(entry.http_method, entry.template.text) for entry in self._routes.entries]
        return {
            (method, path): partial(self._call, self._routes.match(method, path))
            for method, path in routes
            if method != "OPTIONS" and path.isascii() and _NOT_LITERAL.isdisjoint(path)
        }

    def allowed(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the HTTP methods of a request's path, sorted. Raises BadPathError."""
        return self._routes.allowed(request.path)

    def claims(self, request: HttpRequest, method: Method | None) -> bool:
        """Return whether the path has a route, which is kept with the request.

        Raises a RoutingError for a malformed path, and for one whose routes have other HTTP methods.
        """
        if method is not None:
            return False
        try:
            request.route = self._routes.match(request.method, request.path)
        except PathNotFoundError:
            return False
        return True

    def handle(self, request: HttpRequest, _method: Method | None) -> Awaitable[HttpResponse | None]:
        """Respond to a request whose route `claims` has found."""
        return self._call(request.route, request)

    async def _call(self, match: Match[RestRoute], request: HttpRequest) -> HttpResponse | None:
        """Run a call of the route's method."""
        route = match.value
        context = HttpContext(request, "json")

        response_body = route.new_response_body()
        wire = _Wire(request, match, self._codec, self._limit, response_body.encode)
        if route.method.streams_responses:
            return await self._stream(route, wire, _Stream(request, context, route.success_status, response_body))
        outcome = await self._dispatcher.unary(route.method, context, wire)
        return self._respond(outcome, context, route, response_body.content_type)

    async def _stream(self, route: RestRoute, wire: "_Wire", stream: "_Stream") -> HttpResponse | None:
        outcome = await self._dispatcher.stream(route.method, stream.context, wire, stream)
        if not stream.has_started:
            return self._respond(outcome, stream.context, route, stream.content_type)
        await stream.end(b"" if outcome.status is None else stream.failure(self._errors.body(outcome.status)))
        return None

    def _respond(self, outcome: Outcome, context: HttpContext, route: RestRoute, content_type: str) -> HttpResponse:
        if outcome.status is None:
            response = HttpResponse(route.success_status, [("content-type", content_type)], outcome.body)
        else:
            response = self._errors.response(outcome)
        if context.has_metadata:
            response.headers += to_headers(context.initial_metadata())
            response.headers += to_headers(context.trailers(), REST_TRAILER_PREFIX)
        return response


@dataclass(slots=True, eq=False)
class _Wire:
    """The bodies of one call, and the texts in its path and query."""

    request: HttpRequest
    match: Match[RestRoute]
    codec: JsonCodec
    limit: int
    encode: Callable[[Message], bytes]
    offloads_encoding = True

    def room(self) -> Awaitable[None] | None:
        return self.request.room()

    def whole(self) -> bytes | None:
        self.match.value.body.check(self.request)
        return self.request.whole(self.limit, 0)

    def read(self) -> Awaitable[bytes]:
        return self.request.read(self.limit, 0)

    def receive(self) -> Awaitable[bytes | None]:
        raise NotImplementedError  # no method with a stream of requests has a route

    def parse(self, body: bytes) -> Parsed:
        request, route, bindings = self.request, self.match.value, self.match.bindings
        message = route.method.request_class()
        violations = route.body.parse(request, body, message)
        if bindings:
            violations += bind_path(message, bindings, self.codec)
        if request.query:
            rule = route.rule
            violations += bind_query(message, request.query, self.codec, bound=rule.bound, body=rule.rule.body)
        return message, violations


class _Stream(HttpStream):
    """Sends a line of JSON for each message, or the bytes of each HttpBody. After a failure the last line is the error.

    Trailing metadata is not sent: it is known only after the headers have been.
    """

    def __init__(self, request: HttpRequest, context: HttpContext, status: int, body: ResponseBody) -> None:
        super().__init__(request, context, status)
        self._body = body

    @property
    def content_type(self) -> str:
        return NDJSON_TYPE if self._body.is_json else self._body.content_type or UNTYPED

    def headers(self) -> Headers:
        return [("content-type", self.content_type)]

    def frame(self, message: bytes) -> bytes:
        return message + b"\n" if self._body.is_json else message

    def failure(self, status: bytes) -> bytes:
        """Return the last line of a stream that has failed."""
        line = b'{"error":%s}\n' % status
        return line if self._body.is_json else b"\n" + line
