"""Envoy's ExternalProcessor: a stream for each call that an Envoy proxies."""

import asyncio
from collections.abc import AsyncIterator

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import ProcessingRequest, ProcessingResponse
from google.rpc import code_pb2

from actiond.actions.tokens import Caller
from actiond.api.ext_proc import answers
from actiond.api.ext_proc.call import UNAVAILABLE, ExecutionsOf, Processor, ProxiedCall
from actiond.api.ext_proc.headers import path_of
from actiond.api.ext_proc.notices import Notice
from rpcfront import ServicerContext, make_status

EXTRA_BYTES = 64 * 1024
"""How much larger than a body a message of Envoy's may be: what is around the body, and headers."""

NO_FIRST_MESSAGE = make_status(code_pb2.DEADLINE_EXCEEDED, "the stream's first message did not arrive in time")


class ExternalProcessor:
    """The servicer.

    A stream without a caller gets an answer that ends the proxied call: were it aborted, a filter with
    failure_mode_allow would let the call pass.
    """

    def __init__(self, processor: Processor, first_message_seconds: float) -> None:
        """End a stream whose first message takes longer than `first_message_seconds`, some tenths more or less."""
        self._processor = processor
        self._waiting = _Waiting(first_message_seconds)
        self._reason = ""

    def not_authenticated(self, error: Exception) -> None:
        """Note why a stream is going to have no caller, for the log."""
        self._reason = type(error).__name__

    async def Process(  # noqa: N802  # the proto's name
        self, requests: AsyncIterator[ProcessingRequest], context: ServicerContext
    ) -> AsyncIterator[ProcessingResponse]:
        """Answer each message of a stream, until there is nothing more to say or Envoy ends it."""
        caller: Caller | None = context.caller
        self._waiting.begin(context)
        try:
            first = await anext(requests, None)
        finally:
            self._waiting.end(context)
        if first is None:
            return
        if caller is None:
            reason = f"{self._reason}; Envoy is {context.peer()}"
            self._processor.notices.write(Notice.UNAUTHENTICATED, path_of(first.request_headers.headers), reason)
            yield answers.ended(UNAVAILABLE, {})
            return
        whose = ExecutionsOf(caller.owner, caller.execution_revision)
        call = ProxiedCall(self._processor, whose, lambda: context.request_id)
        try:
            yield await call.answer(first)
            if call.is_over:
                return
            async for message in requests:
                yield await call.answer(message)
                if call.is_over:
                    return
        finally:
            call.closed()


class _Waiting:
    """Streams that wait for their first message, of which one sweep bounds all: most wait for no time at all."""

    TICK = 0.25
    """Seconds between sweeps; there are none while no stream waits."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # In the order in which they are due.
        self._due: dict[ServicerContext, float] = {}
        self._is_sweeping = False

    def begin(self, context: ServicerContext) -> None:
        loop = asyncio.get_running_loop()
        self._due[context] = loop.time() + self._seconds
        if not self._is_sweeping:
            self._is_sweeping = True
            loop.call_later(self.TICK, self._sweep, loop)

    def end(self, context: ServicerContext) -> None:
        self._due.pop(context, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = [context for context, due in self._due.items() if due <= now]
        for context in late:
            context.interrupt(NO_FIRST_MESSAGE)
        self._is_sweeping = bool(self._due)
        if self._is_sweeping:
            loop.call_later(self.TICK, self._sweep, loop)
