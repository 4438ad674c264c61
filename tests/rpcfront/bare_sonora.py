"""One servicer behind two WSGI applications, the gateway's and sonora's own, and a server of neither to call them."""

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import grpc
import sonora.wsgi
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpc_status import rpc_status

from rpcfront import Gateway
from tests.support.clients.http import Reply
from tests.support.services.fixture_protos import fixture_pool, message_class
from tests.support.services.fixture_service import DETAILS

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SERVICE = "t.v1.T"


def rich_status() -> status_pb2.Status:
    status = status_pb2.Status(code=9, message="not yet")
    status.details.add().Pack(DETAILS["info"])
    return status


def _sleep(request: Any, _context: Any) -> Any:
    time.sleep(0.3)
    return request


def _no_status(request: Any, _context: Any) -> Any:
    # As when the servicer's own call to another service has failed.
    raise grpc.RpcError("a secret of the servicer")


def _fault(request: Any, _context: Any) -> Any:
    raise RuntimeError("a secret of the servicer")


def _trailer(key: str, value: str | bytes) -> Callable[[Any, Any], Any]:
    def behaviour(request: Any, context: Any) -> Any:
        context.set_trailing_metadata(((key, value),))
        return request

    return behaviour


def _says(tell: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def behaviour(request: Any, context: Any) -> Any:
        return type(request)(name=repr(tell(context)))

    return behaviour


# What a request's name asks for.
BEHAVIOURS: dict[str, Callable[[Any, Any], Any]] = {
    "": lambda request, context: request,
    "sleep": _sleep,
    "fault": _fault,
    "no status": _no_status,
    "nothing": lambda request, context: None,
    "abort": lambda request, context: context.abort(grpc.StatusCode.NOT_FOUND, "not here"),
    "abort with OK": lambda request, context: context.abort(0, "all is well"),
    "abort with metadata": lambda request, context: context.abort(grpc.StatusCode.ABORTED, "no", (("x-why", "so"),)),
    "abort with status": lambda request, context: context.abort_with_status(rpc_status.to_status(rich_status())),
    "trailer that breaks out": _trailer("x-a", "b\r\ngrpc-status: 0"),
    "trailer outside ASCII": _trailer("x-a", "ü"),
    "trailer of bytes": _trailer("x-a-bin", b"\xff\x00"),
    "remaining": _says(lambda context: context.time_remaining()),
    "metadata": _says(lambda context: [tuple(pair) for pair in context.invocation_metadata()]),
    "peer": _says(lambda context: context.peer()),
    "is_active": _says(lambda context: context.is_active()),
    "cancel": _says(lambda context: context.cancel()),
    "add_callback": _says(lambda context: context.add_callback(lambda: None)),
    "trailing_metadata": _says(lambda context: context.trailing_metadata()),
    "code": _says(lambda context: context.code().name),
    "details": _says(lambda context: context.details()),
}


class Servicer:
    """t.v1.T, of which three methods are called here. Written for grpc's own server, on threads."""

    def __getattr__(self, name: str) -> Callable[[Any, Any], Any]:
        return self.Get

    def Get(self, request: Any, context: Any) -> Any:
        return BEHAVIOURS[request.name](request, context)

    def Md(self, request: Any, context: Any) -> Any:
        return message_class("google.protobuf.Struct")()

    def Stream(self, request: Any, context: Any) -> Iterator[Any]:
        yield request
        yield BEHAVIOURS[request.name](request, context)


@cache
def gateway() -> App:
    """The servicer behind the gateway."""
    return Gateway(services=[(fixture_pool().FindServiceByName(SERVICE), Servicer())]).wsgi


@cache
def bare() -> App:
    """The servicer behind sonora alone, as its documentation has it."""
    app: Any = sonora.wsgi.grpcWSGI()
    app.add_generic_rpc_handlers((handlers(),))
    served: App = app
    return served


def handlers() -> "grpc.GenericRpcHandler":
    """What the generated code would register."""
    servicer = Servicer()
    methods: dict[str, Any] = {}
    for descriptor in fixture_pool().FindServiceByName(SERVICE).methods:
        is_stream = descriptor.server_streaming
        make = grpc.unary_stream_rpc_method_handler if is_stream else grpc.unary_unary_rpc_method_handler
        methods[descriptor.name] = make(
            getattr(servicer, descriptor.name),
            request_deserializer=GetMessageClass(descriptor.input_type).FromString,
            response_serializer=GetMessageClass(descriptor.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(SERVICE, methods)


class Input(io.BytesIO):
    """A request's body, at whose end the server's stream ends; it remembers the most that was asked for at once."""

    most_asked_for = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most_asked_for = max(self.most_asked_for, size or 0)
        return super().read(size)


def call(
    app: App,
    body: bytes,
    *,
    method: str = "Get",
    headers: Mapping[str, str] | None = None,
    source: Input | None = None,
    **environ: Any,
) -> Reply:
    """One request, answered as a WSGI server would: an exception before the head is a 500, one after it a cut."""
    named = {"CONTENT_TYPE": "application/grpc-web+proto", "CONTENT_LENGTH": str(len(body))}
    named |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    head: list[tuple[str, list[tuple[str, str]]]] = []
    answer = b""
    request = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/{SERVICE}/{method}",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "HTTP_HOST": "api.example",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "5",
        "wsgi.input": source or Input(body),
        **named,
        **environ,
    }
    try:
        for piece in app(request, lambda status, headers: head.append((status, headers))):
            answer += piece
    except Exception:  # noqa: BLE001  # what any WSGI server does
        if not head:
            return Reply(500, [], b"")
    ((status, pairs),) = head
    return Reply(int(status.split()[0]), [(name.lower(), value) for name, value in pairs], answer)
