"""What is asked for the messages of one method, and what actiond's answers make of them."""

from dataclasses import dataclass
from typing import Any

from actiond_protos.actiond.v1 import execution_service_pb2 as pb

from actiond.client.interceptors.asking import Failure
from actiond.client.interceptors.codecs import Arrived, reads_arrived, writes_encoded
from actiond.client.interceptors.rules import NOTHING, Rule, Rules
from actiond.client.interceptors.settings import Settings

Handler = Any
"""A grpc.RpcMethodHandler of any messages."""

NO_MESSAGE = Failure("ANSWER", "actiond's answer has no message, or one that does not parse")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its handler gets it."""

    message: Any
    raw: bytes
    rule: Rule | None
    """What is set for the method; None if that is not known."""

    @classmethod
    def unexecuted(cls, arrived: Arrived) -> "Request":
        """Return a request that goes on unexecuted. If it is the only one, its response does too."""
        return cls(arrived.message, arrived.raw, NOTHING)


class Method:
    """One method of a server, with its handler."""

    def __init__(self, name: str, handler: Handler, settings: Settings, rules: Rules) -> None:
        """`name` is `/package.Service/Method`."""
        self.name = name
        self.settings = settings
        self.runs_requests = settings.streams or not handler.request_streaming
        self.runs_responses = settings.streams or not handler.response_streaming
        # Targets get the last request with each response. Where either is a stream, responses look for what is set by
        # themselves, so requests are kept even if nothing is set yet.
        is_streamed = handler.request_streaming or handler.response_streaming
        self._keeps_requests = self.runs_responses and is_streamed
        self._rules = rules
        self._decode = handler.request_deserializer
        self._encode = handler.response_serializer

    @property
    def runs(self) -> bool:
        return self.runs_requests or self.runs_responses

    def deserializer(self) -> Any:
        """Return what the handler's deserializer is replaced by."""
        if not (self.runs_requests or self._keeps_requests):
            return self._decode
        return reads_arrived(self._decode, self._rules, self.name, is_kept=self._keeps_requests)

    def serializer(self) -> Any:
        """Return what the handler's serializer is replaced by."""
        return writes_encoded(self._encode) if self.runs_responses else self._encode

    def rule(self) -> Rule | None:
        return self._rules.find(self.name)

    @property
    def watch_number(self) -> int:
        """To be read before actiond is asked."""
        return self._rules.watch_number

    def ask_request(self, call: pb.MethodCall, arrived: Arrived) -> pb.ExecuteRequestRequest:
        return pb.ExecuteRequestRequest(call=call, request=pb.Payload(protobuf=arrived.raw))

    def take_request(self, answer: pb.ExecuteRequestResponse, arrived: Arrived, watch_number: int) -> Request | Failure:
        """Return the request as the targets leave it. If none has changed it, it is the one that arrived."""
        rule = self._rules.learn(self.name, answer.set, watch_number) if answer.HasField("set") else None
        if not answer.changed:
            return Request(arrived.message, arrived.raw, rule)
        if answer.request.WhichOneof("content") != "protobuf":
            return NO_MESSAGE
        raw = answer.request.protobuf
        try:
            message = raw if self._decode is None else self._decode(raw)
        except Exception:  # noqa: BLE001  # the deserializer is the service's
            return NO_MESSAGE
        return Request(message, raw, rule)

    def encoded(self, response: Any) -> bytes | None:
        """Return a response's bytes; None if it has none. Then grpcio fails at it too, and ends the call."""
        try:
            raw = response if self._encode is None else self._encode(response)
        except Exception:  # noqa: BLE001  # the serializer is the service's
            return None
        return raw if isinstance(raw, bytes) else None

    def ask_response(self, call: pb.MethodCall, request: bytes, response: bytes) -> pb.ExecuteResponseRequest:
        return pb.ExecuteResponseRequest(
            call=call, request=pb.Payload(protobuf=request), response=pb.Payload(protobuf=response)
        )

    def take_response(self, answer: pb.ExecuteResponseResponse, raw: bytes, watch_number: int) -> bytes | Failure:
        """Return the response as the targets leave it."""
        if answer.HasField("set"):
            self._rules.learn(self.name, answer.set, watch_number)
        if not answer.changed:
            return raw
        return answer.response.protobuf if answer.response.WhichOneof("content") == "protobuf" else NO_MESSAGE


class HandlerCache:
    """The handlers that replace those of a server, so that they are made once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._handlers: dict[str, tuple[Handler, Handler]] = {}

    def find(self, method: str, handler: Handler) -> Handler:
        """Return what replaces a handler; None if that is not known."""
        found = self._handlers.get(method)
        return found[1] if found is not None and found[0] is handler else None

    def add(self, method: str, handler: Handler, wrapped: Handler) -> None:
        if len(self._handlers) >= self._limit:
            self._handlers.clear()
        self._handlers[method] = handler, wrapped
