"""The interface between granian and an RSGI application. It says what the two call; it loads no server."""

from typing import Any, Protocol


class RsgiScope(Protocol):
    """The parts of RSGI's scope that are read here."""

    http_version: str
    method: str
    path: str
    query_string: str
    client: str
    headers: Any


class RsgiApplication(Protocol):
    """What granian calls."""

    async def __rsgi__(self, scope: RsgiScope, protocol: Any) -> None:
        """Respond to one request."""
