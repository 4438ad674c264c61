"""Connect's streams of responses: envelopes, the last of them with the error and the trailing metadata."""

import struct
from collections.abc import Iterator
from typing import Any

from google.rpc import status_pb2

from tests.fuzz import due
from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.forms import connect_status
from tests.fuzz.readings import METADATA_KEY, PRINTABLE, json_response, require, response, strict_json, unpadded
from tests.fuzz.senders.answers import HttpAnswer, Told

_END = 0x02


def connect_stream(request: HttpInput, answer: HttpAnswer) -> Told:
    """Whole envelopes, each flushed at once, the last of them, and it alone, the end."""
    (kind,) = answer.values("content-type")
    asked = [due.essence(value) for value in request.values("content-type")]
    require(kind in asked, "the answer is of the request's content type", answer)
    require(answer.status == 200, "a Connect stream is 200, whatever its end", answer)
    envelopes = [envelope for part in answer.parts for envelope in _envelopes(part)]
    flags = [flag for flag, _ in envelopes]
    require(flags and flags == [0] * (len(flags) - 1) + [_END], "one end, last", answer)
    method = due.rpc(request)
    assert method is not None
    status = _end(strict_json(envelopes[-1][1]))
    messages = tuple(
        json_response(request, data) if kind == "application/connect+json" else response(method, data)
        for _, data in envelopes[:-1]
    )
    return Told(due.CONNECT_STREAM, status.code, status.message, messages, status if status.code else None)


def _envelopes(part: bytes) -> Iterator[tuple[int, bytes]]:
    while part:
        require(len(part) >= 5, "an envelope has five bytes in front", part)
        flags, length = struct.unpack_from(">BI", part)
        require(len(part) >= 5 + length, "an envelope is whole, and flushed at once", part)
        yield flags, part[5 : 5 + length]
        part = part[5 + length :]


def _end(end: Any) -> status_pb2.Status:
    require(isinstance(end, dict) and set(end) <= {"error", "metadata"}, "an end has an error and metadata", end)
    for key, values in end.get("metadata", {}).items():
        require(METADATA_KEY.fullmatch(key) and isinstance(values, list), "metadata is lists by lower-case key", end)
        for value in values:
            require(PRINTABLE.fullmatch(value), "metadata is printable", value)
            if key.endswith("-bin"):
                unpadded(value)
    return connect_status(end["error"]) if "error" in end else status_pb2.Status()
