"""What can happen to bytes on their way: flips, cuts, splices, doublings, and lengths that lie."""

import gzip
import struct
from collections.abc import Callable
from functools import cache

from tests.fuzz.cases.dice import Dice

INTERESTING = (
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\n",
    b"%",
    b"%00",
    b"&",
    b"=",
    b";",
    b":",
    b"/",
    b"//",
    b"{",
    b"}",
    b"[",
    b'"',
    b"\\u0000",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
)


def _flip(dice: Dice, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]


def _replace(dice: Dice, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + dice.randbytes(1) + data[at + 1 :]


def _cut(dice: Dice, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


def _behead(dice: Dice, data: bytes) -> bytes:
    return data[dice.randrange(len(data)) :]


def _remove(dice: Dice, data: bytes) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.randint(1, 8) :]


def _insert(dice: Dice, data: bytes) -> bytes:
    at = dice.randint(0, len(data))
    return data[:at] + dice.choice(INTERESTING) + data[at:]


def _double(dice: Dice, data: bytes) -> bytes:
    start = dice.randrange(len(data))
    stop = min(len(data), start + dice.randint(1, 64))
    return data[:stop] + data[start:stop] * dice.choice((1, 2, 30)) + data[stop:]


def _swap(dice: Dice, data: bytes) -> bytes:
    first, second = sorted((dice.randint(0, len(data)), dice.randint(0, len(data))))
    return data[second:] + data[first:second] + data[:first]


_ACTIONS: tuple[Callable[[Dice, bytes], bytes], ...] = (
    _flip,
    _flip,
    _replace,
    _cut,
    _behead,
    _remove,
    _insert,
    _insert,
    _double,
    _swap,
)


def mutate(dice: Dice, data: bytes, most: int = 4) -> bytes:
    """The data after one to `most` accidents."""
    for _ in range(dice.randint(1, most)):
        data = dice.choice(_ACTIONS)(dice, data) if data else dice.bytes_of(6)
    return data


def splice(dice: Dice, first: bytes, second: bytes) -> bytes:
    """The start of one and the end of another."""
    return first[: dice.randint(0, len(first))] + second[dice.randint(0, len(second)) :]


def cuts(dice: Dice, size: int) -> tuple[int, ...]:
    """Where a body of that size arrives in parts: mostly nowhere, now and then byte by byte."""
    if size < 2 or dice.chance(0.6):
        return ()
    if size < 40 and dice.chance(0.2):
        return tuple(range(1, size))
    return tuple(sorted(dice.sample(range(1, size), min(size - 1, dice.randint(1, 6)))))


@cache
def bomb(size: int) -> bytes:
    """Gzip that grows to `size` bytes."""
    return gzip.compress(bytes(size), mtime=0)


def zipped(dice: Dice, data: bytes, limit: int) -> bytes:
    """Gzip of the data: whole, broken, of several members, with something behind it, or of far too much."""
    whole = gzip.compress(data, dice.choice((0, 6)), mtime=0)
    forms: tuple[tuple[float, Callable[[], bytes]], ...] = (
        (4, lambda: whole),
        (2, lambda: mutate(dice, whole)),
        (1, lambda: whole[: dice.randrange(len(whole))]),
        (1, lambda: whole + dice.bytes_of(9)),
        (1, lambda: whole + gzip.compress(dice.bytes_of(9), mtime=0)),
        (1, lambda: gzip.compress(data[: len(data) // 2], mtime=0) + gzip.compress(data[len(data) // 2 :], mtime=0)),
        (1, lambda: bomb(dice.choice((limit, limit + 1, 16 * limit)))),
        (1, lambda: whole[:3] + bytes([whole[3] | dice.choice((2, 4, 8, 16, 0xE0))]) + whole[4:]),
        (1, lambda: whole[:-4] + struct.pack("<I", len(data) + 1)),
        (0.5, lambda: gzip.compress(whole, mtime=0)),
        (0.5, lambda: b""),
    )
    return dice.weighted(forms)()
