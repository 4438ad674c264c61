"""Bodies of gRPC-Web requests: frames, what is none, and base64 in all the ways in which a stream of it comes."""

import base64
import struct
from collections.abc import Callable
from itertools import pairwise

from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.mutations import mutate, splice, zipped

_LENGTHS = (0, 1, 5, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


def frame(message: bytes, flags: int = 0, length: int | None = None) -> bytes:
    """A length-prefixed message, which may lie about its length."""
    return struct.pack(">BI", flags, len(message) if length is None else length) + message


def faulty(dice: Dice, message: bytes, limit: int) -> bytes:
    """A body that is not simply one frame of the message."""
    forms: tuple[tuple[float, Callable[[], bytes]], ...] = (
        (4, lambda: frame(zipped(dice, message, limit), 1)),
        (3, lambda: mutate(dice, frame(message))),
        (2, lambda: frame(message, length=dice.choice((*_LENGTHS, len(message) - 1 & 0xFFFFFFFF, len(message) + 1)))),
        (2, lambda: frame(message, dice.choice((1, 2, 0x80, 0x81, 0xFF)))),
        (1, lambda: frame(message) * dice.randint(2, 4)),
        (1, lambda: frame(message) + frame(b"grpc-status: 0\r\n", 0x80)),
        (1, lambda: frame(message) + dice.bytes_of(9)),
        (1, lambda: frame(message)[: dice.randint(0, 6)]),
        (1, lambda: splice(dice, frame(message), frame(dice.bytes_of(30)))),
        (1, lambda: dice.bytes_of(40)),
        (1, lambda: b""),
        (0.3, lambda: frame(bytes(dice.choice((limit, limit + 1, 2 * limit))))),
    )
    return dice.weighted(forms)()


def text(dice: Dice, body: bytes) -> bytes:
    """The body in base64, perhaps of several flushes, each with its own padding."""
    if len(body) < 2 or dice.chance(0.5):
        return base64.b64encode(body)
    edges = [0, *sorted(dice.choices(range(1, len(body)), k=dice.randint(1, 4))), len(body)]
    return b"".join(base64.b64encode(body[start:stop]) for start, stop in pairwise(edges))


def faulty_text(dice: Dice, body: bytes) -> bytes:
    """Nearly base64 of the body."""
    encoded = base64.b64encode(body)
    forms: tuple[tuple[float, Callable[[], bytes]], ...] = (
        (3, lambda: mutate(dice, encoded)),
        (1, lambda: encoded.rstrip(b"=")),
        (1, lambda: base64.urlsafe_b64encode(body)),
        (1, lambda: b"\r\n".join(encoded[start : start + 8] for start in range(0, len(encoded), 8))),
        (1, lambda: encoded + dice.choice((b"=", b"==", b"====", b"A", b"\n", b"\x00"))),
        (1, lambda: b"=" * dice.choice((1, 4, 4000))),
        (1, lambda: b"AA==" * dice.choice((1, 2, 1000))),
        (1, lambda: body),
    )
    return dice.weighted(forms)()
