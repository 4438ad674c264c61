"""The JSON edge: google.api.http routes, proto3 JSON bodies, google.rpc.Status errors."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2

from server.gateway.dispatch import Dispatcher
from server.gateway.http import (
    JSON_TYPE,
    ErrorPages,
    HttpContext,
    HttpRequest,
    HttpResponse,
    unsupported_media_type,
)
from server.gateway.metadata import to_headers
from server.gateway.methods import Method, ServiceError
from server.gateway.status import FieldViolation, refusal
from server.gateway.transcoding.annotations import AnnotationError, compile_rule, http_rules
from server.gateway.transcoding.annotations import Route as Rule
from server.gateway.transcoding.codec import Codec, MalformedJsonError
from server.gateway.transcoding.fields import bind_path, bind_query
from server.gateway.transcoding.routes import Match, RouteConflictError, Router

TRAILER_PREFIX = "grpc-trailer-"


@dataclass(frozen=True, slots=True)
class JsonRoute:
    """A route and the method behind it."""

    method: Method
    rule: Rule
    success_status: int

    def __str__(self) -> str:
        return str(self.rule)


class JsonEdge:
    """Serves every binding of every method's annotation. Raises ServiceError for what cannot be."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        methods: Iterable[Method],
        codec: Codec,
        pages: ErrorPages,
        success_code: Callable[[MethodDescriptor], int],
        message_limit: int,
    ) -> None:
        self._dispatcher = dispatcher
        self._codec = codec
        self._pages = pages
        self._limit = message_limit
        self._router: Router[JsonRoute] = Router()
        try:
            for method in methods:
                for http_rule in http_rules(method.descriptor):
                    rule = compile_rule(method.descriptor, http_rule)
                    route = JsonRoute(method, rule, success_code(method.descriptor))
                    self._router.add(http_rule.http_method, rule.template, route)
        except (AnnotationError, RouteConflictError) as error:
            raise ServiceError(str(error)) from error

    def multi_segment_routes(self) -> list[str]:
        """The routes that need a path as it was sent, see the RSGI face."""
        return [str(entry) for entry in self._router.multi_segment_entries]

    def match(self, request: HttpRequest) -> Match[JsonRoute]:
        """The route of a request. Raises a RoutingError."""
        return self._router.match(request.method, request.path, decoded=request.path_is_decoded)

    def allowed(self, request: HttpRequest) -> tuple[str, ...]:
        """The HTTP methods of a request's path, sorted. Raises BadPathError."""
        return self._router.allowed(request.path, decoded=request.path_is_decoded)

    async def handle(self, request: HttpRequest, match: Match[JsonRoute]) -> HttpResponse:
        """One call of the route's method."""
        route = match.value
        context = HttpContext(request)

        async def decode() -> tuple[Message, list[FieldViolation]]:
            message = route.method.request_class()
            violations = await self._read_body(request, route.rule, message)
            violations += bind_path(message, match.bindings, self._codec)
            violations += bind_query(
                message, request.query, self._codec, bound=route.rule.bound, body=route.rule.rule.body
            )
            return message, violations

        encode = self._codec.encode
        response_body = route.rule.response_body
        if response_body is not None:
            field = response_body

            def encode(message: Message) -> bytes:
                return self._codec.encode_field(message, field)

        outcome = await self._dispatcher.unary(route.method, context, decode, encode)
        if outcome.status is None:
            response = HttpResponse(route.success_status, [("content-type", JSON_TYPE)], outcome.body)
        else:
            response = self._pages.response(outcome)
        response.headers += to_headers(context.initial_metadata())
        response.headers += to_headers(context.trailing_metadata(), TRAILER_PREFIX)
        return response

    async def _read_body(self, request: HttpRequest, rule: Rule, message: Message) -> list[FieldViolation]:
        """Reads the body into the message, or into the field of it that is the body."""
        takes_body = bool(rule.rule.body)
        if takes_body:
            _require_json(request)
        body = await request.read(self._limit, 0)
        if not body:
            return []
        if not takes_body:
            raise refusal(code_pb2.INVALID_ARGUMENT, "this method takes no body")
        try:
            if rule.body is not None:
                return self._codec.decode_field(body, message, rule.body)
            return self._codec.decode(body, message)
        except MalformedJsonError as error:
            raise refusal(code_pb2.INVALID_ARGUMENT, str(error)) from None


def _require_json(request: HttpRequest) -> None:
    essence, charset = request.media_type()
    if essence not in {"", JSON_TYPE} or charset not in {"", "utf-8", "utf8"}:
        raise unsupported_media_type(f"{JSON_TYPE}, in UTF-8")
    if (request.header("content-encoding") or "identity").lower() != "identity":
        raise unsupported_media_type(f"{JSON_TYPE}, without a content encoding")
