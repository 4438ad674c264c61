"""The five forms in which a servicer can be written for grpcio, once: what a servicer is about is one method of it."""

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.support.services.echo import note


class Does:
    """Does something with its context, then answers."""

    before = 0
    """The messages that a stream has sent when it is done."""
    catches = False
    """Whether it catches what it runs into, and answers the error's name."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        """Step by step. What is a coroutine in grpc.aio is yielded: the `async def` forms await it."""
        yield from ()

    def answer(self, request: Any) -> Any:
        return request

    async def Async(self, request: Any, context: Any) -> Any:
        try:
            for step in self.do(request, context):
                if inspect.isawaitable(step):
                    await step
        except Exception as error:
            if not self.catches:
                raise
            return note(text=type(error).__name__)
        return self.answer(request)

    def Plain(self, request: Any, context: Any) -> Any:
        try:
            for _ in self.do(request, context):
                pass
        except Exception as error:
            if not self.catches:
                raise
            return note(text=type(error).__name__)
        return self.answer(request)

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for _ in range(self.before):
            yield request
        yield await self.Async(request, context)

    async def WrittenStream(self, request: Any, context: Any) -> None:
        for _ in range(self.before):
            await context.write(request)
        await context.write(await self.Async(request, context))

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        for _ in range(self.before):
            yield request
        yield self.Plain(request, context)


class Tells:
    """Answers what its context says."""

    def tell(self, context: Any) -> str:
        raise NotImplementedError

    async def Async(self, request: Any, context: Any) -> Any:
        return note(text=self.tell(context))

    def Plain(self, request: Any, context: Any) -> Any:
        return note(text=self.tell(context))

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield note(text=self.tell(context))

    async def WrittenStream(self, request: Any, context: Any) -> None:
        await context.write(note(text=self.tell(context)))

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield note(text=self.tell(context))
