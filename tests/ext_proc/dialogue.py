"""Envoy's side of a stream, without Envoy: it sends what the filter sends, and does what the answers say."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import (
    HeaderMap,
    HeaderMutation,
    HeaderValue,
    HttpBody,
    HttpHeaders,
    HttpTrailers,
    ProcessingMode,
    ProcessingRequest,
    ProcessingResponse,
    ProtocolConfiguration,
)
from google.protobuf.message import Message

from actiond.api.descriptor_sets import read_descriptor_set
from actiond.api.ext_proc.call import ExecutionsOf, Processor, ProxiedCall
from actiond.api.ext_proc.identity import IdentityRules
from actiond.api.ext_proc.methods import Methods
from actiond.api.ext_proc.notices import Notice, Notices
from actiond.api.known_methods import KnownMethods
from actiond.api.method_executions import MethodCall
from actiond.executions.plans import Candidates, MethodPlan, PlannedExecution

BUFFERED, STREAMED = ProcessingMode.BUFFERED, ProcessingMode.STREAMED
MODES = ProtocolConfiguration(request_body_mode=BUFFERED, response_body_mode=STREAMED)
"""Those of the shipped file."""
LIMIT = 100_000
NAMES = ("request", "response")

Run = Callable[[Any], Any]
"""What an execution makes of a message: itself, another, or an exception."""


def unchanged(message: Any) -> Any:
    return message


class Executions:
    """Executions that are functions of the message, by the method and the side."""

    def __init__(self, **sides: Run) -> None:
        self.sides = sides
        self.error: Exception | None = None
        """What asking for a plan raises."""
        self.planned: list[str] = []
        self.calls: list[tuple[str, MethodCall, Message | None, Message]] = []
        """Side, call, the request of a response, and the message, of each run."""
        self.is_for: Callable[[str], bool] = lambda path: path.startswith("/shop.v1.Shop/")

    async def plan(self, owner: str, revision: int, method: str) -> MethodPlan:
        assert (owner, revision) == ("owner", 5)
        self.planned.append(method)
        if self.error is not None:
            raise self.error
        some = (PlannedExecution("any", ()),)
        request, response = (some if name in self.sides and self.is_for(method) else () for name in NAMES)
        return MethodPlan(request, response, revision)

    plan_for_unknown = plan

    async def request(self, candidates: Candidates, call: MethodCall, request: Any) -> Any:
        return await self._run("request", call, None, request)

    async def response(self, candidates: Candidates, call: MethodCall, request: Message, response: Any) -> Any:
        return await self._run("response", call, request, response)

    async def _run(self, side: str, call: MethodCall, request: Message | None, message: Any) -> Any:
        self.calls.append((side, call, request, message))
        result = self.sides[side](message)
        if isinstance(result, Awaitable):
            result = await result
        if isinstance(result, Exception):
            raise result
        return result


class HeardNotices(Notices):
    """Keeps what would be logged."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Notice] = []

    def write(self, notice: Notice, path: str, reason: object = "") -> None:
        self.heard.append(notice)


def header_map(fields: Iterable[tuple[str, str]]) -> HeaderMap:
    return HeaderMap(headers=[HeaderValue(key=key, raw_value=value.encode("latin-1")) for key, value in fields])


def request_fields(path: str, *more: tuple[str, str], content_type: str = "application/grpc") -> HeaderMap:
    head = ((":method", "POST"), (":path", path), (":authority", "shop.example"), ("content-type", content_type))
    return header_map((*head, *more))


OK_RESPONSE = ((":status", "200"), ("content-type", "application/grpc"))


@dataclass
class Dialogue:
    """One stream. What reaches the upstream and the client is kept as Envoy would pass it on."""

    methods: Methods
    executions: Executions
    modes: ProtocolConfiguration | None = field(default_factory=lambda: MODES)
    limit: int = LIMIT
    notices: HeardNotices = field(default_factory=HeardNotices)
    answers: list[ProcessingResponse] = field(default_factory=list)
    upstream: bytes = b""
    """The request's body as the upstream gets it."""
    client: bytes = b""
    """The response's body as the client gets it."""
    ended_with: dict[str, str] | None = None
    """The headers of an immediate response."""
    ended_as: Any = None
    """The immediate response itself."""
    trailers: dict[str, str] = field(default_factory=dict)
    """Those of the response, as the client gets them."""

    def __post_init__(self) -> None:
        processor = Processor(self.executions, self.methods, IdentityRules(), self.notices, self.limit)
        self.call = ProxiedCall(processor, ExecutionsOf("owner", 5), lambda: "new-id")

    @property
    def is_over(self) -> bool:
        """Whether the processor has ended the stream: Envoy goes on by itself, or has ended the call."""
        return self.call.is_over

    @property
    def is_refused(self) -> bool:
        return self.ended_as is not None

    async def send(self, **message: Any) -> ProcessingResponse | None:
        """Send one message unless the stream is over; return the answer, which must be one to this message."""
        if self.is_over:
            return None
        if not self.answers and self.modes is not None:
            message.setdefault("protocol_config", self.modes)
        request = ProcessingRequest(**message)
        answer = await self.call.answer(ProcessingRequest.FromString(request.SerializeToString()))
        answer = ProcessingResponse.FromString(answer.SerializeToString())
        self.answers.append(answer)
        kind = answer.WhichOneof("response")
        if kind == "immediate_response":
            assert self.is_over
            self.ended_as = answer.immediate_response
            self.ended_with = _changed({}, answer.immediate_response.headers)
        else:
            assert kind == request.WhichOneof("request")
        return answer

    async def request_headers(self, path: str, *more: tuple[str, str], end: bool = False, **other: Any) -> Any:
        content_type = other.pop("content_type", "application/grpc")
        headers = HttpHeaders(headers=request_fields(path, *more, content_type=content_type), end_of_stream=end)
        return await self.send(request_headers=headers, **other)

    async def request_body(self, chunk: bytes, *, end: bool = True) -> None:
        answer = await self.send(request_body=HttpBody(body=chunk, end_of_stream=end))
        if not self.is_refused:
            self.upstream += _body(chunk, None if answer is None else answer.request_body)

    async def request(self, path: str, chunks: Sequence[bytes], *more: tuple[str, str]) -> None:
        """Send the headers and the whole body in these chunks."""
        await self.request_headers(path, *more)
        for number, chunk in enumerate(chunks):
            if not self.is_refused:
                await self.request_body(chunk, end=number == len(chunks) - 1)

    async def response_headers(self, *fields: tuple[str, str], end: bool = False) -> Any:
        headers = HttpHeaders(headers=header_map(fields or OK_RESPONSE), end_of_stream=end)
        return await self.send(response_headers=headers)

    async def response_body(self, chunk: bytes, *, end: bool = False) -> None:
        answer = await self.send(response_body=HttpBody(body=chunk, end_of_stream=end))
        if not self.is_refused:
            self.client += _body(chunk, None if answer is None else answer.response_body)

    async def response(self, chunks: Sequence[bytes], status: str = "0") -> None:
        """Send headers, the body in these chunks, and trailers."""
        await self.response_headers()
        for chunk in chunks:
            if not self.is_refused:
                await self.response_body(chunk)
        if not self.is_refused:
            await self.response_trailers(status)

    async def response_trailers(self, status: str = "0") -> None:
        fields = {"grpc-status": status}
        answer = await self.send(response_trailers=HttpTrailers(trailers=header_map(fields.items())))
        self.trailers = fields if answer is None else _changed(fields, answer.response_trailers.header_mutation)


def _body(chunk: bytes, answer: Any) -> bytes:
    if answer is None:
        return chunk
    mutation = answer.response.body_mutation
    kind = mutation.WhichOneof("mutation")
    return chunk if kind is None else mutation.body if kind == "body" else b""


def _changed(fields: dict[str, str], mutation: HeaderMutation) -> dict[str, str]:
    changed = dict(fields)
    for name in mutation.remove_headers:
        changed.pop(name, None)
    for option in mutation.set_headers:
        assert option.append_action == option.OVERWRITE_IF_EXISTS_OR_ADD
        changed[option.header.key] = option.header.raw_value.decode("latin-1")
    return changed


def shop_methods(descriptor_set: Any) -> Methods:
    return Methods(KnownMethods((), [read_descriptor_set(descriptor_set)]))
