"""One proxied call, as a state machine: Envoy's messages in, an answer to each out.

    Envoy sends         while          answer, and what follows
    request_headers     nothing fits   nothing changes; the stream is over, and Envoy goes on by itself
    request_headers     one fits       `content-length` is removed; the modes are overridden for a stream of requests
    request_body        one fits       the frames that are complete, each as its execution leaves it; over with the last
                                       one, unless a response execution fits
    response_headers    one fits       `content-length` is removed; over if the response ends with them
    response_body       one fits       as the request's; over behind the message of a method with one response
    response_trailers   one fits       nothing changes, or they get the status of an execution that has failed; over

Whatever goes wrong is an answer, since a stream that is aborted lets the call pass where the filter has
failure_mode_allow: an immediate response before the client has had anything of the response, its trailers afterwards.
Only whole messages that executions have seen are passed on, so that a body that breaks off lets nothing pass.

It is asynchronous only because executions are, and knows nothing of gRPC's server or of sockets.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import (
    HttpBody,
    HttpHeaders,
    HttpTrailers,
    ProcessingRequest,
    ProcessingResponse,
    StatusCode,
)
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2

from actiond.actions.errors import (
    DeadlineExceededError,
    StoreUnavailableError,
)
from actiond.api import errors
from actiond.api.ext_proc import answers, modes
from actiond.api.ext_proc.frames import ENCODINGS, IDENTITY, Deframer, Frame, framed, unpacked
from actiond.api.ext_proc.headers import Pairs, content_type_of, fields_of, metadata_of, pairs, path_of, shown
from actiond.api.ext_proc.identity import IdentityRules
from actiond.api.ext_proc.methods import Methods, Named
from actiond.api.ext_proc.notices import Notice, Notices
from actiond.api.known_methods import KnownMethod
from actiond.api.message_payload import MessageNotJsonError
from actiond.api.method_executions import MethodCall
from actiond.executions.plans import Candidates, MethodPlan
from actiond.executions.runner import RunningCall
from rpcfront import (
    OFFLOAD_BYTES,
    StatusError,
    bad_request,
    make_status,
    parse_timeout,
    range_violations,
    run_in_turn,
    status_error,
)

M = TypeVar("M", bound=Message)

_GRPC_TYPES = ("application/grpc", "application/grpc+proto")
_GRPC = "application/grpc"
_GRPC_WEB = "application/grpc-web"
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)

MIN_OFFLOADED_COMPRESSED = 1024
"""Bytes of a compressed message that is decompressed off the event loop: a shorter one is a megabyte at most then."""

INTERNAL = make_status(code_pb2.INTERNAL, "internal error")
NO_MESSAGE = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has none")
MORE_MESSAGES = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has more")
MORE_RESPONSES = make_status(code_pb2.INTERNAL, "the call has one response, the upstream has sent more")
NO_METHOD = make_status(code_pb2.UNIMPLEMENTED, "Method not found!")
NOT_GRPC = make_status(code_pb2.INTERNAL, "the upstream's response is not gRPC")
UNAVAILABLE = make_status(code_pb2.UNAVAILABLE, "the call cannot be checked")
"""What clients learn of a filter or a server that is not set up well; the log has the rest."""
UNKNOWN_ENCODING = make_status(
    code_pb2.UNIMPLEMENTED, f"the encoding of messages must be one of {', '.join(ENCODINGS)}"
)
_ACCEPT_ENCODING = {"grpc-accept-encoding": ",".join(ENCODINGS)}

_ENTRIES: Mapping[type[Exception], errors.Entry] = {
    **{error: errors.COMMON[error] for error in (DeadlineExceededError, StoreUnavailableError)},
    **errors.FOR_OTHER_SERVICES,
}

_log = logging.getLogger(__name__)


class Executions(Protocol):
    """Runs executions, see api/method_executions.py."""

    async def plan(self, owner: str, revision: int, path: str) -> MethodPlan:
        """Return what runs around a call of `/package.Service/Method`."""

    async def plan_for_unknown(self, owner: str, revision: int, path: str) -> MethodPlan:
        """Return what may be set for a method that is not known, whose path is given in lower case."""

    async def request(self, candidates: Candidates, call: MethodCall, request: M) -> M:
        """Return the request as the targets leave it; the same object if it is unchanged."""

    async def response(self, candidates: Candidates, call: MethodCall, request: Message, response: M) -> M:
        """Return the response as the targets leave it; the same object if it is unchanged."""


@dataclass(frozen=True, slots=True)
class Processor:
    """What all proxied calls share."""

    executions: Executions
    methods: Methods
    identity: IdentityRules
    notices: Notices
    max_body: int
    """Bytes of a message, compressed and not."""


class ExecutionsOf(NamedTuple):
    """Whose executions run: the owner of the token that Envoy has, as it was when the stream began."""

    owner: str
    revision: int


class _Direction:
    """The messages that go one way: to the upstream, or back."""

    def __init__(self, subject: str, message: type[Message], encoding: str, *, is_stream: bool, limit: int) -> None:
        self.subject = subject
        self.message = message
        self.encoding = encoding
        self.is_stream = is_stream
        self.limit = limit
        self.frames = Deframer(subject, limit)
        self.count = 0

    async def decoded(self, frame: Frame, owner: str) -> Message:
        """Return the message in a frame, of a call of an owner's. Raises StatusError."""
        if frame.is_compressed and len(frame.data) >= MIN_OFFLOADED_COMPRESSED:
            data = await run_in_turn(owner, unpacked, frame, self.encoding, self.subject, self.limit)
        else:
            data = unpacked(frame, self.encoding, self.subject, self.limit)
        if len(data) < OFFLOAD_BYTES:
            return self._parsed(data)
        return await run_in_turn(owner, self._parsed, data)

    def _parsed(self, data: bytes) -> Message:
        name = self.message.DESCRIPTOR.full_name
        try:
            message = self.message.FromString(data)
        except DecodeError:
            raise self.invalid(f"the {self.subject} is not a valid {name}") from None
        if not message.IsInitialized():
            raise self.invalid(f"the {self.subject} is not a valid {name}: it lacks required fields")
        # JSON, which targets get, cannot express them.
        if broken := range_violations(message):
            if self.subject == "request":
                raise StatusError(bad_request(broken))
            raise self.invalid(f"the response is not valid: {broken[0].field}: {broken[0].description}")
        return message

    def invalid(self, text: str) -> StatusError:
        """Return the error for a message that cannot be read: the client's fault, or the upstream's."""
        return status_error(code_pb2.INVALID_ARGUMENT if self.subject == "request" else code_pb2.INTERNAL, text)


class ProxiedCall:
    """One stream of Envoy's: one proxied call."""

    is_over = False
    """Whether there is nothing more to say, so that the stream is to be ended with OK."""
    _kind = ""
    """Of the message that is being answered."""
    _has_begun = False
    _path = ""
    _plan: MethodPlan | None = None
    _method: KnownMethod | None = None
    _call: MethodCall | None = None
    _deadline: float | None = None
    """By time.monotonic(), which is the loop's time; None without one."""
    _requests: _Direction | None = None
    """None until the request's headers have come, and if no execution fits."""
    _responses: _Direction | None = None
    """None until the response's headers have come."""
    _request: Message | None = None
    """The last request, as it was passed on."""
    _requests_are_over = False
    _passed: Sequence[bytes] = ()
    """The frames of the last chunk that executions have let pass."""
    _failure: status_pb2.Status | None = None
    """What the client is going to get as trailers, since a response execution has failed in mid-stream."""

    def __init__(self, processor: Processor, whose: ExecutionsOf, new_request_id: Callable[[], str]) -> None:
        """Take what gives a call its request id that has none itself."""
        self._processor = processor
        self._whose = whose
        self._new_request_id = new_request_id

    async def answer(self, message: ProcessingRequest) -> ProcessingResponse:
        """Return the one answer to one message. Raises nothing but CancelledError."""
        self._kind = kind = message.WhichOneof("request") or ""
        if not kind:
            return self._failed(INTERNAL)
        try:
            return await _STEPS[kind](self, message, getattr(message, kind))
        except StatusError as error:
            return self._failed(error.status)
        except Exception as error:  # noqa: BLE001  # whatever it is, the call must not pass
            if isinstance(error, MessageNotJsonError):
                return self._failed(self._not_json(error))
            entry = errors.entry_of(error, _ENTRIES)
            if entry is not None:
                return self._failed(entry.status(vars(error)))
            _log.exception("ext_proc: %.300r: %s failed", self._path, kind)
            return self._failed(INTERNAL)

    def _not_json(self, error: MessageNotJsonError) -> status_pb2.Status:
        """Return the status of a call with a message that targets cannot be shown."""
        if self._kind == "response_body":
            return make_status(code_pb2.INTERNAL, f"the response has no JSON form: {error.reason}")
        return errors.COMMON[MessageNotJsonError].status(vars(error))

    def closed(self) -> None:
        """See that Envoy has ended the stream."""
        if self._failure is not None and not self.is_over:
            self._notice(Notice.RESPONSE_TRAILERS_SKIPPED)

    # One method for each kind of message.

    async def _request_headers(self, first: ProcessingRequest, message: HttpHeaders) -> ProcessingResponse:
        if self._has_begun:
            raise StatusError(INTERNAL)
        self._has_begun = True
        self._path = path = path_of(message.headers)
        named = self._processor.methods.find(path)
        executions = self._processor.executions
        is_known = named.method is not None or named.is_other_spelling
        plan_for = executions.plan if is_known else executions.plan_for_unknown
        plan = await plan_for(self._whose.owner, self._whose.revision, named.path)
        if not (plan.request or plan.response):
            self.is_over = True
            return answers.GO_ON["request_headers"]
        headers = pairs(message.headers)
        fields = fields_of(headers)
        refusal = self._not_run(first, fields, named, plan)
        if refusal is not None:
            return refusal
        self._call = self._described(first, headers, fields)
        return self._begin(message, fields, named, plan)

    def _not_run(
        self, first: ProcessingRequest, fields: Mapping[str, str], named: Named, plan: MethodPlan
    ) -> ProcessingResponse | None:
        """Answer the headers of a call that an execution fits and for which it cannot run; None if it can."""
        content_type = content_type_of(fields)
        if content_type not in _GRPC_TYPES:
            return self._not_grpc(content_type, fields, named)
        if named.method is None:
            if named.is_other_spelling:
                return self._refused(Notice.OTHER_SPELLING, NO_METHOD)
            return self._refused(Notice.UNKNOWN_METHOD)
        if first.observability_mode:
            self._notice(Notice.OBSERVED)
            self.is_over = True
            return answers.GO_ON["request_headers"]
        config = first.protocol_config if first.HasField("protocol_config") else None
        refusal = modes.refusal(config, named.method.descriptor, has_response=bool(plan.response))
        return None if refusal is None else self._refused(refusal)

    def _not_grpc(self, content_type: str, fields: Mapping[str, str], named: Named) -> ProcessingResponse:
        if content_type.startswith(_GRPC_WEB):
            return self._refused(Notice.GRPC_WEB)
        if content_type.startswith(_GRPC):
            # Such as application/grpc+json, which some servers take for protobuf.
            return self._refused(Notice.NOT_GRPC)
        method = fields.get(":method")
        is_preflight = method == "OPTIONS" and "access-control-request-method" in fields
        # A server of gRPC may not look at the content type.
        is_other_http = named.is_of_no_service and not (method == "POST" and named.may_be_grpc)
        if is_preflight or is_other_http:
            self.is_over = True
            return answers.GO_ON["request_headers"]
        self._notice(Notice.NOT_GRPC)
        self.is_over = True
        return answers.ended_as_http(StatusCode.UnsupportedMediaType, "the content type must be application/grpc")

    def _begin(
        self, message: HttpHeaders, fields: Mapping[str, str], named: Named, plan: MethodPlan
    ) -> ProcessingResponse:
        """Answer the headers of a call for which executions are going to run."""
        method = named.method
        if method is None:
            raise StatusError(INTERNAL)
        descriptor = method.descriptor
        timeout = fields.get("grpc-timeout")
        if timeout is not None:
            self._deadline = time.monotonic() + parse_timeout(timeout)
        encoding = fields.get("grpc-encoding", IDENTITY)
        if encoding not in ENCODINGS:
            self.is_over = True
            return answers.ended(UNKNOWN_ENCODING, _ACCEPT_ENCODING)
        self._method, self._plan = method, plan
        self._requests = _Direction(
            "request",
            method.request_class,
            encoding,
            is_stream=descriptor.client_streaming,
            limit=self._processor.max_body,
        )
        if message.end_of_stream:
            self._end_requests()
            if self.is_over:
                return answers.GO_ON["request_headers"]
        change: dict[str, str] = {}
        accepted = fields.get("grpc-accept-encoding")
        if plan.response and accepted is not None:
            # The upstream must not choose an encoding that cannot be read.
            readable = [each for each in map(str.strip, accepted.split(",")) if each in ENCODINGS]
            change["grpc-accept-encoding"] = ",".join(readable) or IDENTITY
        return answers.headers("request_headers", change, modes.override(descriptor, has_response=bool(plan.response)))

    def _described(self, first: ProcessingRequest, headers: Pairs, fields: Mapping[str, str]) -> MethodCall:
        identity = self._processor.identity.identity(first, fields)
        request_id = fields.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = self._new_request_id()
        return MethodCall(
            method=self._path,
            owner=self._whose.owner,
            user_id=identity.user_id,
            headers=shown(headers),
            running=RunningCall(request_id, self._is_late),
            org_id=identity.org_id,
            metadata=lambda: metadata_of(headers),
        )

    async def _request_body(self, _: ProcessingRequest, body: HttpBody) -> ProcessingResponse:
        requests, plan = self._requests, self._plan
        if requests is None or plan is None:
            return self._refused(Notice.REQUEST_HEADERS_SKIPPED)
        frames = requests.frames.feed(body.body)
        if body.end_of_stream:
            requests.frames.end()
        requests.count += len(frames)
        if requests.count > 1 and not requests.is_stream:
            raise StatusError(MORE_MESSAGES)

        async def run(message: Message) -> Message:
            if plan.request:
                message = await self._within_deadline(
                    self._processor.executions.request(plan.request, self._running(), message)
                )
            self._request = message
            return message

        data = await self._passed_on(requests, frames, run)
        if body.end_of_stream:
            self._end_requests()
        return self._body_answer(body.body, data)

    def _end_requests(self) -> None:
        """See the last byte of the request. Raises StatusError if a message is missing."""
        if self._requests is not None and not self._requests.count and not self._requests.is_stream:
            raise StatusError(NO_MESSAGE)
        self._requests_are_over = True
        if self._plan is not None and not self._plan.response:
            self.is_over = True

    async def _response_headers(self, first: ProcessingRequest, message: HttpHeaders) -> ProcessingResponse:
        plan, method = self._plan, self._method
        if plan is None or method is None:
            if modes.sends_requests(first.protocol_config):
                # A filter before this one has refused the call, so that Envoy never asked about its request.
                self.is_over = True
                return answers.GO_ON["response_headers"]
            return self._refused(Notice.REQUEST_HEADERS_SKIPPED)
        if message.end_of_stream:  # an error of the upstream, or of Envoy
            self.is_over = True
            return answers.GO_ON["response_headers"]
        if not plan.response:
            return answers.GO_ON["response_headers"]
        fields = fields_of(pairs(message.headers))
        content_type = content_type_of(fields)
        if content_type not in _GRPC_TYPES:
            if fields.get(":status") == "200":
                raise StatusError(NOT_GRPC)
            self.is_over = True  # an error, too
            return answers.GO_ON["response_headers"]
        encoding = fields.get("grpc-encoding", IDENTITY)
        if encoding not in ENCODINGS:
            raise status_error(code_pb2.INTERNAL, f"the encoding of the upstream's response is not one of {ENCODINGS}")
        self._responses = _Direction(
            "response",
            method.response_class,
            encoding,
            is_stream=method.descriptor.server_streaming,
            limit=self._processor.max_body,
        )
        return answers.headers("response_headers", {})

    async def _response_body(self, _: ProcessingRequest, body: HttpBody) -> ProcessingResponse:
        if self._failure is not None:
            if body.end_of_stream:  # there are no trailers to put it into
                return self._ended(self._failure)
            return answers.body("response_body", b"")
        self._passed = ()
        plan, responses = self._plan, self._responses
        if plan is None:
            return self._refused(Notice.REQUEST_HEADERS_SKIPPED)
        if not plan.response:
            return answers.GO_ON["response_body"]
        if responses is None:
            return self._refused(Notice.RESPONSE_HEADERS_SKIPPED)
        try:
            data = await self._run_responses(responses, plan.response, body)
        except BaseException:
            if body.end_of_stream:
                self._responses = None  # the client gets an immediate response
            raise
        # Nothing is left to do behind the only message of a response. The trailers are the upstream's.
        is_last = responses.count and not responses.is_stream and not responses.frames.is_within_frame
        self.is_over = body.end_of_stream or bool(is_last and self._requests_are_over)
        return self._body_answer(body.body, data)

    async def _run_responses(self, responses: _Direction, candidates: Candidates, body: HttpBody) -> bytes:
        frames = responses.frames.feed(body.body)
        if body.end_of_stream:
            responses.frames.end()
        responses.count += len(frames)
        if responses.count + responses.frames.is_within_frame > 1 and not responses.is_stream:
            raise StatusError(MORE_RESPONSES)

        async def run(message: Message) -> Message:
            request = self._request
            if request is None:
                # The upstream has responded before the first request.
                request = self._method.request_class() if self._method is not None else message
            return await self._within_deadline(
                self._processor.executions.response(candidates, self._running(), request, message)
            )

        return await self._passed_on(responses, frames, run)

    async def _request_trailers(self, _: ProcessingRequest, _message: HttpTrailers) -> ProcessingResponse:
        if self._requests is None:
            return self._refused(Notice.REQUEST_HEADERS_SKIPPED)
        if not self._requests_are_over:
            self._requests.frames.end()
            self._end_requests()
        return answers.GO_ON["request_trailers"]

    async def _response_trailers(self, _: ProcessingRequest, _message: HttpTrailers) -> ProcessingResponse:
        if self._plan is None:
            return self._refused(Notice.REQUEST_HEADERS_SKIPPED)
        if self._failure is None and self._responses is not None:
            self._responses.frames.end()
        self.is_over = True
        return answers.GO_ON["response_trailers"] if self._failure is None else answers.trailers(self._failure)

    # What they share.

    async def _passed_on(
        self, direction: _Direction, frames: Sequence[Frame], run: Callable[[Message], Awaitable[Message]]
    ) -> bytes:
        """Return the frames that go on, each as `run` leaves its message."""
        self._passed = parts = []
        for frame in frames:
            message = await direction.decoded(frame, self._whose.owner)
            result = await run(message)
            parts.append(frame.data if result is message else framed(result.SerializeToString()))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _body_answer(self, chunk: bytes, data: bytes) -> ProcessingResponse:
        return answers.GO_ON[self._kind] if data == chunk else answers.body(self._kind, data)

    async def _within_deadline(self, work: Awaitable[M]) -> M:
        """Return what an execution returns. Raises DeadlineExceededError once the call's deadline passes."""
        if self._deadline is None:
            return await work
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                return await work
        except TimeoutError:
            raise DeadlineExceededError from None

    def _is_late(self) -> bool:
        return self._deadline is not None and self._deadline <= time.monotonic()

    def _running(self) -> MethodCall:
        if self._call is None:
            raise StatusError(INTERNAL)
        return self._call

    def _failed(self, status: status_pb2.Status) -> ProcessingResponse:
        """Answer a message that the call does not get over."""
        if self._responses is None or self._kind not in {"response_body", "response_trailers"}:
            return self._ended(status)
        # The client has the head of the response already.
        self._failure = status
        if self._kind == "response_body":
            return answers.body("response_body", b"".join(self._passed))
        self.is_over = True
        return answers.trailers(status)

    def _ended(self, status: status_pb2.Status) -> ProcessingResponse:
        self.is_over = True
        return answers.ended(status, {})

    def _refused(self, notice: Notice, status: status_pb2.Status = UNAVAILABLE) -> ProcessingResponse:
        self._notice(notice)
        return self._ended(status)

    def _notice(self, notice: Notice) -> None:
        self._processor.notices.write(notice, self._path)


_STEPS: Mapping[str, Callable[[ProxiedCall, ProcessingRequest, Any], Awaitable[ProcessingResponse]]] = {
    "request_headers": ProxiedCall._request_headers,
    "request_body": ProxiedCall._request_body,
    "request_trailers": ProxiedCall._request_trailers,
    "response_headers": ProxiedCall._response_headers,
    "response_body": ProxiedCall._response_body,
    "response_trailers": ProxiedCall._response_trailers,
}
