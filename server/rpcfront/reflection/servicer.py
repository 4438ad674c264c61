"""The servicer of server reflection, for both versions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from rpcfront.reflection.index import Files, Index

MAX_REQUEST_BYTES = 4096
"""Bytes of one request. The response repeats the request, its host twice and its symbol thrice; no symbol of a real
proto comes near this."""

Answer = dict[str, Any]
"""Fields of a ServerReflectionResponse. Of the oneof `message_response` it has one."""


class Streams:
    """Counts the streams that are open, and bounds their number and how long each may be silent."""

    def __init__(self, max_streams: int, idle_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self._free = max_streams

    @contextmanager
    def opened(self) -> Iterator[bool]:
        """Take one until the block ends. Return False if none is left."""
        is_free = self._free > 0
        self._free -= is_free
        try:
            yield is_free
        finally:
            self._free += is_free


class ReflectionServicer:
    """Answers one version's requests. It has what both versions share: the index, the list and the count of streams."""

    def __init__(self, index: Index, services: Sequence[str], response_class: type[Message], streams: Streams) -> None:
        """`services` are the names that are listed, `response_class` is the version's ServerReflectionResponse."""
        self._index = index
        self._listed = [{"name": name} for name in services]
        self._response_class = response_class
        self._streams = streams
        self._answers: dict[str | None, Callable[[Any], Answer]] = {
            "file_by_filename": self._file_by_filename,
            "file_containing_symbol": self._file_containing_symbol,
            "file_containing_extension": self._file_containing_extension,
            "all_extension_numbers_of_type": self._all_extension_numbers_of_type,
            "list_services": self._list_services,
        }

    async def ServerReflectionInfo(  # noqa: N802  # the proto's name
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Message]:
        """Yield a response for each request. What is wrong with a request does not end the stream."""
        with self._streams.opened() as is_free:
            if not is_free:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many streams of reflection")
            requests = aiter(request_iterator)
            while (request := await self._next(requests, context)) is not None:
                yield self._response(request)

    async def _next(self, requests: AsyncIterator[Any], context: Any) -> Any:
        """Return the next request; None after the last. End the call of a client that is silent for too long."""
        seconds = self._streams.idle_seconds
        try:
            async with asyncio.timeout(seconds):
                return await anext(requests, None)
        except TimeoutError:
            return await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no request within {seconds:g} seconds")

    def _response(self, request: Any) -> Message:
        if request.ByteSize() > MAX_REQUEST_BYTES:
            text = f"a request must not be larger than {MAX_REQUEST_BYTES} bytes"
            # Without the request, which the response repeats otherwise.
            return self._response_class(**_error(grpc.StatusCode.INVALID_ARGUMENT, text))
        answer = self._answers.get(request.WhichOneof("message_request"), _nothing_asked)
        return self._response_class(valid_host=request.host, original_request=request, **answer(request))

    def _file_by_filename(self, request: Any) -> Answer:
        name = request.file_by_filename
        return _files(self._index.by_filename(name), f"no file is called {name!r}")

    def _file_containing_symbol(self, request: Any) -> Answer:
        symbol = request.file_containing_symbol
        return _files(self._index.by_symbol(symbol), f"no file defines {symbol!r}")

    def _file_containing_extension(self, request: Any) -> Answer:
        name, number = (
            request.file_containing_extension.containing_type,
            request.file_containing_extension.extension_number,
        )
        found = self._index.by_extension(name, number)
        return _files(found, f"no file defines an extension of {name!r} with the number {number}")

    def _all_extension_numbers_of_type(self, request: Any) -> Answer:
        name = request.all_extension_numbers_of_type
        numbers = self._index.extension_numbers(name)
        if numbers is None:
            return _error(grpc.StatusCode.NOT_FOUND, f"no message is called {name!r}")
        return {"all_extension_numbers_response": {"base_type_name": name, "extension_number": numbers}}

    def _list_services(self, _request: Any) -> Answer:
        return {"list_services_response": {"service": self._listed}}


def _nothing_asked(_request: Any) -> Answer:
    return _error(grpc.StatusCode.INVALID_ARGUMENT, "the request asks for nothing: message_request is not set")


def _files(found: Files | None, otherwise: str) -> Answer:
    if found is None:
        return _error(grpc.StatusCode.NOT_FOUND, otherwise)
    return {"file_descriptor_response": {"file_descriptor_proto": found}}


def _error(code: grpc.StatusCode, text: str) -> Answer:
    return {"error_response": {"error_code": code.value[0], "error_message": text}}
