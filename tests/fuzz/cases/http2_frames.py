"""Connections over HTTP/2 as a hostile client makes them: frames that are wrong, wrongly ordered, or far too many.

A case is the pieces in which the bytes of a connection arrive. Each is made of a few acts on a connection that a
well-behaved client has opened; then some have accidents to their bytes.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from tests.fuzz.cases import frames, values
from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.mutations import mutate, splice
from tests.fuzz.senders import http2
from tests.fuzz.senders.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    literal,
)

ACK = 1
GRPC, JSON = "application/grpc", "application/json"
_PATHS = (
    ("/t.v1.T/PostAll", GRPC),
    ("/t.more.More/Lines", GRPC),
    ("/t.more.More/Collect", GRPC),
    ("/no.such.Service/Method", GRPC),
    ("/v1/all", JSON),
    ("/m/lines", JSON),
    ("/t.v1.T/PostAll", JSON),
    ("/t.v1.T/PostAll", "application/grpc-web"),
    ("/t.more.More/Lines", "application/connect+json"),
    ("/nowhere", JSON),
)
_SIZES = (0, 1, 100, 16_383, 16_384, 16_385, 65_535, 65_536, 2**24 - 1, 2**31 - 1, 2**31, 2**32 - 1)
_KINDS = (
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
    10,
    77,
)
_SETTINGS = (1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6, 8, 9, 0xFFFF)
_MAX_FRAME = 16_384
_FLOODS = (2, 10, 200)
_LONG_FLOOD = 0.003
"""How seldom a flood is longer than any limit."""


class Frames(NamedTuple):
    """A case."""

    pieces: tuple[bytes, ...]
    is_deaf: bool = False
    """Whether the client takes nothing of what the server sends."""


@dataclass(slots=True)
class _Client:
    """A client, which remembers what streams it has used."""

    dice: Dice
    next_stream: int = 1
    open: list[int] = field(default_factory=list)

    def stream(self) -> int:
        """A new stream, or now and then one that nobody may use."""
        if self.dice.chance(0.01):
            return self.dice.choice((0, 2, self.next_stream - 2 & 2**31 - 1, 2**31 - 1, 2**32 - 1))
        stream, self.next_stream = self.next_stream, self.next_stream + self.dice.choice((2,) * 9 + (1000,))
        self.open.append(stream)
        return stream

    def used(self) -> int:
        """A stream that is open or was, or one that nobody has opened."""
        if self.dice.chance(0.95):
            return self.dice.choice(self.open or [1])
        return self.dice.choice((0, 1, 2, self.next_stream, self.next_stream + 100, 2**31 - 1))


def _fields(dice: Dice) -> bytes:
    """The block of a request's fields: mostly right."""
    path, kind = dice.choice(_PATHS)
    block = http2.block(path, ("te", "trailers"), ("content-type", kind))
    for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 3))):
        block += _odd_field(dice)
    if dice.chance(0.05):
        block = _odd_field(dice) + block
    return mutate(dice, block, most=3) if dice.chance(0.05) else block


def _odd_field(dice: Dice) -> bytes:
    """Fields and HPACK's own instructions (RFC 7541, section 6), right and wrong."""
    forms: tuple[tuple[float, Callable[[], bytes]], ...] = (
        (
            4,
            lambda: literal(dice.choice(("x-a", "x-a-bin", "grpc-timeout", "content-length", "")), dice.choice(_TEXTS)),
        ),
        (2, lambda: literal("x-a", "1", kind=0x40)),  # into the dynamic table
        (1, lambda: literal("x-secret", "1", kind=0x10)),
        (1, lambda: literal("x-large", "v" * dice.choice((3000, 16_000, 70_000)), kind=dice.choice((0, 0x40)))),
        (
            1,
            lambda: literal("x-a", "v" * 500, kind=0x40) + b"\xbe" * dice.choice((1, 5, 3000)),
        ),  # what was put into the table, again and again
        (1, lambda: bytes([0x80 | dice.choice((0, 1, 2, 4, 8, 16, 30, 61, 62, 100))])),
        (0.3, lambda: b"\xff" * dice.randint(1, 12) + b"\x7f"),  # a number without end
        (0.3, lambda: dice.choice((b"\x20", b"\x3f\xe1\x1f", b"\x3f\xe1\xff\xff\xff\x0f"))),  # the size of the table
        (0.3, lambda: b"\x00\x83" + dice.randbytes(3) + b"\x81" + dice.randbytes(1)),  # Huffman's code, of nothing
        (1, lambda: literal(dice.choice(("connection", "transfer-encoding", "X-Upper", ":path", ":unknown")), "x")),
        (1, lambda: literal("x-a", dice.choice(("a\r\nb", "\x00", " a ", "\xff")))),
        (0.3, lambda: b"".join(literal(f"x-{number}", "1") for number in range(dice.choice((90, 120, 500))))),
    )
    return dice.weighted(forms)()


_TEXTS = ("", "1", "5S", "1n", "x", "AA==", "-1", "9" * 30, "~" * 200)


def _headers(client: _Client, stream: int, block: bytes, flags: int) -> bytes:
    """HEADERS, in one frame or cut into CONTINUATIONs, some with padding or a priority."""
    dice = client.dice
    cuts = sorted(dice.randint(0, len(block)) for _ in range(dice.choice((0, 0, 0, 0, 1, 3, 12))))
    edges = [0, *cuts, len(block)]
    parts = [block[start:stop] for start, stop in pairwise(edges)]
    first, rest = parts[0], parts[1:]
    if dice.chance(0.1):
        flags |= PRIORITY_FLAG
        first = struct.pack(">IB", dice.choice((0, 0, 0, stream)), 15) + first
    if dice.chance(0.1):
        flags, first = _pad(dice, flags, first)
    whole = [frame(HEADERS, flags | (0 if rest else END_HEADERS), stream, first)]
    for index, part in enumerate(rest):
        if dice.chance(0.02):
            whole.append(_any_frame(client))  # which nothing may stand between
        is_last = index == len(rest) - 1 and not dice.chance(0.03)
        whole.append(frame(CONTINUATION, END_HEADERS if is_last else 0, stream, part))
    return b"".join(whole)


def _pad(dice: Dice, flags: int, data: bytes) -> tuple[int, bytes]:
    """Padding, which now and then is longer than the frame."""
    size = dice.choice((0, 1, 10, 255))
    return flags | PADDED, bytes([size]) + data + bytes(size if dice.chance(0.8) else size // 2)


def _body(dice: Dice) -> bytes:
    match dice.randrange(6):
        case 0:
            return frames.frame(b"\x12\x01a") * dice.choice((1, 1, 2, 30))
        case 1:
            return b'{"id":"a"}'
        case 2:
            return dice.bytes_of(60)
        case 3:
            return dice.choice(values.JSON_TOKENS)
        case 4:
            return b"\x00" + struct.pack(">I", dice.choice(_SIZES) & 2**32 - 1) + dice.bytes_of(20)
        case _:
            return b"x" * dice.choice((0, 5000, _MAX_FRAME, _MAX_FRAME + dice.chance(0.1)))


def _request(client: _Client) -> bytes:
    """A request: its head, none or some of its body, perhaps trailers."""
    dice, stream = client.dice, client.stream()
    if dice.chance(0.1):
        return _headers(client, stream, _fields(dice), END_STREAM)
    whole = _headers(client, stream, _fields(dice), 0)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 5))):
        whole += _data(dice, stream, 0)
    match dice.randrange(6):
        case 0:
            return whole
        case 1:
            return whole + _headers(client, stream, literal("x-trailer", "1"), dice.choice((END_STREAM, 0)))
        case 2:
            return whole + frame(RST_STREAM, 0, stream, struct.pack(">I", dice.choice((0, 8, 99))))
        case _:
            return whole + _data(dice, stream, END_STREAM)


def _data(dice: Dice, stream: int, flags: int) -> bytes:
    data = _body(dice)
    if dice.chance(0.1):
        flags, data = _pad(dice, flags, data)
    return frame(DATA, flags, stream, data)


def _settings(client: _Client) -> bytes:
    dice = client.dice
    pairs = dice.several(lambda: struct.pack(">HI", dice.choice(_SETTINGS), dice.choice(_SIZES)), most=2)
    payload = b"".join(pairs)
    if dice.chance(0.05):
        payload += dice.bytes_of(5)
    flags = ACK if dice.chance(0.1) else 0
    return frame(SETTINGS, flags, dice.choice((0,) * 20 + (1,)), payload if not flags or dice.chance(0.1) else b"")


def _window(client: _Client) -> bytes:
    size = client.dice.choice((0, 1, 1, 100, 100, 65_535, 65_535, 2**20, 2**20, 2**31 - 1, 2**32 - 1))
    payload = struct.pack(">I", size)
    stream = client.dice.choice((0, client.used()))
    return frame(WINDOW_UPDATE, 0, stream, payload if client.dice.chance(0.95) else payload[1:])


def _reset(client: _Client) -> bytes:
    payload = struct.pack(">I", client.dice.choice((0, 1, 8, 2**32 - 1)))
    return frame(RST_STREAM, 0, client.used(), payload if client.dice.chance(0.95) else payload + b"\0")


def _more(client: _Client) -> bytes:
    """Something on a stream that may have ended, or never have begun."""
    dice, stream = client.dice, client.used()
    if dice.chance(0.5):
        return _data(dice, stream, dice.choice((0, END_STREAM)))
    return _headers(client, stream, _fields(dice), dice.choice((0, END_STREAM)))


def _any_frame(client: _Client) -> bytes:
    """A frame of any kind, whose length may be none that its kind has."""
    dice = client.dice
    payload = dice.choice((b"", bytes(4), bytes(5), bytes(8), b"\xff" * 6, dice.bytes_of(40)))
    whole = frame(dice.choice(_KINDS), dice.randrange(256), client.used(), payload)
    if dice.chance(0.1):
        whole = (len(payload) ^ 1 << dice.randrange(24)).to_bytes(3, "big") + whole[3:]
    return whole


def _flood(client: _Client) -> bytes:
    """The same small thing again and again."""
    dice = client.dice
    times = 12_000 if dice.chance(_LONG_FLOOD) else dice.choice(_FLOODS)
    match dice.randrange(9):
        case 0:
            return frame(PING, 0, 0, bytes(8)) * times
        case 1:
            return frame(SETTINGS, 0, 0, b"") * times
        case 2:
            return frame(HEADERS, 0, client.stream(), http2.block("/v1/all")) + (
                frame(CONTINUATION, 0, client.open[-1] if client.open else 1, b"") * times
            )
        case 3:
            return frame(DATA, 0, client.used(), b"") * times
        case 4:
            return frame(WINDOW_UPDATE, 0, client.used(), struct.pack(">I", 1)) * times
        case 5:
            return frame(PRIORITY, 0, client.used(), bytes(5)) * times
        case 6:
            # Rapid reset: requests that are taken back before anybody can answer.
            return b"".join(
                frame(HEADERS, END_HEADERS, stream, http2.block("/t.v1.T/PostAll", ("content-type", GRPC)))
                + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                for stream in (client.stream() for _ in range(min(times, 3000)))
            )
        case 7:
            return b"".join(
                frame(HEADERS, END_HEADERS | END_STREAM, client.stream(), http2.block("/healthz")) for _ in range(times)
            )
        case _:
            return frame(77, 0, 0, b"") * times


_ACTS: tuple[tuple[float, Callable[[_Client], bytes]], ...] = (
    (10, _request),
    (2, _settings),
    (2, _window),
    (2, _reset),
    (1, _more),
    (1, _any_frame),
    (1, _flood),
    (1, lambda client: frame(PING, client.dice.choice((0, 0, ACK)), 0, client.dice.choice((bytes(8),) * 9 + (b"",)))),
    (0.5, lambda client: frame(GOAWAY, 0, 0, bytes(8) + client.dice.bytes_of(9))),
)


def _opening(dice: Dice) -> bytes:
    """What a client says first, mostly."""
    first = b"" if dice.chance(0.5) else struct.pack(">HI", 4, dice.choice((0, 1, 65_535, 2**20, 2**31 - 1)))
    whole = http2.PREFACE + frame(SETTINGS, 0, 0, first)
    if dice.chance(0.95):
        return whole + frame(SETTINGS, ACK, 0, b"")
    return dice.choice((b"", http2.PREFACE, mutate(dice, whole), whole[: dice.randrange(len(whole))]))


def _cut(dice: Dice, data: bytes) -> tuple[bytes, ...]:
    """The pieces in which the bytes arrive: one, a few, or many small ones."""
    if dice.chance(0.3) or len(data) < 2:
        return (data,)
    if len(data) < 400 and dice.chance(0.1):
        return tuple(data[at : at + 1] for at in range(len(data)))
    edges = [0, *sorted(dice.randrange(len(data)) for _ in range(dice.choice((1, 3, 12)))), len(data)]
    return tuple(data[start:stop] for start, stop in pairwise(edges))


def connection(dice: Dice) -> Frames:
    """Everything that one client sends."""
    client = _Client(dice)
    acts = [_request(client)] if dice.chance(0.8) else []
    acts += [dice.weighted(_ACTS)(client) for _ in range(dice.choice((0, 1, 1, 2, 3, 5)))]
    whole = _opening(dice) + b"".join(acts)
    if dice.chance(0.15):
        whole = http2.opening() + mutate(dice, whole[len(http2.opening()) :], most=4)
    elif dice.chance(0.03):
        whole = splice(dice, whole, whole)
    return Frames(_cut(dice, whole), is_deaf=dice.chance(0.05))
