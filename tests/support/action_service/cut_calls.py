"""Calls that lack their last byte, by protocol, written as raw bytes: no client library stops in the middle."""

import base64
import struct
from collections.abc import Callable

from google.protobuf import json_format

from tests.support.action_service.requests import request
from tests.support.wire.grpc_web import frame

RPC = "/zitadel.action.v3alpha.ActionService/CreateTarget"


def _http_call(path: str, content_type: str, body: bytes, token: str) -> bytes:
    """Return a POST that announces one byte more than it sends."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\n"
    return f"{head}content-length: {len(body) + 1}\r\n\r\n".encode() + body


def _json(name: str, token: str) -> bytes:
    return _http_call("/v3alpha/targets", "application/json", json_format.MessageToJson(request(name)).encode(), token)


def _web(name: str, token: str) -> bytes:
    return _http_call(RPC, "application/grpc-web+proto", frame(request(name).SerializeToString()), token)


def _web_text(name: str, token: str) -> bytes:
    body = base64.b64encode(frame(request(name).SerializeToString()))
    return _http_call(RPC, "application/grpc-web-text+proto", body, token)


def _grpc(name: str, token: str) -> bytes:
    """Return minimal HTTP/2 (RFC 9113): preface, SETTINGS, HEADERS, and DATA without its message's last byte."""
    headers = {":method": "POST", ":scheme": "http", ":path": RPC, ":authority": "x", "te": "trailers"}
    headers |= {"content-type": "application/grpc", "authorization": f"Bearer {token}"}
    # Literal header fields without indexing, new names (RFC 7541, section 6.2.2); every length is below 127.
    block = b"".join(b"\0" + _string(key) + _string(value) for key, value in headers.items())
    message = request(name).SerializeToString()
    data = struct.pack(">BI", 0, len(message) + 1) + message
    frames = _http2_frame(4, 0, 0, b"") + _http2_frame(1, 4, 1, block) + _http2_frame(0, 0, 1, data)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames


def _string(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


def _http2_frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


CALLS: dict[str, Callable[[str, str], bytes]] = {
    "json": _json,
    "grpc-web": _web,
    "grpc-web-text": _web_text,
    "grpc": _grpc,
}
