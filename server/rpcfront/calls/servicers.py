"""Calls servicer methods of every kind, and the interceptors around them.

`async def` methods run on the event loop, plain `def` ones on a thread pool, as in grpc.aio. A stream of responses is
an async generator, a plain generator, or a coroutine that calls `context.write`. A stream of requests is an async
iterator, or an iterator that blocks in the thread of a plain `def` method.
"""

import asyncio
import contextvars
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from google.protobuf.message import Message

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.methods import Method
from rpcfront.calls.requests import BlockingRequests

_END = object()

_log = logging.getLogger(__name__)


class CallNext(Protocol):
    """The rest of a call: the inner interceptors, then the servicer."""

    def __call__(self, request: Any, context: ServicerContext | None = None) -> Awaitable[Any]:
        """Return the response, or an async iterator of the responses of a streaming method."""


Interceptor = Callable[[CallNext, Any, ServicerContext], Awaitable[Any]]
"""`async def (call_next, request, context)`, around every call. It returns what `call_next` returns, or its own.

The request is a message, or an async iterator of messages where the method has a stream of requests.
"""

Handler = Callable[[Any, ServicerContext], Awaitable[Any]]


class Servicers:
    """Calls the methods of servicers."""

    def __init__(self, threads: int, interceptors: Sequence[Interceptor] = ()) -> None:
        self._threads = threads
        self._interceptors = tuple(interceptors)
        self.handlers: dict[Method, Handler] = {}
        """What `handler` has returned already."""
        self._pool: ThreadPoolExecutor | None = None

    def handler(self, method: Method) -> Handler:
        """Return the coroutine function that runs a unary method inside its interceptors."""
        bare = method.behaviour if method.is_on_loop else partial(self._unary, method)
        handler = self.handlers[method] = self._intercepted(bare)
        return handler

    async def stream(self, method: Method, request: Any, context: ServicerContext) -> AsyncIterator[object]:
        """Return the responses of a streaming method. Without interceptors, `context.write` sends directly."""
        handler = self.handlers.get(method)
        if handler is None:
            handler = self.handlers[method] = self._intercepted(partial(self._stream, method))
        responses = await handler(request, context)
        if not isinstance(responses, AsyncIterator):
            raise TypeError(f"an interceptor returned {type(responses).__name__} for a stream of {method.path}")
        return responses

    def _intercepted(self, handler: Handler) -> Handler:
        for interceptor in reversed(self._interceptors):
            handler = partial(_intercept, interceptor, handler)
        return handler

    async def _unary(self, method: Method, request: Any, context: ServicerContext) -> object:
        response = await asyncio.wrap_future(self._call_on_thread(method, request, context))
        # A plain function may wrap a coroutine: a decorator, for example.
        return await response if inspect.isawaitable(response) else response

    async def _stream(self, method: Method, request: Any, context: ServicerContext) -> AsyncIterator[object]:
        if not method.is_on_loop:
            return self._responses(partial(self._returned_on_thread, method, request, context), context)
        responses = method.behaviour(request, context)
        if isinstance(responses, AsyncIterator):  # the common case, which needs nothing around it
            return responses
        return self._responses(partial(_returned, responses), context)

    async def _returned_on_thread(self, method: Method, request: Any, context: ServicerContext) -> object:
        return await asyncio.wrap_future(self._call_on_thread(method, request, context))

    async def _responses(self, call: Callable[[], Awaitable[Any]], context: ServicerContext) -> AsyncIterator[object]:
        """Yield the responses of what a servicer's method returns, which `call` calls."""
        responses = await call()
        if inspect.isawaitable(responses):
            if self._interceptors:
                responses = _written(responses, context)
            else:
                responses = await responses
        if responses is None:
            return  # context.write has sent all of them
        source = responses if isinstance(responses, AsyncIterator) else self._pulled(responses)
        try:
            async for response in source:
                yield response
        finally:
            await close(source)

    async def _pulled(self, responses: Iterable[object]) -> AsyncIterator[object]:
        """Yield the responses of a plain generator, each of which is made on a thread."""
        iterator: Iterator[object] = iter(responses)
        step: Future[object] | None = None
        try:
            while True:
                step = self._on_thread(next, iterator, _END)
                response = await asyncio.wrap_future(step)
                if response is _END:
                    return
                yield response
        finally:
            close_iterator = getattr(iterator, "close", None)
            if close_iterator is not None and step is not None:
                # A running generator cannot be closed, so that waits for its current step.
                step.add_done_callback(lambda _: self._on_thread(_close, close_iterator))

    def _call_on_thread(self, method: Method, request: Any, context: ServicerContext) -> "Future[Any]":
        if method.streams_requests:
            request = BlockingRequests(request, context, asyncio.get_running_loop())
        return self._on_thread(method.behaviour, request, context)

    def _on_thread(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="servicer")
        return self._pool.submit(contextvars.copy_context().run, _call, function, arguments)


async def _returned(responses: object) -> object:
    return responses


async def _written(servicer: Awaitable[Any], context: ServicerContext) -> AsyncIterator[object]:
    """Yield what a coroutine sends by `context.write`, each message once the one before has been taken."""
    queue: asyncio.Queue[object] = asyncio.Queue()

    async def write(message: Message) -> None:
        queue.put_nowait(message)
        await queue.join()

    context.write_message = write
    running = asyncio.ensure_future(_contained(servicer))
    running.add_done_callback(lambda _: queue.put_nowait(_END))
    try:
        while (message := await queue.get()) is not _END:
            yield message
            queue.task_done()
        await running
    finally:
        running.cancel()
        await asyncio.wait({running})


async def _contained(servicer: Awaitable[Any]) -> Any:
    try:
        return await servicer
    except SystemExit as error:
        # A task would pass it on to the event loop, which would end.
        raise RuntimeError("a servicer raised SystemExit") from error


def _close(close_iterator: Callable[[], object]) -> None:
    try:
        close_iterator()
    except Exception:  # noqa: BLE001  # a generator's `finally` may raise anything, and nothing awaits it
        _log.exception("a servicer's generator failed while being closed")


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except StopIteration as error:
        # A future cannot carry it: awaiting it would never end.
        raise RuntimeError("a servicer raised StopIteration") from error


async def close(iterator: AsyncIterator[object]) -> None:
    """Close an async generator, so that its `finally` blocks run now and not when it is collected."""
    aclose = getattr(iterator, "aclose", None)
    if aclose is not None:
        await aclose()


async def _intercept(interceptor: Interceptor, handler: Handler, request: Any, context: ServicerContext) -> Any:
    own_context = context

    def call_next(request: Any, context: ServicerContext | None = None) -> Awaitable[Any]:
        return handler(request, own_context if context is None else context)

    result: Any = interceptor(call_next, request, context)
    # An async generator is not awaited: it is the stream itself.
    return await result if inspect.isawaitable(result) else result
