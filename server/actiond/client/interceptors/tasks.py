"""The interceptor for servers of `grpc.aio`. Handlers run in the event loop, or on threads if they are plain `def`."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn, Self

import grpc
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.actiond.v1.execution_service_pb2_grpc import ExecutionServiceStub

from actiond.client.authorization import authorization
from actiond.client.channels import check_aio
from actiond.client.interceptors.asking import (
    CHANNEL_CLOSED,
    DEADLINE_PASSED,
    UNAVAILABLE,
    Budget,
    Ending,
    Failure,
    Metadata,
    budget_used,
    method_call,
    outcome,
)
from actiond.client.interceptors.codecs import Arrived, Encoded
from actiond.client.interceptors.faults import Counts, Faults
from actiond.client.interceptors.methods import Handler, HandlerCache, Method, Request
from actiond.client.interceptors.rules import MAX_METHODS, Rule, Rules
from actiond.client.interceptors.settings import DEFAULT_BUDGET, SKIPPED_SERVICES, Settings, User
from actiond.client.interceptors.users import ask_user, checked_user, user_error
from actiond.client.interceptors.watch_task import WatchTask

Context = Any
"""A grpc.aio.ServicerContext; for a plain `def` handler it is one without `code`, `read` and `write`."""
Named = User | tuple[str, str] | None
NamesUser = Callable[[Context], Named | Awaitable[Named]]
Behaviour = Callable[..., Any]

_SUCCESS = (None, grpc.StatusCode.OK)


class ActionsInterceptor(grpc.aio.ServerInterceptor):
    """Runs the executions that are set in actiond around the calls of a server of `grpc.aio`.

        channel = grpc.aio.insecure_channel("127.0.0.1:50051", CHANNEL_OPTIONS)
        server = grpc.aio.server(interceptors=[ActionsInterceptor(channel, token=…)])

    `close` ends the task that watches for changes. It also ends with the channel or the loop, and after a minute
    without a call.
    """

    def __init__(  # noqa: PLR0913  # the settings, by name
        self,
        channel: grpc.aio.Channel,
        *,
        token: str,
        fail_open: bool = False,
        budget: float = DEFAULT_BUDGET,
        streams: bool = False,
        user: NamesUser | None = None,
        headers: Collection[str] | None = None,
        skip: Collection[str] = SKIPPED_SERVICES,
    ) -> None:
        """Ask over `channel`, which remains the caller's to close. The settings are those for servers of `grpc`.

        user: may be a coroutine function. The context that it gets is the handler's own.

        Raises ValueError for a setting that makes no sense, and TypeError for a channel of `grpc`.
        """
        check_aio(channel, "ActionsInterceptor")
        self._settings = Settings.of(fail_open=fail_open, budget=budget, streams=streams, headers=headers, skip=skip)
        self._asker = _Asker(channel, token, self._settings, user)
        self._handlers = HandlerCache(MAX_METHODS)

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        return self._asker.faults.counts

    async def close(self) -> None:
        """End the watch, and wait for the end of its task. Calls are still executed, with actiond asked for each."""
        await self._asker.watch.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.close()

    def intercept_service(
        self, continuation: Callable[..., Awaitable[Handler]], handler_call_details: Any
    ) -> Coroutine[Any, Any, Handler]:
        """Return the method's handler with executions around it.

        Raises TypeError in a server of `grpc`, whose calls would never end if it got a coroutine for a handler.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            needed = "a server of grpc takes actiond.client.ActionsInterceptor, rather than actiond.client.aio's"
            raise TypeError(needed) from None
        return self._intercept(continuation, handler_call_details)

    async def _intercept(self, continuation: Callable[..., Awaitable[Handler]], handler_call_details: Any) -> Handler:
        handler = await continuation(handler_call_details)
        name: str = handler_call_details.method
        wrapped = self._handlers.find(name, handler)
        if wrapped is None and handler is not None:
            wrapped = handler if self._settings.skips(name) else self._wrap(name, handler)
            self._handlers.add(name, handler, wrapped)
        if type(wrapped) is _ThreadHandler:
            # grpc.aio runs interceptors in the call's task.
            return wrapped.for_call(_Arrival(handler_call_details.invocation_metadata, asyncio.current_task()))
        return wrapped

    def _wrap(self, name: str, handler: Handler) -> "Handler | _ThreadHandler":
        method = Method(name, handler, self._settings, self._asker.rules)
        if not method.runs:
            return handler
        make, attribute, in_loop, on_thread = _KINDS[handler.request_streaming, handler.response_streaming]
        inner = getattr(handler, attribute)
        self._asker.loop = asyncio.get_running_loop()
        # grpc.aio looks at the function to know how to call it, so its replacement is a function of the same kind.
        if _is_async(inner):
            behaviour = functools.update_wrapper(in_loop(self._asker, method, inner), inner)
            return make(behaviour, method.deserializer(), method.serializer())
        behaviour = functools.update_wrapper(on_thread(self._asker, method, inner), inner)
        return _ThreadHandler(make, behaviour, method.deserializer(), method.serializer())


def _is_async(function: Behaviour) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


class _Asker:
    """Asks actiond."""

    def __init__(self, channel: grpc.aio.Channel, token: str, settings: Settings, user: NamesUser | None) -> None:
        self.settings = settings
        self.rules = Rules()
        self.faults = Faults()
        self.stub = ExecutionServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self.watch = WatchTask(self.stub.WatchExecutions, authorization(token), self.rules, self.faults)
        self.loop: asyncio.AbstractEventLoop
        """The server's, known once there is a call."""
        self._metadata = authorization(token)
        self._user = user

    async def describe(self, call: "_Call") -> pb.MethodCall:
        user = await self._user_of(call)
        return method_call(call.method.name, self.settings, call.context.invocation_metadata(), user)

    async def _user_of(self, call: "_Call") -> User:
        if self._user is None:
            return User()
        # That of a thread's context may block, and its `abort` waits for the event loop. Its errors are caught there:
        # an asyncio.Future takes no StopIteration, so that it would be waited for without end.
        is_blocking = isinstance(call.context, _ThreadContext) and not inspect.iscoroutinefunction(self._user)
        arguments = self._user, call.context, _is_abort
        named = await asyncio.to_thread(ask_user, *arguments) if is_blocking else ask_user(*arguments)
        if inspect.isawaitable(named):
            try:
                named = await named
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the function is the service's
                named = user_error(error)
        user = checked_user(named)
        if isinstance(user, Failure):
            call.refuse(user)
        return user

    async def ask(self, call: "_Call", procedure: Any, message: Any, budget: Budget) -> Any:
        """Return actiond's answer; None if it fails, and the message goes on. Raises _EndedError otherwise."""
        own = call.context.time_remaining()
        own = float("inf") if own is None else own
        if own <= 0:
            raise _EndedError(DEADLINE_PASSED)
        if budget.left <= 0:
            return call.failed(budget_used(self.settings.budget))
        self.faults.asked()
        self.watch.ensure()
        is_own, start = own <= budget.left, budget.now()
        try:
            return await procedure(message, timeout=min(own, budget.left), metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            budget_set_it = None if is_own else self.settings.budget
            ending = outcome(error.code(), error.details() or "", error.trailing_metadata(), budget=budget_set_it)
        except grpc.aio.UsageError:
            ending = CHANNEL_CLOSED
        except asyncio.CancelledError:
            # Either the call is cancelled, or what it asks is, since the channel was closed.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            ending = CHANNEL_CLOSED
        finally:
            budget.spend_since(start)
        if isinstance(ending, Ending):
            raise _EndedError(ending)
        return call.failed(ending)


def _is_abort(error: Exception) -> bool:
    return isinstance(error, grpc.aio.AbortError)


class _EndedError(Exception):
    """The call ends with an error. It is caught where the call's context can be told so."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class _Call:
    """One call, which may have many messages."""

    def __init__(self, asker: _Asker, method: Method, context: Context) -> None:
        self.method = method
        self.context = context
        self.budget = Budget(method.settings.budget)
        """Of the messages that are not in a stream."""
        self._asker = asker
        self._described: pb.MethodCall | None = None
        self._last_request = b""
        """As it was passed on. Of a stream of requests, targets get the last one with each response."""

    def message_budget(self) -> Budget:
        """Return the budget of a message in a stream."""
        return Budget(self.method.settings.budget)

    async def request(self, arrived: Arrived, budget: Budget) -> Request:
        """Return the request as the targets leave it. Raises _EndedError."""
        request = await self._executed(arrived, budget)
        self._last_request = request.raw
        return request

    async def _executed(self, arrived: Arrived, budget: Budget) -> Request:
        rule = arrived.rule
        if not self.method.runs_requests or (rule is not None and not rule.request):
            return Request(arrived.message, arrived.raw, rule)
        asked = self.method.ask_request(await self._description(), arrived)
        watch_number = self.method.watch_number
        answer = await self._asker.ask(self, self._asker.stub.ExecuteRequest, asked, budget)
        if answer is None:
            return Request.unexecuted(arrived)
        request = self.method.take_request(answer, arrived, watch_number)
        if isinstance(request, Failure):
            self.failed(request)
            return Request.unexecuted(arrived)
        return request

    async def response(self, response: Any, rule: Rule | None, budget: Budget) -> Any:
        """Return the response as the targets leave it: what the handler has returned, or an Encoded.

        Raises _EndedError.
        """
        if rule is not None and not rule.response:
            return response
        raw = self.method.encoded(response)
        if raw is None:
            return response
        asked = self.method.ask_response(await self._description(), self._last_request, raw)
        watch_number = self.method.watch_number
        answer = await self._asker.ask(self, self._asker.stub.ExecuteResponse, asked, budget)
        if answer is None:
            return Encoded(raw)
        executed = self.method.take_response(answer, raw, watch_number)
        if isinstance(executed, Failure):
            self.failed(executed)
            return Encoded(raw)
        return Encoded(executed)

    def failed(self, failure: Failure) -> None:
        """Let the message go on if it may. Raises _EndedError otherwise."""
        if self.method.settings.fail_open and failure.may_pass:
            self._asker.faults.passed(self.method.name, failure.kind, failure.reason)
            return
        self.refuse(failure)

    def refuse(self, failure: Failure) -> NoReturn:
        """Log the failure, and raise _EndedError."""
        self._asker.faults.refused(self.method.name, failure.kind, failure.reason, failure.error)
        raise _EndedError(Ending(grpc.StatusCode.UNAVAILABLE, UNAVAILABLE))

    def unseen(self) -> None:
        """Note that a response execution is set, which does not run."""
        self._asker.faults.unseen(self.method.name)

    async def _description(self) -> pb.MethodCall:
        if self._described is None:
            self._described = await self._asker.describe(self)
        return self._described


# In the event loop.


class _LoopCall:
    """Runs a call's executions for a handler in the event loop."""

    def __init__(self, asker: _Asker, method: Method, context: Context) -> None:
        self.call = _Call(asker, method, context)
        self._context = context

    async def request(self, arrived: Arrived, budget: Budget) -> Request:
        try:
            return await self.call.request(arrived, budget)
        except _EndedError as error:
            await self._end(error.ending)

    async def response(self, response: Any, rule: Rule | None, budget: Budget) -> Any:
        try:
            return await self.call.response(response, rule, budget)
        except _EndedError as error:
            await self._end(error.ending)

    async def message(self, request: Any) -> Any:
        """Return a message of a stream of requests."""
        if type(request) is not Arrived:
            return request
        return (await self.request(request, self.call.message_budget())).message

    async def _end(self, ending: Ending) -> NoReturn:
        metadata = ending.trailing_metadata(self._context.trailing_metadata())
        await self._context.abort(ending.code, ending.message, metadata)
        raise AssertionError("abort returns")


def _unary_unary(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    async def behaviour(request: Any, context: Context) -> Any:
        if type(request) is not Arrived:
            return await inner(request, context)
        run = _LoopCall(asker, method, context)
        executed = await run.request(request, run.call.budget)
        response = await inner(executed.message, context)
        if context.code() not in _SUCCESS:
            return response
        return await run.response(response, executed.rule, run.call.budget)

    return behaviour


def _stream_unary(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    async def behaviour(requests: Any, context: Context) -> Any:
        run = _LoopCall(asker, method, context)
        response = await inner(_Requests(run, requests), _StreamContext(run, context))
        if context.code() not in _SUCCESS:
            return response
        return await run.response(response, method.rule(), run.call.budget)

    return behaviour


# grpc.aio calls generators and functions that use `context.write` in different ways. Both are replaced by the latter,
# which writes what a generator yields, as grpc.aio does.


def _unary_stream(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    async def behaviour(request: Any, context: Context) -> None:
        seen = context
        if type(request) is Arrived:
            run = _LoopCall(asker, method, context)
            executed = await run.request(request, run.call.budget)
            request = executed.message
            if method.runs_responses:
                seen = _StreamContext(run, context)
            elif executed.rule is not None and executed.rule.response:
                run.call.unseen()
        await _write_all(inner, request, seen)

    return behaviour


def _stream_stream(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    async def behaviour(requests: Any, context: Context) -> None:
        run = _LoopCall(asker, method, context)
        await _write_all(inner, _Requests(run, requests), _StreamContext(run, context))

    return behaviour


async def _write_all(inner: Behaviour, request: Any, context: Context) -> None:
    """Call a handler and write its responses."""
    if not inspect.isasyncgenfunction(inner):
        await inner(request, context)
        return
    responses = inner(request, context)
    try:
        async for response in responses:
            await context.write(response)
    finally:
        await responses.aclose()


class _Requests:
    """The iterator over a stream of requests that a handler gets."""

    def __init__(self, run: _LoopCall, requests: AsyncIterator[Any]) -> None:
        self._run = run
        self._requests = requests

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        # grpc.aio makes its generator when it is first asked: one that nobody iterates over is warned about.
        return await self._run.message(await anext(self._requests))


class _StreamContext:
    """The context that a handler with streams gets: it runs the executions of what is read and written."""

    def __init__(self, run: _LoopCall, context: Context) -> None:
        self._run = run
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def read(self) -> Any:
        """Return the next request, or grpc.aio.EOF."""
        return await self._run.message(await self._context.read())

    async def write(self, response: Any) -> None:
        """Write a response."""
        call = self._run.call
        await self._context.write(await self._run.response(response, call.method.rule(), call.message_budget()))


# On threads.


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What is taken of a call in the event loop, where it cannot end meanwhile.

    grpc.aio frees a call when its task ends, which may be before its thread does, or even starts. What the thread's
    context then says of metadata is read from freed memory.
    """

    metadata: Metadata
    task: Any
    """The asyncio.Task that waits for the thread. It is cancelled when the client cancels, or the deadline passes."""


@dataclass(frozen=True, slots=True)
class _ThreadHandler:
    """Makes a handler for each call, since it has to know of the call's arrival."""

    make: Callable[..., Handler]
    behaviour: Behaviour
    deserializer: Any
    serializer: Any

    def for_call(self, arrival: _Arrival) -> Handler:
        return self.make(functools.partial(self.behaviour, arrival), self.deserializer, self.serializer)


class _CallOverError(Exception):
    """The call ended while its thread waited for actiond. Nobody gets what the thread does from then on."""


class _ThreadContext:
    """The context that a plain `def` handler gets. grpc.aio's own does not say what the handler has set."""

    def __init__(self, context: Context, metadata: Metadata) -> None:
        self._context = context
        self._metadata = metadata
        self.code: grpc.StatusCode | None = None
        self.trailing: tuple[tuple[str, str | bytes], ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code
        self._context.set_code(code)

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.trailing = tuple(metadata)
        self._context.set_trailing_metadata(metadata)


class _ThreadCall:
    """Runs a call's executions for a plain `def` handler, on whose thread it waits for the event loop."""

    def __init__(self, asker: _Asker, method: Method, context: Context, arrival: _Arrival) -> None:
        self.context = _ThreadContext(context, arrival.metadata)
        self.call = _Call(asker, method, self.context)
        self._loop = asker.loop
        self._task = arrival.task

    def request(self, arrived: Arrived, budget: Budget) -> Request:
        executed: Request = self._wait(self.call.request(arrived, budget))
        return executed

    def response(self, response: Any, rule: Rule | None, budget: Budget) -> Any:
        return self._wait(self.call.response(response, rule, budget))

    def last(self, response: Any, rule: Rule | None) -> Any:
        """Return the only response of a call, executed if the handler has succeeded."""
        if self.context.code not in _SUCCESS:
            return response
        return self.response(response, rule, self.call.budget)

    def responses(self, responses: Iterator[Any]) -> Iterator[Any]:
        """Yield the responses of a stream, executed."""
        for response in responses:
            yield self.response(response, self.call.method.rule(), self.call.message_budget())

    def requests(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Yield the requests of a stream, executed."""
        for request in requests:
            if type(request) is Arrived:
                yield self.request(request, self.call.message_budget()).message
            else:
                yield request

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(self._while_called(coroutine), self._loop).result()
        except _EndedError as error:
            ending = error.ending
        except CancelledError:
            raise _CallOverError from None
        self.context.abort(ending.code, ending.message, ending.trailing_metadata(self.context.trailing))
        raise AssertionError("abort returns")

    async def _while_called(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine until it ends, or its call does."""
        asking: Any = asyncio.current_task()

        def cancel(_task: object) -> None:
            asking.cancel()

        if self._task.done():
            coroutine.close()
            raise asyncio.CancelledError
        self._task.add_done_callback(cancel)
        try:
            return await coroutine
        finally:
            self._task.remove_done_callback(cancel)


def _unary_unary_on_thread(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    def behaviour(arrival: _Arrival, request: Any, context: Context) -> Any:
        if type(request) is not Arrived:
            return inner(request, context)
        run = _ThreadCall(asker, method, context, arrival)
        executed = run.request(request, run.call.budget)
        return run.last(inner(executed.message, run.context), executed.rule)

    return behaviour


def _stream_unary_on_thread(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    def behaviour(arrival: _Arrival, requests: Any, context: Context) -> Any:
        run = _ThreadCall(asker, method, context, arrival)
        response = inner(run.requests(requests), run.context)
        return run.last(response, method.rule())

    return behaviour


# grpc.aio calls these in the event loop, and iterates over what they return on threads. So they are generators.


def _unary_stream_on_thread(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    def behaviour(arrival: _Arrival, request: Any, context: Context) -> Iterator[Any]:
        if type(request) is not Arrived:
            yield from inner(request, context)
            return
        run = _ThreadCall(asker, method, context, arrival)
        with suppress(_CallOverError):
            executed = run.request(request, run.call.budget)
            responses = inner(executed.message, run.context)
            if method.runs_responses:
                responses = run.responses(responses)
            elif executed.rule is not None and executed.rule.response:
                run.call.unseen()
            yield from responses

    return behaviour


def _stream_stream_on_thread(asker: _Asker, method: Method, inner: Behaviour) -> Behaviour:
    def behaviour(arrival: _Arrival, requests: Any, context: Context) -> Iterator[Any]:
        run = _ThreadCall(asker, method, context, arrival)
        with suppress(_CallOverError):
            yield from run.responses(inner(run.requests(requests), run.context))

    return behaviour


Replace = Callable[[_Asker, Method, Behaviour], Behaviour]
"""Makes the function that replaces a handler's."""

_KINDS: dict[tuple[bool, bool], tuple[Callable[..., Handler], str, Replace, Replace]] = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary", _unary_unary, _unary_unary_on_thread),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream", _unary_stream, _unary_stream_on_thread),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary", _stream_unary, _stream_unary_on_thread),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream", _stream_stream, _stream_stream_on_thread),
}
"""By whether requests and responses are streams; the last two for handlers in the event loop and on threads."""
