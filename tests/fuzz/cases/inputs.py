"""What a case is made of: requests as values, whose repr is all that is needed to send them again."""

from dataclasses import dataclass
from enum import IntFlag
from itertools import pairwise
from typing import NamedTuple

Headers = tuple[tuple[str, str], ...]
"""Names in lower case; values as Latin-1, as HTTP servers hand them over."""


class Quirk(IntFlag):
    """What servers do in one way or another, each in its own bits."""

    CHUNKED = 1
    """The body's length is not declared."""
    NO_RAW_PATH = 2 | 4
    """The path is handed over decoded only, as ASGI and WSGI allow."""
    NO_PEER = 8 | 16
    """Nothing is known of the client."""
    SEND_RAISES = 32
    """To send to a client that has left raises OSError, as ASGI allows."""
    LYING_LENGTH = 64 | 128
    """WSGI: the length is no number, since some servers do not look."""


@dataclass(frozen=True, slots=True)
class HttpInput:
    """A request over HTTP."""

    method: str
    target: bytes
    """Path and query as sent."""
    headers: Headers
    body: bytes = b""
    cuts: tuple[int, ...] = ()
    """Where the body is cut into the parts in which it arrives."""
    leaves: bool = False
    """Whether the client leaves before the last part has arrived."""
    leaves_late: bool = False
    """Whether it leaves when all has arrived, and waits for no answer."""
    quirks: int = 0
    """Eight bits: which of the ways open to it a server takes to hand this over, see `Quirk`."""

    def has(self, quirk: "Quirk") -> bool:
        return quirk in Quirk(self.quirks)

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        return self.target.partition(b"?")[2]

    @property
    def stays(self) -> bool:
        return not (self.leaves or self.leaves_late)

    def parts(self) -> list[bytes]:
        """The body as it arrives, without the last part of one whose sender leaves."""
        edges = [0, *sorted({cut for cut in self.cuts if 0 < cut < len(self.body)}), len(self.body)]
        parts = [self.body[start:stop] for start, stop in pairwise(edges)]
        return parts[:-1] if self.leaves else parts

    def framed(self) -> list[tuple[str, str]]:
        """The headers, with the one that says where the body ends."""
        if not self.body:
            return list(self.headers)
        chunked = self.has(Quirk.CHUNKED)
        length = ("transfer-encoding", "chunked") if chunked else ("content-length", str(len(self.body)))
        return [*self.headers, length]

    def values(self, name: str) -> list[str]:
        """The values of a header, in their order."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True, slots=True)
class GrpcInput:
    """A call over native gRPC, as grpcio hands it over."""

    path: str
    metadata: tuple[tuple[str, str | bytes], ...]
    messages: tuple[bytes, ...]
    """One is right; a client can send none, or more."""
    timeout: float | None = None
    leaves: bool = False
    """Whether the call is cancelled as soon as its answer has to wait for anything."""


class Intent(NamedTuple):
    """What a case that nothing was done to must be answered: the servicer's own answer to this request."""

    method: str
    """`package.Service.Method`"""
    request: bytes


class Case(NamedTuple):
    """One input, and what its answer must be where that is known."""

    input: HttpInput | GrpcInput
    intent: Intent | None = None
