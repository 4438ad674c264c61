"""Servicers whose methods are not the plain functions of a class body."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, wraps
from typing import Any, TypeVar

Behaviour = TypeVar("Behaviour", bound=Callable[..., Any])


def observed(method: Behaviour) -> Behaviour:
    """A decorator as they are mostly written: a plain function, whatever is inside."""

    @wraps(method)
    def wrapper(*arguments: Any) -> Any:
        return method(*arguments)

    return wrapper  # type: ignore[return-value]  # it is called alike, and that is all that is asked


class Decorated:
    """A plain `def` that returns a coroutine or an async generator."""

    @observed
    async def Async(self, request: Any, context: Any) -> Any:
        return request

    @observed
    def Plain(self, request: Any, context: Any) -> Any:
        return request

    @observed
    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request

    @observed
    async def WrittenStream(self, request: Any, context: Any) -> None:
        await context.write(request)

    @observed
    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield request


async def answer_later(prefix: object, request: Any, context: Any) -> Any:
    return request


def answer(prefix: object, request: Any, context: Any) -> Any:
    return request


async def stream_later(prefix: object, request: Any, context: Any) -> AsyncIterator[Any]:
    yield request


async def write_later(prefix: object, request: Any, context: Any) -> None:
    await context.write(request)


def stream(prefix: object, request: Any, context: Any) -> Iterator[Any]:
    yield request


class Partials:
    """Functions that have some of their arguments already."""

    Async = partial(answer_later, "bound")
    Plain = partial(answer, "bound")
    AsyncStream = partial(stream_later, "bound")
    WrittenStream = partial(write_later, "bound")
    PlainStream = partial(stream, "bound")


class _Callable:
    """An object that is called like a method."""

    def __call__(self, request: Any, context: Any) -> Any:
        return request


class _AsyncCallable:
    async def __call__(self, request: Any, context: Any) -> Any:
        return request


class _AsyncStreamCallable:
    async def __call__(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request


class _StreamCallable:
    def __call__(self, request: Any, context: Any) -> Iterator[Any]:
        yield request


class Callables:
    """Objects with a `__call__`."""

    Async = _AsyncCallable()
    Plain = _Callable()
    AsyncStream = _AsyncStreamCallable()
    PlainStream = _StreamCallable()


class Statics:
    """Methods that want no instance."""

    @staticmethod
    async def Async(request: Any, context: Any) -> Any:
        return request

    @classmethod
    def Plain(cls, request: Any, context: Any) -> Any:
        return request

    @classmethod
    async def AsyncStream(cls, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request

    @staticmethod
    def PlainStream(request: Any, context: Any) -> Iterator[Any]:
        yield request


class _Once:
    """An async iterator that is no generator: it cannot be closed."""

    def __init__(self, message: Any) -> None:
        self._messages = [message]

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self._messages:
            raise StopAsyncIteration
        return self._messages.pop()


class Iterators:
    """Streams that are no generators."""

    def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        return _Once(request)

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        return iter([request])
