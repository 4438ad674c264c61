"""gRPC-Web's answers: frames, the last of them the trailers, in binary or in base64."""

import re
import struct
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from google.rpc import status_pb2

from tests.fuzz import due
from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.readings import METADATA_KEY, PRINTABLE, padded, require, response, unpadded
from tests.fuzz.senders.answers import HttpAnswer, Told

_TEXT_TYPE = "application/grpc-web-text+proto"
_GRPC_MESSAGE = re.compile(r"(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})*")


def grpc_web(request: HttpInput, answer: HttpAnswer) -> Told:
    """Whole frames, the last of them, and it alone, the trailers."""
    require(answer.status == 200, "a gRPC-Web answer is 200", answer)
    method = due.rpc(request)
    frames = [frame for flush in _flushes(answer) for frame in _frames(flush)]
    require(frames and [flags for flags, _ in frames] == [0] * (len(frames) - 1) + [0x80], "one trailer, last", frames)
    told = _trailers(frames[-1][1])
    if len(frames) > 1:
        require(method is not None, "a method that nobody knows answers no message", answer)
        assert method is not None
        once = told.code == 0 and len(frames) == 2
        require(once or method.server_streaming, "a unary call has one message, or an error", frames)
        return Told(
            told.form, told.code, told.text, tuple(response(method, data) for _, data in frames[:-1]), told.details
        )
    require(
        told.code or (method is not None and method.server_streaming), "a unary call that went well answers", frames
    )
    return told


def _flushes(answer: HttpAnswer) -> Iterator[bytes]:
    """What went out at once, decoded."""
    for part in answer.parts:
        if answer.values("content-type") == [_TEXT_TYPE]:
            require(len(part) % 4 == 0, "each flush has padding of its own", part)
            yield b"".join(padded(part[start : start + 4]) for start in range(0, len(part), 4))
        else:
            yield part


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    while body:
        require(len(body) >= 5, "a frame has five bytes in front", body)
        flags, length = struct.unpack_from(">BI", body)
        require(len(body) >= 5 + length, "a frame is whole, and flushed at once", body)
        yield flags, body[5 : 5 + length]
        body = body[5 + length :]


def _trailers(data: bytes) -> Told:
    require(data.isascii() and data.endswith(b"\r\n"), "trailers are ASCII lines", data)
    pairs = [tuple(line.split(": ", 1)) for line in data.decode().removesuffix("\r\n").split("\r\n")]
    for pair in pairs:
        require(len(pair) == 2 and METADATA_KEY.fullmatch(pair[0]), "a trailer has a lower-case name", pair)
        require(PRINTABLE.fullmatch(pair[1]), "a trailer's value is printable", pair)
    by_name = {name: [value for key, value in pairs if key == name] for name, _ in pairs}
    codes, texts = by_name.get("grpc-status", []), by_name.get("grpc-message", [""])
    require(len(codes) == 1 and codes[0] in map(str, range(17)), "there is one grpc-status, 0 to 16", data)
    require(len(texts) == 1 and _GRPC_MESSAGE.fullmatch(texts[0]), "grpc-message is percent-encoded", data)
    text = unquote_to_bytes(texts[0]).decode()
    status = None
    for details in by_name.get("grpc-status-details-bin", []):
        status = status_pb2.Status.FromString(unpadded(details))
        require((status.code, status.message) == (int(codes[0]), text), "the details' status is the call's", status)
    return Told(due.GRPC_WEB, int(codes[0]), text, details=status)
