"""The service that the suite calls, as its proto describes it: written for grpc.aio, it knows nothing of the gateway.

Each request says what the answer shall be, and the first answer, or the error, says what came of the request.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable
from types import ModuleType
from typing import Any

from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status


class Conformance:
    """Goes before the generated base, whose own method answers for Unimplemented.

    messages: the generated module of the service's messages.
    """

    def __init__(self, messages: ModuleType) -> None:
        self._messages = messages

    async def Unary(self, request: Any, context: Any) -> Message:
        payload = await self._payload([request], self._info(context), context)
        response: Message = self._messages.UnaryResponse(payload=payload)
        return response

    async def IdempotentUnary(self, request: Any, context: Any) -> Message:
        payload = await self._payload([request], self._info(context), context)
        response: Message = self._messages.IdempotentUnaryResponse(payload=payload)
        return response

    async def ClientStream(self, requests: AsyncIterator[Any], context: Any) -> Message:
        info = self._info(context)  # now, while all of the deadline is left
        received = [request async for request in requests]
        response: Message = self._messages.ClientStreamResponse(payload=await self._payload(received, info, context))
        return response

    async def ServerStream(self, request: Any, context: Any) -> AsyncIterator[Message]:
        wanted = request.response_definition
        info = self._info(context, request)
        await _send_metadata(wanted, context)
        async for payload in self._payloads(wanted.response_data, info, wanted):
            yield self._messages.ServerStreamResponse(payload=payload)
        await _end(wanted, info, context)

    async def BidiStream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Message]:
        first = await anext(requests, None)
        if first is None:
            return
        wanted = first.response_definition
        info = self._info(context, first)
        remaining = list(wanted.response_data)
        if first.full_duplex:
            # The client waits for the head before it sends more.
            await _send_metadata(wanted, context)
            while remaining:
                async for payload in self._payloads([remaining.pop(0)], info, wanted):
                    yield self._messages.BidiStreamResponse(payload=payload)
                following = await anext(requests, None)
                if following is None:
                    break
                # What is not new in a request is said once.
                info = self._messages.ConformancePayload.RequestInfo()
                info.requests.add().Pack(following)
        else:
            # In half duplex nothing goes out before the client's end.
            async for request in requests:
                info.requests.add().Pack(request)
            await _send_metadata(wanted, context)
        async for payload in self._payloads(remaining, None if first.full_duplex else info, wanted):
            yield self._messages.BidiStreamResponse(payload=payload)
        await _end(wanted, info, context)

    async def _payload(self, received: list[Any], info: Any, context: Any) -> Message:
        """Return the one payload of an answer that is no stream."""
        wanted = (received[0] if received else self._messages.ClientStreamRequest()).response_definition
        for request in received:
            info.requests.add().Pack(request)
        await _send_metadata(wanted, context)
        await _delay(wanted)
        if wanted.HasField("error"):
            await _fail(wanted.error, (info,), context)
        payload: Message = self._messages.ConformancePayload(data=wanted.response_data, request_info=info)
        return payload

    async def _payloads(self, parts: Iterable[bytes], info: Message | None, wanted: Any) -> AsyncIterator[Message]:
        """Yield a payload for each part, each after the delay; the first one says what came of the requests."""
        for data in parts:
            await _delay(wanted)
            yield self._messages.ConformancePayload(data=data, request_info=info)
            info = None

    def _info(self, context: Any, *requests: Message) -> Any:
        """Return what came of a call and of these requests."""
        info = self._messages.ConformancePayload.RequestInfo()
        headers: dict[str, list[str]] = {}
        for key, value in context.invocation_metadata():
            headers.setdefault(key, []).append(_as_text(value))
        for name, values in headers.items():
            info.request_headers.add(name=name, value=values)
        remaining = context.time_remaining()
        if remaining is not None:
            info.timeout_ms = round(remaining * 1000)
        for request in requests:
            info.requests.add().Pack(request)
        return info


async def _send_metadata(wanted: Any, context: Any) -> None:
    """The head goes out now: a stream's client waits for it while the first message is delayed."""
    await context.send_initial_metadata(_metadata(wanted.response_headers))
    context.set_trailing_metadata(_metadata(wanted.response_trailers))


async def _delay(wanted: Any) -> None:
    await asyncio.sleep(wanted.response_delay_ms / 1000)


async def _end(wanted: Any, info: Message, context: Any) -> None:
    """End a stream of responses. The error, if there is one, says what came of the requests where no response did."""
    if wanted.HasField("error"):
        await _fail(wanted.error, () if wanted.response_data else (info,), context)


async def _fail(error: Any, extra_details: Iterable[Message], context: Any) -> None:
    status = status_pb2.Status(code=error.code, message=error.message, details=error.details)
    for detail in extra_details:
        status.details.add().Pack(detail)
    await context.abort_with_status(rpc_status.to_status(status))


def _metadata(headers: Iterable[Any]) -> tuple[tuple[str, str | bytes], ...]:
    """The suite's headers, whose binary values are base64 without padding."""
    pairs = [(header.name.lower(), value) for header in headers for value in header.value]
    return tuple((key, b64decode(value + "==") if key.endswith("-bin") else value) for key, value in pairs)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else b64encode(value).decode().rstrip("=")
