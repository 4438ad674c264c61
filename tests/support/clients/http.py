"""A plain HTTP client: each request on a new connection."""

import asyncio
import http.client
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1
        return values[0] if values else None


def _ask(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        pairs = [(key.lower(), value) for key, value in response.getheaders()]
        return Reply(response.status, pairs, response.read())
    finally:
        connection.close()


async def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Make a request on a new connection and return the response."""
    return await asyncio.to_thread(_ask, port, method, path, body, headers or {})
