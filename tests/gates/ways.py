"""The ways in which a call of the shop comes past its executions, each with the same face for one table.

Through Envoy, over gRPC, gRPC-Web and JSON; through an interceptor of grpcio's; and by asking ExecutionService before
and after the call, over the same three protocols, as a program of any kind would.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import status_pb2

from actiond.client import CHANNEL_OPTIONS, ActionsInterceptor
from tests.support.proxied.clients import (
    DETAILS,
    SECONDS,
    Outcome,
    call,
    call_json,
    call_web,
    post,
)
from tests.support.proxied.shop import CHAT, PLACE, UPLOAD, WATCH, Shop, order_class, receipt_class
from tests.support.proxied.system import System
from tests.support.waiting import until
from tests.support.wire.grpc_web import TRAILER, frame, parse_status, parse_trailers, split_frames

ALL = (PLACE, UPLOAD, WATCH, CHAT)
METHODS: Mapping[str, Sequence[str]] = {
    "envoy, gRPC": ALL,
    "envoy, gRPC-Web": (PLACE, WATCH),  # which has no streams of requests
    "envoy, JSON": (PLACE,),  # of a stream, Envoy's transcoder makes a list with HTTP 200, whatever its end
    "interceptor": ALL,
    "asking, gRPC": ALL,
    "asking, gRPC-Web": ALL,
    "asking, JSON": ALL,
}
"""The ways, and the methods of the shop that each has."""
NOBODYS = pb.MethodCall(method="/none.v1.None/Call")
"""A call for which nothing is ever set."""
ROUTES = {PLACE: "/v1/orders", WATCH: "/v1/orders:watch"}


class Way(Protocol):
    """A way to call the shop."""

    @property
    def shop(self) -> Shop:
        """What the calls reach."""

    def call(self, path: str, *orders: Any, seconds: float = SECONDS, is_compressed: bool = False) -> Outcome:
        """Call a method; of a unary one, with one order."""

    def settle(self) -> None:
        """Wait until calls meet the executions that are set now."""


@dataclass(frozen=True)
class ThroughEnvoy:
    """A client of Envoy's over one protocol."""

    system: System
    name: str

    @property
    def shop(self) -> Shop:
        return self.system.shop

    def call(self, path: str, *orders: Any, seconds: float = SECONDS, is_compressed: bool = False) -> Outcome:
        if self.name == "envoy, gRPC-Web":
            return call_web(self.system.port, path, orders[0], (("grpc-timeout", f"{int(seconds * 1000)}m"),))
        if self.name == "envoy, JSON":
            return call_json(self.system.port, ROUTES[path], orders[0])
        return _call(self.system.port, path, orders, seconds, is_compressed)

    def settle(self) -> None:
        pass


@dataclass(frozen=True)
class Intercepted:
    """A client of a shop whose server has the interceptor."""

    shop: Shop
    interceptor: ActionsInterceptor
    ask: "Ask"

    def call(self, path: str, *orders: Any, seconds: float = SECONDS, is_compressed: bool = False) -> Outcome:
        return _call(self.shop.port, path, orders, seconds, is_compressed)

    def settle(self) -> None:
        # It remembers that nothing is set, and hears of a change soon, but not at once.
        answer = self.ask("ExecuteRequest", pb.ExecuteRequestRequest(call=NOBODYS, request=pb.Payload(protobuf=b"")))
        assert isinstance(answer, pb.ExecuteRequestResponse)
        rules = self.interceptor._asker.rules
        until(lambda: rules._revision is None or rules._revision >= answer.set.revision, "the interceptor hears of it")


def _call(port: int, path: str, orders: Sequence[Any], seconds: float, is_compressed: bool) -> Outcome:
    compression = grpc.Compression.Gzip if is_compressed else None
    return call(port, path, *orders, seconds=seconds, compression=compression)


Ask = Callable[[str, Message], Message]
"""Calls a method of ExecutionService, by its name. Raises Refused."""


@dataclass
class RefusedError(Exception):
    """ExecutionService has ended a call."""

    status: status_pb2.Status


@dataclass(frozen=True)
class Asking:
    """A program that asks actiond what becomes of each message, and calls the shop itself."""

    system: System
    ask: Ask

    @property
    def shop(self) -> Shop:
        return self.system.shop

    def call(self, path: str, *orders: Any, seconds: float = SECONDS, is_compressed: bool = False) -> Outcome:
        receipts: list[Any] = []
        described = pb.MethodCall(method=path, timeout=Duration(nanos=int(seconds % 1 * 1e9), seconds=int(seconds)))
        try:
            asked = [self._request(described, one) for one in orders]
            outcome = _call(self.shop.port, path, asked, seconds, is_compressed)
            for one in outcome.receipts:
                receipts.append(self._response(described, asked[-1], one))  # noqa: PERF401  # those before an error stay
        except RefusedError as error:
            status = error.status
            kinds = [detail.type_url.rpartition("/")[2] for detail in status.details]
            return Outcome(status.code, status.message, kinds, receipts)
        outcome.receipts = receipts
        return outcome

    def settle(self) -> None:
        pass

    def _request(self, described: pb.MethodCall, order: Any) -> Any:
        request = pb.ExecuteRequestRequest(call=described, request=pb.Payload(protobuf=order.SerializeToString()))
        answer = self.ask("ExecuteRequest", request)
        assert isinstance(answer, pb.ExecuteRequestResponse)
        return order_class().FromString(answer.request.protobuf)

    def _response(self, described: pb.MethodCall, order: Any, receipt: Any) -> Any:
        request, response = (pb.Payload(protobuf=one.SerializeToString()) for one in (order, receipt))
        answer = self.ask(
            "ExecuteResponse", pb.ExecuteResponseRequest(call=described, request=request, response=response)
        )
        assert isinstance(answer, pb.ExecuteResponseResponse)
        return receipt_class().FromString(answer.response.protobuf)


_ROUTES = {"ExecuteRequest": "/v1/executions:executeRequest", "ExecuteResponse": "/v1/executions:executeResponse"}
_RESPONSES: dict[str, Any] = {
    "ExecuteRequest": pb.ExecuteRequestResponse,
    "ExecuteResponse": pb.ExecuteResponseResponse,
}


def asking_over_grpc(port: int, token: str) -> Ask:
    def ask(method: str, request: Message) -> Message:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)]) as channel:
            run: Any = channel.unary_unary(
                f"/actiond.v1.ExecutionService/{method}",
                type(request).SerializeToString,
                _RESPONSES[method].FromString,
            )
            try:
                answer: Message = run(request, metadata=(("authorization", f"Bearer {token}"),), timeout=SECONDS)
            except grpc.RpcError as error:
                trailers: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # pairs
                status = status_pb2.Status(code=error.code().value[0], message=error.details() or "")
                raise RefusedError(
                    status_pb2.Status.FromString(trailers[DETAILS]) if DETAILS in trailers else status
                ) from None
        return answer

    return ask


def asking_over_web(port: int, token: str) -> Ask:
    def ask(method: str, request: Message) -> Message:
        headers = (
            ("content-type", "application/grpc-web+proto"),
            ("x-grpc-web", "1"),
            ("authorization", f"Bearer {token}"),
        )
        path = f"/actiond.v1.ExecutionService/{method}"
        _, fields, body = post(port, path, frame(request.SerializeToString()), headers)
        frames = [] if "grpc-status" in fields else split_frames(body)
        last = [data for flags, data in frames if flags == TRAILER]
        trailers = parse_trailers(last[-1]) if last else {name.lower(): value for name, value in fields.items()}
        status = parse_status(trailers)
        if status.code:
            raise RefusedError(status)
        (data,) = (data for flags, data in frames if flags == 0)
        answer: Message = _RESPONSES[method].FromString(data)
        return answer

    return ask


def asking_over_json(port: int, token: str) -> Ask:
    def ask(method: str, request: Message) -> Message:
        headers = (("content-type", "application/json"), ("authorization", f"Bearer {token}"))
        http_status, _, body = post(port, _ROUTES[method], json_format.MessageToJson(request).encode(), headers)
        if http_status != 200:
            document = json.loads(body)
            status = status_pb2.Status(code=document["code"], message=document["message"])
            for detail in document["details"]:
                status.details.add(type_url=detail["@type"])
            raise RefusedError(status)
        answer: Message = json_format.Parse(body, _RESPONSES[method]())
        return answer

    return ask


@contextmanager
def open_ways(directory: Path, *flags: str, **options: Any) -> Iterator[tuple[System, dict[str, Way]]]:
    """Start everything once for all ways. The options are System's."""
    with ExitStack() as stack:
        system = stack.enter_context(System(directory, *flags, **options))
        token = system.token
        channel = stack.enter_context(grpc.insecure_channel(system.server.grpc_target, options=CHANNEL_OPTIONS))
        interceptor = stack.enter_context(ActionsInterceptor(channel, token=token, streams=True, budget=SECONDS))
        gated = stack.enter_context(Shop(interceptors=[interceptor]))
        port = system.server.http_port
        asks = {
            "asking, gRPC": asking_over_grpc(system.server.grpc_port, token),
            "asking, gRPC-Web": asking_over_web(port, token),
            "asking, JSON": asking_over_json(port, token),
        }
        ways: dict[str, Way] = {name: ThroughEnvoy(system, name) for name in METHODS if name.startswith("envoy")}
        ways |= {"interceptor": Intercepted(gated, interceptor, asks["asking, gRPC"])}
        ways |= {name: Asking(system, ask) for name, ask in asks.items()}
        yield system, ways
