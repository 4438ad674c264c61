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
    """Goes before the generated base, whose own method answers for Unimplemented and what streams requests.

    messages: the generated module of the service's messages.
    """

    def __init__(self, messages: ModuleType) -> None:
        self._messages = messages

    async def Unary(self, request: Any, context: Any) -> Message:
        payload = await self._payload(request, context)
        response: Message = self._messages.UnaryResponse(payload=payload)
        return response

    async def IdempotentUnary(self, request: Any, context: Any) -> Message:
        payload = await self._payload(request, context)
        response: Message = self._messages.IdempotentUnaryResponse(payload=payload)
        return response

    async def ServerStream(self, request: Any, context: Any) -> AsyncIterator[Message]:
        wanted = request.response_definition
        info = self._info(request, context)
        await _send_metadata(wanted, context)
        for position, data in enumerate(wanted.response_data):
            await _delay(wanted)
            payload = self._messages.ConformancePayload(data=data, request_info=None if position else info)
            yield self._messages.ServerStreamResponse(payload=payload)
        if wanted.HasField("error"):
            await _fail(wanted.error, () if wanted.response_data else (info,), context)

    async def _payload(self, request: Any, context: Any) -> Message:
        """The one payload of a unary answer."""
        wanted = request.response_definition
        info = self._info(request, context)
        await _send_metadata(wanted, context)
        await _delay(wanted)
        if wanted.HasField("error"):
            await _fail(wanted.error, (info,), context)
        payload: Message = self._messages.ConformancePayload(data=wanted.response_data, request_info=info)
        return payload

    def _info(self, request: Message, context: Any) -> Message:
        """What came of a request."""
        info = self._messages.ConformancePayload.RequestInfo()
        headers: dict[str, list[str]] = {}
        for key, value in context.invocation_metadata():
            headers.setdefault(key, []).append(_as_text(value))
        for name, values in headers.items():
            info.request_headers.add(name=name, value=values)
        remaining = context.time_remaining()
        if remaining is not None:
            info.timeout_ms = round(remaining * 1000)
        info.requests.add().Pack(request)
        message: Message = info
        return message


async def _send_metadata(wanted: Any, context: Any) -> None:
    """The head goes out now: a stream's client waits for it while the first message is delayed."""
    await context.send_initial_metadata(_metadata(wanted.response_headers))
    context.set_trailing_metadata(_metadata(wanted.response_trailers))


async def _delay(wanted: Any) -> None:
    await asyncio.sleep(wanted.response_delay_ms / 1000)


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
