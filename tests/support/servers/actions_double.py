"""A stand-in for actiond that fails in every way that the real one seldom does: its service, with scripted answers.

It is a real gRPC server on a port of its own. What the real actiond does is in test_with_actiond.py.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.actiond.v1 import execution_service_pb2_grpc
from google.rpc import error_details_pb2, status_pb2

from tests.support.servers.ports import lasting_port

TOKEN = "token-of-the-interceptor"
OnRequest = Callable[[pb.ExecuteRequestRequest, Any], pb.ExecuteRequestResponse]
OnResponse = Callable[[pb.ExecuteResponseRequest, Any], pb.ExecuteResponseResponse]


@dataclass(eq=False)
class ActionsDouble(execution_service_pb2_grpc.ExecutionServiceServicer):
    """`with ActionsDouble() as actiond:` serves until it is stopped or killed. Nothing is set unless a test sets it."""

    on_request: OnRequest | None = None
    on_response: OnResponse | None = None
    asked: list[Any] = field(default_factory=list)
    """Requests of ExecuteRequest and ExecuteResponse, as they came."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when a call that `hang`s has ended."""
    revision: int = 1
    is_silent: bool = False
    refuses_watches: bool = False
    watches: int = 0
    """Number of watches so far."""
    open_watches: int = 0
    port: int = field(default_factory=lasting_port)
    _server: Any = None
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated
        assert self._server.add_insecure_port(self.target) == self.port
        self._server.start()
        return self

    def kill(self) -> None:
        """End all calls at once, and stop listening."""
        server, self._server = self._server, None
        if server is not None:
            self.change(lambda: None)
            server.stop(None).wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def change(self, action: Callable[[], object]) -> None:
        """Do something that watches should see at once."""
        with self._news:
            action()
            self._news.notify_all()

    def set_request(self, answer: OnRequest) -> None:
        """Set a request execution, as SetExecution does."""
        self.on_request = answer
        self.change(self._next_revision)

    def set_response(self, answer: OnResponse) -> None:
        self.on_response = answer
        self.change(self._next_revision)

    def _next_revision(self) -> None:
        self.revision += 1

    def _set(self) -> pb.SetExecutions:
        return pb.SetExecutions(
            request=self.on_request is not None, response=self.on_response is not None, revision=self.revision
        )

    # The service.

    def ExecuteRequest(self, request: pb.ExecuteRequestRequest, context: Any) -> pb.ExecuteRequestResponse:
        self._check(request, context)
        answer = pb.ExecuteRequestResponse(request=request.request, set=self._set())
        if self.on_request is not None:
            answer.MergeFrom(self.on_request(request, context))
        return answer

    def ExecuteResponse(self, request: pb.ExecuteResponseRequest, context: Any) -> pb.ExecuteResponseResponse:
        self._check(request, context)
        answer = pb.ExecuteResponseResponse(response=request.response, set=self._set())
        if self.on_response is not None:
            answer.MergeFrom(self.on_response(request, context))
        return answer

    def WatchExecutions(self, _request: object, context: Any) -> Iterator[pb.WatchExecutionsResponse]:
        self.watches += 1
        if self.refuses_watches:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watches")
        context.add_callback(lambda: self.change(lambda: None))
        self.open_watches += 1
        try:
            while context.is_active() and self._server is not None:
                if not self.is_silent:
                    yield pb.WatchExecutionsResponse(revision=self.revision)
                with self._news:
                    self._news.wait(0.2)
        finally:
            self.open_watches -= 1

    def _check(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        if ("authorization", f"Bearer {TOKEN}") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is not known")


# Answers.


def changed_request(raw: bytes) -> OnRequest:
    return lambda _request, _context: pb.ExecuteRequestResponse(
        request=pb.Payload(protobuf=raw), executed=True, changed=True
    )


def changed_response(raw: bytes) -> OnResponse:
    return lambda _request, _context: pb.ExecuteResponseResponse(
        response=pb.Payload(protobuf=raw), executed=True, changed=True
    )


def unchanged_request(_request: Any, _context: Any) -> pb.ExecuteRequestResponse:
    return pb.ExecuteRequestResponse(executed=True)


def unchanged_response(_request: Any, _context: Any) -> pb.ExecuteResponseResponse:
    return pb.ExecuteResponseResponse(executed=True)


def status(code: grpc.StatusCode, message: str, *details: Any) -> status_pb2.Status:
    made = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        made.details.add().Pack(detail)
    return made


def interrupted(reason: str = "EXECUTION_FAILED", domain: str = "actiond") -> status_pb2.Status:
    """Return the status of an execution that has ended a call, with rich details."""
    violation = error_details_pb2.BadRequest.FieldViolation(field="item", description="is out of stock")
    return status(
        grpc.StatusCode.FAILED_PRECONDITION,
        "Execution failed: ü (EXEC-dra6yamk98)",
        error_details_pb2.ErrorInfo(reason=reason, domain=domain),
        error_details_pb2.BadRequest(field_violations=[violation]),
    )


def ends_with(made: status_pb2.Status) -> Callable[[Any, Any], Any]:
    """Return an answer that is an error."""
    code = next(code for code in grpc.StatusCode if code.value[0] == made.code)

    def answer(_request: Any, context: Any) -> Any:
        context.set_trailing_metadata((("grpc-status-details-bin", made.SerializeToString()),))
        context.abort(code, made.message)

    return answer


def hangs(double: ActionsDouble, seconds: float = 20) -> Callable[[Any, Any], Any]:
    """Return an answer that does not come before its call has ended."""

    def answer(_request: Any, context: Any) -> Any:
        context.add_callback(double.cancelled.set)
        double.cancelled.wait(seconds)
        context.abort(grpc.StatusCode.INTERNAL, "it is over")

    return answer
