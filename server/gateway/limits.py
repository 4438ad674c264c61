"""What a stranger can make large, and how large."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The gateway's bounds. Those of the request line, the headers and idle connections are the HTTP server's."""

    message_bytes: int = 1024 * 1024
    """A request's message: the JSON body, the protobuf bytes, decompressed."""
    read_seconds: float = 5.0
    """From the end of a request's head until its body is whole."""
    concurrent_calls: int = 1024
    """Calls at once, over all protocols; one more is RESOURCE_EXHAUSTED."""
    threads: int = 16
    """Plain `def` methods that run at once; more wait."""
