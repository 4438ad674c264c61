"""Small servicers whose calls are ended from without, or see their end: they write down what befalls them."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc

from tests.rpcfront.servicers.forms import Does
from tests.rpcfront.servicers.journal import PATIENCE, Journal


class Lasts:
    """Never ends by itself. A stream has sent one message by then."""

    def __init__(self) -> None:
        self.journal = Journal()

    async def Async(self, request: Any, context: Any) -> Any:
        self._begin(request, context)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.journal.write(request.id, "cancelled")
            raise

    def Plain(self, request: Any, context: Any) -> Any:
        over = self._begin(request, context)
        if over.wait(PATIENCE):
            self.journal.write(request.id, f"active: {context.is_active()}")
        return request

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self._begin(request, context)
        try:
            yield request
            await asyncio.Event().wait()
        finally:
            self.journal.write(request.id, "finally")

    async def WrittenStream(self, request: Any, context: Any) -> None:
        self._begin(request, context)
        try:
            await context.write(request)
            await asyncio.Event().wait()
        finally:
            self.journal.write(request.id, "finally")

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        over = self._begin(request, context)
        try:
            yield request
            over.wait(PATIENCE)
            yield request
        finally:
            self.journal.write(request.id, f"finally, active: {context.is_active()}")

    def _begin(self, request: Any, context: Any) -> threading.Event:
        """Answers what tells a thread that the call has ended."""
        over = threading.Event()
        context.add_callback(over.set)
        context.add_done_callback(lambda _: self.journal.write(request.id, f"ended, cancelled: {context.cancelled()}"))
        self.journal.write(request.id, "began")
        return over


class Deaf:
    """Is not stopped by the end of its call: it goes on, to its answer, when the test lets it."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def release(self, call: str) -> None:
        self._gates[call].set()

    async def Async(self, request: Any, context: Any) -> Any:
        self._begin(request, context)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.journal.write(request.id, "cancelled")
        await asyncio.to_thread(self._gates[request.id].wait, PATIENCE)
        return request

    def Plain(self, request: Any, context: Any) -> Any:
        self._begin(request, context)
        self._gates[request.id].wait(PATIENCE)
        return request

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request
        yield await self.Async(request, context)

    async def WrittenStream(self, request: Any, context: Any) -> None:
        await context.write(request)
        await context.write(await self.Async(request, context))

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield request
        yield self.Plain(request, context)

    def _begin(self, request: Any, context: Any) -> None:
        self.journal.write(request.id, "began")
        context.add_callback(lambda: self.journal.write(request.id, "ended"))


class Endless:
    """Streams messages for as long as somebody takes them."""

    def __init__(self) -> None:
        self.journal = Journal()

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield request
                await asyncio.sleep(0.001)
        finally:
            self.journal.write(request.id, "finally")

    async def WrittenStream(self, request: Any, context: Any) -> None:
        try:
            while True:
                await context.write(request)
                await asyncio.sleep(0.001)
        finally:
            self.journal.write(request.id, "finally")

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        pause = threading.Event()
        try:
            while True:
                yield request
                pause.wait(0.001)
        finally:
            self.journal.write(request.id, "finally")


class Steps:
    """Streams its messages one by one, each when it is told to."""

    def __init__(self) -> None:
        self._steps: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))

    def step(self, call: str) -> None:
        self._steps[call].release()

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        for _ in range(3):
            await asyncio.to_thread(self._steps[request.id].acquire, timeout=PATIENCE)
            yield request

    async def WrittenStream(self, request: Any, context: Any) -> None:
        for _ in range(3):
            await asyncio.to_thread(self._steps[request.id].acquire, timeout=PATIENCE)
            await context.write(request)

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        for _ in range(3):
            self._steps[request.id].acquire(timeout=PATIENCE)
            yield request


class Registers(Does):
    """Asks to be told of the end, by both names, and ends in the way that it is asked for."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.contexts: dict[str, Any] = {}

    def do(self, request: Any, context: Any) -> Iterator[object]:
        self.contexts[request.id] = context
        for _ in range(2):
            registered = context.add_callback(lambda: self.journal.write(request.id, "callback"))
            self.journal.write(request.id, f"registered: {registered}")
        context.add_done_callback(self._done_with(request.id, context))
        if request.text == "abort":
            yield context.abort(grpc.StatusCode.ABORTED, "no")
        if request.text == "raise":
            raise RuntimeError
        if request.text == "set a code":
            context.set_code(grpc.StatusCode.ABORTED)
            context.set_details("no")

    def _done_with(self, call: str, context: Any) -> Callable[[Any], None]:
        def done(ended: Any) -> None:
            self.journal.write(call, f"done callback, of the same context: {ended is context}")

        return done


class FailsBehind(Does):
    """Has a callback that fails, and one behind it."""

    def __init__(self) -> None:
        self.journal = Journal()

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.add_callback(self._fail)
        context.add_callback(lambda: self.journal.write(request.id, "ended"))
        yield None

    @staticmethod
    def _fail() -> None:
        raise RuntimeError


class Cancels:
    """Cancels its own call, and goes on."""

    def __init__(self) -> None:
        self.journal = Journal()

    async def Async(self, request: Any, context: Any) -> Any:
        self._cancel(request, context)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.journal.write(request.id, "cancelled")
            raise

    def Plain(self, request: Any, context: Any) -> Any:
        self._cancel(request, context)
        return request

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield request
        self._cancel(request, context)
        await asyncio.sleep(0)
        yield request

    async def WrittenStream(self, request: Any, context: Any) -> None:
        await context.write(request)
        self._cancel(request, context)
        await context.write(request)

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield request
        self._cancel(request, context)
        yield request

    def _cancel(self, request: Any, context: Any) -> None:
        self.journal.write(request.id, f"still running: {context.cancel()}")
        state = f"active: {context.is_active()}, done: {context.done()}, cancelled: {context.cancelled()}"
        self.journal.write(request.id, state)
