"""HTTP/2 as bytes: frames as a client of gRPC would send them, and what can become of them on the way."""

import asyncio
import re
import struct
from contextlib import suppress

from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.frames import frame as message_frame
from tests.fuzz.cases.mutations import mutate

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4

_PATH = re.compile(rb":path(.)(?=(.{0,127}))", re.DOTALL)
_QUIET = 0.05
"""Seconds of silence after which nothing more is expected of a server that keeps the connection open."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, section 4.1."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header that is neither indexed nor Huffman-coded, RFC 7541, section 6.2.2; shorter than 127 bytes."""
    return b"\x00" + b"".join(bytes([len(text)]) + text.encode("latin-1") for text in (name, value))


def head(path: str, *pairs: tuple[str, str], content_type: str = "application/grpc") -> bytes:
    """The HEADERS frame of a call, on stream 1."""
    own = ((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"))
    block = b"".join(_literal(*pair) for pair in (*own, ("te", "trailers"), ("content-type", content_type), *pairs))
    return frame(HEADERS, END_HEADERS, 1, block)


def opening() -> bytes:
    """What a client says first."""
    return PREFACE + frame(SETTINGS, 0, 0, b"")


def call(path: str, message: bytes) -> list[bytes]:
    """The frames of one whole call."""
    return [opening(), head(path), frame(DATA, END_STREAM, 1, message_frame(message))]


def garbled(dice: Dice, path: str, message: bytes) -> bytes:
    """A call after accidents: to its frames as such, to its headers, or to its bytes."""
    frames = call(path, message)
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
