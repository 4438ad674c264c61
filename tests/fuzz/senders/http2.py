"""HTTP/2 as bytes: frames as a client of gRPC would send them, and what can become of them on the way."""

import asyncio
import re
import struct
from contextlib import suppress

from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.frames import frame as message_frame
from tests.fuzz.cases.mutations import mutate

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 4, 8, 32

_PATH = re.compile(rb":path(.)(?=(.{0,127}))", re.DOTALL)
_QUIET = 0.05
"""Seconds of silence after which nothing more is expected of a server that keeps the connection open."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, section 4.1."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _string(text: bytes) -> bytes:
    """A string that is not Huffman-coded, RFC 7541, section 5.2."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    length, rest = b"\x7f", len(text) - 127
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + text


def literal(name: str, value: str, kind: int = 0) -> bytes:
    """A header whose name and value are there in full, RFC 7541, section 6.2; by default one that nobody indexes."""
    return bytes([kind]) + _string(name.encode("latin-1")) + _string(value.encode("latin-1"))


def block(path: str, *pairs: tuple[str, str]) -> bytes:
    """The fields of a POST."""
    own = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"))
    return b"".join(literal(*pair) for pair in (*own, *pairs))


def head(path: str, *pairs: tuple[str, str], content_type: str = "application/grpc") -> bytes:
    """The HEADERS frame of a call, on stream 1."""
    fields = block(path, ("te", "trailers"), ("content-type", content_type), *pairs)
    return frame(HEADERS, END_HEADERS, 1, fields)


def opening() -> bytes:
    """What a client says first."""
    return PREFACE + frame(SETTINGS, 0, 0, b"")


def call(path: str, message: bytes) -> list[bytes]:
    """The frames of one whole call over native gRPC."""
    return [opening(), head(path), frame(DATA, END_STREAM, 1, message_frame(message))]


def post(path: str, body: bytes, content_type: str) -> list[bytes]:
    """The frames of one request of another protocol."""
    return [opening(), head(path, content_type=content_type), frame(DATA, END_STREAM, 1, body)]


def garbled(dice: Dice, path: str, frames: list[bytes]) -> bytes:
    """The three frames of a request after accidents: to the frames as such, to the headers, or to the bytes."""
    match dice.randrange(6):
        case 0:
            frames.insert(dice.randrange(4), _stray(dice))
        case 1:
            dice.shuffle(frames)
        case 2:
            at = dice.randrange(3)
            frames[at:at] = [frames[at]] * dice.choice((1, 50))
        case 3:
            odd = dice.choice((("x-bad", "a\r\nb"), ("X-Upper", "1"), ("", ""), (":path", "/"), ("grpc-timeout", "x")))
            frames[1] = head(path, odd, content_type=dice.choice(("application/grpc", "text/html", "")))
        case 4:
            return mutate(dice, b"".join(frames), most=8)
        case _:
            return dice.choice((b"", PREFACE, opening())) + dice.randbytes(dice.randint(0, 200))
    return b"".join(frames)


def _stray(dice: Dice) -> bytes:
    kind = dice.choice((DATA, HEADERS, 2, RST_STREAM, SETTINGS, 5, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, 77))
    payload = dice.choice((b"", bytes(4), bytes(8), b"\xff" * 6, dice.bytes_of(40)))
    return frame(kind, dice.randrange(256), dice.choice((0, 1, 2, 3, 2**31 - 1, 2**32 - 1)), payload)


def ends_grpcio(data: bytes) -> bool:
    """Whether a path in it may be no UTF-8: of such a call grpc.aio's server dies, before any code of ours has run."""
    return any(not match[2][: match[1][0]].isascii() for match in _PATH.finditer(data))


async def blurt(port: int, data: bytes) -> bytes:
    """Says it, and listens until the server hangs up or has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with suppress(OSError, TimeoutError):
        writer.write(data)
        while part := await asyncio.wait_for(reader.read(65536), _QUIET):
            received += part
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return received
