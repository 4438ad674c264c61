"""A reading of gRPC-Web's answers, which takes nothing but what the protocol says."""

import base64
import re
import struct
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from google.rpc import status_pb2

from tests.support.clients.http import Reply

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"

_QUAD = re.compile(rb"[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==")


@dataclass(frozen=True)
class GrpcWebReply:
    """An answer, its frames taken apart."""

    content_type: str
    messages: list[bytes]
    trailers: list[tuple[str, str]]
    headers: list[tuple[str, str]]

    @property
    def code(self) -> int:
        return int(dict(self.trailers)["grpc-status"])

    @property
    def text(self) -> str:
        return unquote_to_bytes(dict(self.trailers).get("grpc-message", "")).decode()


def read(reply: Reply) -> GrpcWebReply:
    """Takes an answer apart, and asserts all that must be true of every one."""
    assert reply.status == 200, reply
    content_type = reply.header("content-type")
    assert content_type in (BINARY, TEXT)
    # The status stands in the trailers alone; where there is no body it might stand here (gw068), but there is one.
    assert reply.header("grpc-status") is None
    body = reply.body if content_type == BINARY else decode_text(reply.body)
    messages: list[bytes] = []
    flags = 0
    while not flags:
        assert len(body) >= 5
        flags, size = struct.unpack_from(">BI", body)
        assert len(body) >= 5 + size
        messages.append(body[5 : 5 + size])
        body = body[5 + size :]
    assert (flags, body) == (0x80, b"")
    return GrpcWebReply(content_type, messages[:-1], _trailers(messages[-1]), reply.headers)


def decode_text(body: bytes) -> bytes:
    """Base64 in quads, each of which may be padded."""
    quads = [body[start : start + 4] for start in range(0, len(body), 4)]
    assert all(_QUAD.fullmatch(quad) for quad in quads)
    return b"".join(map(base64.b64decode, quads))


def _trailers(block: bytes) -> list[tuple[str, str]]:
    assert block.isascii()
    lines = block.decode().split("\r\n")
    assert lines.pop() == ""
    trailers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    names = [name for name, _ in trailers]
    assert names == [name.lower() for name in names]  # gw059
    assert all(line.isprintable() for line in lines)
    assert names.count("grpc-status") == 1
    named = dict(trailers)
    assert named["grpc-status"] in map(str, range(17))
    assert names.count("grpc-message") <= (named["grpc-status"] != "0")  # gw062
    assert not [value for name, value in trailers if name.endswith("-bin") and value.endswith("=")]
    if "grpc-status-details-bin" in named:
        status = status_pb2.Status.FromString(unpadded(named["grpc-status-details-bin"]))
        message = unquote_to_bytes(named.get("grpc-message", "")).decode()
        assert (status.code, status.message) == (int(named["grpc-status"]), message)
    return trailers


def unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
