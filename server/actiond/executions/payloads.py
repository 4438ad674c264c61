"""What an execution works on."""

from typing import Protocol, Self


class Payload(Protocol):
    """A message between its calls: what targets are sent, and what their responses make of it. Never changed itself."""

    async def body(self) -> bytes:
        """Return the JSON that targets are sent."""

    async def merged(self, answer: bytes) -> Self:
        """Return the payload as the body of a target's response changes it. Raises ValueError if it cannot be used."""
