"""The interceptor for servers of `grpc`, whose handlers run on threads."""

import functools
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.actiond.v1.execution_service_pb2_grpc import ExecutionServiceStub

from actiond.client.authorization import authorization
from actiond.client.channels import check_threads
from actiond.client.interceptors.asking import (
    CHANNEL_CLOSED,
    DEADLINE_PASSED,
    UNAVAILABLE,
    Budget,
    Ending,
    Failure,
    budget_used,
    method_call,
    outcome,
)
from actiond.client.interceptors.codecs import Arrived, Encoded
from actiond.client.interceptors.faults import Counts, Faults
from actiond.client.interceptors.methods import Handler, HandlerCache, Method, Request
from actiond.client.interceptors.rules import MAX_METHODS, Rule, Rules
from actiond.client.interceptors.settings import DEFAULT_BUDGET, SKIPPED_SERVICES, Settings, User
from actiond.client.interceptors.users import ask_user, checked_user
from actiond.client.interceptors.watch_thread import WatchThread

Context = Any
"""A grpc.ServicerContext. Its stubs lack `code`."""
NamesUser = Callable[[Context], User | tuple[str, str] | None]
Behaviour = Callable[..., Any]

_CANCELLED = Ending(grpc.StatusCode.CANCELLED, "cancelled")
_SUCCESS = (None, grpc.StatusCode.OK)


class ActionsInterceptor(grpc.ServerInterceptor):
    """Runs the executions that are set in actiond around the calls of a server of `grpc`.

        channel = grpc.insecure_channel("127.0.0.1:50051", CHANNEL_OPTIONS)
        server = grpc.server(ThreadPoolExecutor(), interceptors=[ActionsInterceptor(channel, token=…)])

    `close` ends the thread that watches for changes. It also ends with the channel, and after a minute without a call.
    """

    def __init__(  # noqa: PLR0913  # the settings, by name
        self,
        channel: grpc.Channel,
        *,
        token: str,
        fail_open: bool = False,
        budget: float = DEFAULT_BUDGET,
        streams: bool = False,
        user: NamesUser | None = None,
        headers: Collection[str] | None = None,
        skip: Collection[str] = SKIPPED_SERVICES,
    ) -> None:
        """Ask over `channel`, which remains the caller's to close.

        token: of actiond, with the permission `execution.process`. It is sent as metadata, and never logged.
        fail_open: whether calls go on without their executions while actiond fails, rather than end with UNAVAILABLE.
        budget: seconds that actiond may take around one call, and around each message of a stream; the call's own
            deadline ends it sooner.
        streams: whether executions run for each message of streams of requests and of responses.
        user: who calls, as the service has verified it; called with the context before actiond is asked. It returns a
            User or a pair of strings, None if the caller is not known, or ends the call by `context.abort`. If it
            raises another error or returns anything else, the call ends with UNAVAILABLE, even with `fail_open`.
        headers: names of headers that actiond gets for match conditions, beside those that targets see. By default all,
            but none that holds a secret by its definition, and no binary ones.
        skip: names of services, `package.Service`, that actiond is never asked about.

        Raises ValueError for a setting that makes no sense, and TypeError for a channel of `grpc.aio`.
        """
        check_threads(channel, "ActionsInterceptor")
        self._settings = Settings.of(fail_open=fail_open, budget=budget, streams=streams, headers=headers, skip=skip)
        self._asker = _Asker(channel, token, self._settings, user)
        self._handlers = HandlerCache(MAX_METHODS)

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        return self._asker.faults.counts

    def close(self) -> None:
        """End the watch, and wait for the end of its thread. Calls are still executed, with actiond asked for each."""
        self._asker.watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def intercept_service(self, continuation: Callable[..., Handler], handler_call_details: Any) -> Handler:
        """Return the method's handler with executions around it."""
        handler = continuation(handler_call_details)
        name: str = handler_call_details.method
        wrapped = self._handlers.find(name, handler)
        if wrapped is None and handler is not None:
            wrapped = handler if self._settings.skips(name) else self._wrap(name, handler)
            self._handlers.add(name, handler, wrapped)
        return wrapped

    def _wrap(self, name: str, handler: Handler) -> Handler:
        method = Method(name, handler, self._settings, self._asker.rules)
        if not method.runs:
            return handler
        make, attribute, behaviour = _KINDS[handler.request_streaming, handler.response_streaming]
        inner = getattr(handler, attribute)
        function = functools.partial(behaviour, self._asker, method, inner)
        # grpcio looks at some attributes of handlers, such as a thread pool of its own.
        functools.update_wrapper(function, inner)
        return make(function, method.deserializer(), method.serializer())


class _Asker:
    """Asks actiond."""

    def __init__(self, channel: grpc.Channel, token: str, settings: Settings, user: NamesUser | None) -> None:
        self.settings = settings
        self.rules = Rules()
        self.faults = Faults()
        self.stub = ExecutionServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self.watch = WatchThread(self.stub.WatchExecutions, authorization(token), self.rules, self.faults)
        self._metadata = authorization(token)
        self._user = user

    def describe(self, call: "_Call") -> pb.MethodCall:
        user = self._user_of(call)
        return method_call(call.method.name, self.settings, call.context.invocation_metadata(), user)

    def _user_of(self, call: "_Call") -> User:
        if self._user is None:
            return User()
        user = checked_user(ask_user(self._user, call.context, functools.partial(_is_abort, call.context)))
        if isinstance(user, Failure):
            self._refuse(call, user)
        return user

    def ask(self, call: "_Call", procedure: Any, message: Any, budget: Budget) -> Any:
        """Return actiond's answer; None if it fails, and the message goes on. Ends the call otherwise."""
        own: float = call.context.time_remaining()
        if own <= 0:
            call.end(DEADLINE_PASSED)
        if budget.left <= 0:
            return self.failed(call, budget_used(self.settings.budget))
        self.faults.asked()
        self.watch.ensure()
        is_own, start = own <= budget.left, budget.now()
        try:
            return call.result(procedure.future(message, timeout=min(own, budget.left), metadata=self._metadata))
        except grpc.RpcError as error:
            budget_set_it = None if is_own else self.settings.budget
            ending = outcome(error.code(), error.details() or "", error.trailing_metadata(), budget=budget_set_it)
        except (ValueError, _ChannelClosedError):
            ending = CHANNEL_CLOSED
        finally:
            budget.spend_since(start)
        if isinstance(ending, Ending):
            call.end(ending)
        return self.failed(call, ending)

    def failed(self, call: "_Call", failure: Failure) -> None:
        """Let the message go on if it may, and end the call otherwise."""
        if self.settings.fail_open and failure.may_pass:
            self.faults.passed(call.method.name, failure.kind, failure.reason)
            return
        self._refuse(call, failure)

    def _refuse(self, call: "_Call", failure: Failure) -> NoReturn:
        self.faults.refused(call.method.name, failure.kind, failure.reason, failure.error)
        call.end(Ending(grpc.StatusCode.UNAVAILABLE, UNAVAILABLE))


def _is_abort(context: Context, error: Exception) -> bool:
    """Return whether an error is that of `context.abort`, which has no type of its own."""
    return type(error) is Exception and not error.args and context.code() not in _SUCCESS


class _ChannelClosedError(Exception):
    """The channel was closed while actiond was asked."""


class _Call:
    """One call, which may have many messages."""

    def __init__(self, asker: _Asker, method: Method, context: Context) -> None:
        self.method = method
        self.context = context
        self.budget = Budget(method.settings.budget)
        """Of the messages that are not in a stream."""
        self.ending: Ending | None = None
        self._asker = asker
        self._running: set[Any] = set()
        """What actiond is asked now. A handler may read requests on one thread while it responds on another."""
        self._is_over: bool | None = None
        """None before actiond is first asked."""
        self._described: pb.MethodCall | None = None
        self._last_request = b""
        """As it was passed on. Of a stream of requests, targets get the last one with each response."""

    def message_budget(self) -> Budget:
        """Return the budget of a message in a stream."""
        return Budget(self.method.settings.budget)

    def request(self, arrived: Arrived, budget: Budget) -> Request:
        """Return the request as the targets leave it."""
        request = self._executed(arrived, budget)
        self._last_request = request.raw
        return request

    def _executed(self, arrived: Arrived, budget: Budget) -> Request:
        rule = arrived.rule
        if not self.method.runs_requests or (rule is not None and not rule.request):
            return Request(arrived.message, arrived.raw, rule)
        asked = self.method.ask_request(self._description(), arrived)
        watch_number = self.method.watch_number
        answer = self._asker.ask(self, self._asker.stub.ExecuteRequest, asked, budget)
        if answer is None:
            return Request.unexecuted(arrived)
        request = self.method.take_request(answer, arrived, watch_number)
        if isinstance(request, Failure):
            self._asker.failed(self, request)
            return Request.unexecuted(arrived)
        return request

    def response(self, response: Any, rule: Rule | None, budget: Budget) -> Any:
        """Return the response as the targets leave it: what the handler has returned, or an Encoded."""
        if rule is not None and not rule.response:
            return response
        raw = self.method.encoded(response)
        if raw is None:
            return response
        asked = self.method.ask_response(self._description(), self._last_request, raw)
        watch_number = self.method.watch_number
        answer = self._asker.ask(self, self._asker.stub.ExecuteResponse, asked, budget)
        if answer is None:
            return Encoded(raw)
        executed = self.method.take_response(answer, raw, watch_number)
        if isinstance(executed, Failure):
            self._asker.failed(self, executed)
            return Encoded(raw)
        return Encoded(executed)

    def unseen(self) -> None:
        """Note that a response execution is set, which does not run."""
        self._asker.faults.unseen(self.method.name)

    def result(self, future: Any) -> Any:
        """Return the result of a call to actiond, which is cancelled when this call ends.

        Raises grpc.RpcError or _ChannelClosedError.
        """
        if self._is_over is None:
            self._is_over = not self.context.add_callback(self._cancel)
        self._running.add(future)
        if self._is_over:
            future.cancel()
        try:
            return future.result()
        except grpc.FutureCancelledError:
            if not self._is_over:
                raise _ChannelClosedError from None
            self.end(_CANCELLED)
        finally:
            self._running.discard(future)

    def _cancel(self) -> None:
        self._is_over = True
        for future in tuple(self._running):
            future.cancel()

    def end(self, ending: Ending) -> NoReturn:
        self.ending = ending
        self.context.set_trailing_metadata(ending.trailing_metadata(self.context.trailing_metadata()))
        self.context.abort(ending.code, ending.message)
        raise AssertionError("abort returns")

    def _description(self) -> pb.MethodCall:
        if self._described is None:
            self._described = self._asker.describe(self)
        return self._described


def _unary_unary(asker: _Asker, method: Method, inner: Behaviour, request: Any, context: Context) -> Any:
    if type(request) is not Arrived:
        return inner(request, context)
    call = _Call(asker, method, context)
    executed = call.request(request, call.budget)
    response = inner(executed.message, context)
    if context.code() not in _SUCCESS:
        return response
    return call.response(response, executed.rule, call.budget)


def _stream_unary(asker: _Asker, method: Method, inner: Behaviour, requests: Any, context: Context) -> Any:
    call = _Call(asker, method, context)
    response = inner(_Requests(call, requests), context)
    if call.ending is not None:
        call.end(call.ending)  # the handler has caught it, or read on another thread
    if context.code() not in _SUCCESS:
        return response
    return call.response(response, method.rule(), call.budget)


def _unary_stream(
    asker: _Asker, method: Method, inner: Behaviour, request: Any, context: Context, *send: Callable[[Any], None]
) -> Any:
    """`send` is what handlers get that are `experimental_non_blocking`."""
    if type(request) is not Arrived:
        return inner(request, context, *send)
    call = _Call(asker, method, context)
    executed = call.request(request, call.budget)
    if method.runs_responses:
        return _responses(call, inner, executed.message, *send)
    if executed.rule is not None and executed.rule.response:
        call.unseen()
    return inner(executed.message, context, *send)


def _stream_stream(
    asker: _Asker, method: Method, inner: Behaviour, requests: Any, context: Context, *send: Callable[[Any], None]
) -> Any:
    call = _Call(asker, method, context)
    return _responses(call, inner, _Requests(call, requests), *send)


def _responses(call: _Call, inner: Behaviour, request: Any, *send: Callable[[Any], None]) -> Any:
    def executed(response: Any) -> Any:
        if call.ending is not None:
            call.end(call.ending)  # the handler reads requests on another thread
        return call.response(response, call.method.rule(), call.message_budget())

    if not send:
        return map(executed, inner(request, call.context))
    (send_one,) = send
    return inner(request, call.context, lambda response: send_one(None if response is None else executed(response)))


class _Requests:
    """The iterator over a stream of requests that a handler gets."""

    def __init__(self, call: _Call, requests: Iterator[Any]) -> None:
        self._call = call
        self._requests = requests

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        request = next(self._requests)
        if type(request) is not Arrived:
            return request
        return self._call.request(request, self._call.message_budget()).message

    def next(self) -> Any:
        """Return the next request, as grpcio's own iterator does."""
        return next(self)


_KINDS: dict[tuple[bool, bool], tuple[Callable[..., Handler], str, Behaviour]] = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary", _unary_unary),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream", _unary_stream),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary", _stream_unary),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream", _stream_stream),
}
"""By whether requests and responses are streams."""
