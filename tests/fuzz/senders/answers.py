"""Answers as they came back, whatever face or server gave them."""

from dataclasses import dataclass

from google.rpc import status_pb2


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer over HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names as they came, values as Latin-1."""
    parts: tuple[bytes, ...] = ()
    """The body, as it was flushed."""

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def values(self, name: str) -> list[str]:
        """The values of a header, in their order."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True, slots=True)
class GrpcAnswer:
    """The end of a call over native gRPC."""

    messages: tuple[bytes, ...]
    code: int
    text: str
    initial: tuple[tuple[str, str | bytes], ...] = ()
    trailing: tuple[tuple[str, str | bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ServersOwn:
    """What an HTTP server said by itself of a request that it did not hand over."""

    status: int


Answer = HttpAnswer | GrpcAnswer | ServersOwn


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says, once it has been found well-formed."""

    form: str
    code: int
    text: str = ""
    messages: tuple[bytes, ...] = ()
    details: status_pb2.Status | None = None

    @property
    def kind(self) -> str:
        """For counting."""
        return f"{self.form} {self.code}"
