"""gRPC-Web's framing, written from its specification (PROTOCOL-WEB.md), independently of the server's code."""

import base64
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from google.rpc import status_pb2

TRAILER = 0x80


def frame(message: bytes, flags: int = 0) -> bytes:
    """Return a frame: flags, length, payload."""
    return struct.pack(">BI", flags, len(message)) + message


def split_frames(body: bytes) -> list[tuple[int, bytes]]:
    """Return the frames of a body, which they must fill to its last byte."""
    frames = []
    while body:
        flags, length = struct.unpack_from(">BI", body)
        assert len(body) >= 5 + length, "a frame is cut short"
        frames.append((flags, body[5 : 5 + length]))
        body = body[5 + length :]
    return frames


def to_base64(value: bytes) -> str:
    """Encode a `-bin` value."""
    return base64.b64encode(value).rstrip(b"=").decode("ascii")


def from_text(body: bytes) -> bytes:
    """Decode a text body: base64 with padding wherever a flush ended, hence decoded four characters at a time."""
    assert len(body) % 4 == 0, "base64 comes in quads"
    quads = (body[at : at + 4] for at in range(0, len(body), 4))
    return b"".join(base64.b64decode(quad, validate=True) for quad in quads)


def parse_trailers(payload: bytes) -> dict[str, str]:
    """Parse the lines of the trailer frame."""
    text = payload.decode("ascii")
    assert text.endswith("\r\n")
    trailers: dict[str, str] = {}
    for line in text.removesuffix("\r\n").split("\r\n"):
        match = re.fullmatch(r"([a-z0-9_.-]+): ?([\x20-\x7e]*)", line)
        assert match, f"not a trailer: {line!r}"
        name, value = match.groups()
        assert name not in trailers or not name.startswith("grpc-"), f"{name} is there twice"
        trailers[name] = value
    return trailers


@dataclass(frozen=True, slots=True)
class Answer:
    """A unary response: the message, if any, and how the call ended."""

    message: bytes | None
    status: status_pb2.Status
    trailers: Mapping[str, str]


def parse_answer(body: bytes) -> Answer:
    """Parse the body of a unary response and check the rules: at most one message, then one trailer frame."""
    frames = split_frames(body)
    flags = [flags for flags, _ in frames]
    assert flags in ([TRAILER], [0, TRAILER]), f"frames with the flags {flags}"
    trailers = parse_trailers(frames[-1][1])
    status = parse_status(trailers)
    assert (len(frames) == 2) == (status.code == 0), "a message comes with OK and with nothing else"
    return Answer(frames[0][1] if len(frames) == 2 else None, status, trailers)


def parse_status(trailers: Mapping[str, str]) -> status_pb2.Status:
    """Return the status of grpc-status, grpc-message and grpc-status-details-bin, which must agree."""
    assert re.fullmatch(r"[0-9]|1[0-6]", trailers["grpc-status"])
    text = trailers.get("grpc-message", "")
    assert re.fullmatch(r"([ -$&-~]|%[0-9A-F]{2})*", text), f"not percent-encoded: {text!r}"
    plain = status_pb2.Status(code=int(trailers["grpc-status"]), message=unquote(text, errors="strict"))
    packed = trailers.get("grpc-status-details-bin")
    if packed is None:
        return plain
    assert "=" not in packed, "-bin values go out without padding"
    rich = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True))
    assert (rich.code, rich.message) == (plain.code, plain.message)
    return rich
