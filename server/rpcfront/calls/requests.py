"""The requests of a call that sends a stream of them, as servicers written for grpcio read them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import code_pb2

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.offload import OFFLOAD_BYTES, run_in_turn
from rpcfront.status import StatusError, make_status

ENDED = make_status(code_pb2.CANCELLED, "the call has ended")


class RequestsEndedError(StatusError, grpc.RpcError):
    """The call ended while its servicer waited for the next request. Also of the class that grpcio raises."""


class RequestStream:
    """An async iterator of messages, each parsed and validated when the servicer asks for it."""

    def __init__(
        self,
        context: ServicerContext,
        receive: Callable[[], Awaitable[bytes | None]],
        parse: Callable[[bytes], Message],
        user: Hashable = None,
    ) -> None:
        """Take `receive`, which returns the bytes of the next message and None after the last, and their parser.

        `user` takes turns with others at the threads for large messages.
        """
        self._user = user
        self._context = context
        self._receive = receive
        self._parse = parse
        self._has_ended = False

    def __aiter__(self) -> "RequestStream":
        return self

    async def __anext__(self) -> Message:
        """Return the next request. A malformed one ends the call, even if the servicer catches the error."""
        if self._has_ended:
            raise StopAsyncIteration
        try:
            data = await self._receive()
            if data is None:
                self._has_ended = True
                raise StopAsyncIteration
            if len(data) < OFFLOAD_BYTES:
                return self._parse(data)
            return await run_in_turn(self._user, self._parse, data)
        except StatusError as error:
            self._has_ended = True
            self._context.decide(error.status)
            raise

    async def read(self) -> Any:
        """Return the next request, and grpc.aio.EOF after the last: what `context.read()` does."""
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            return grpc.aio.EOF


class BlockingRequests:
    """The same for a plain `def` servicer: an iterator that waits in the servicer's thread."""

    def __init__(
        self, requests: AsyncIterator[Message], context: ServicerContext, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._requests = requests
        self._context = context
        self._loop = loop

    def __iter__(self) -> "BlockingRequests":
        return self

    def __next__(self) -> Message:
        waiting = asyncio.run_coroutine_threadsafe(_next(self._requests), self._loop)
        # The servicer's thread must not wait for a client that the call no longer waits for.
        if not self._context.add_callback(waiting.cancel):
            waiting.cancel()
        try:
            message = waiting.result()
        except BaseException as error:
            if waiting.cancelled():
                raise RequestsEndedError(self._context.final_status or ENDED) from error
            raise
        finally:
            self._context.remove_callback(waiting.cancel)
        if message is None:
            raise StopIteration
        return message


async def _next(requests: AsyncIterator[Message]) -> Message | None:
    return await anext(requests, None)
