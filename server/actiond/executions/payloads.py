"""The data that an execution passes through its targets."""

from typing import Protocol, Self


class Payload(Protocol):
    """An immutable message that is sent to targets, and that their responses replace by a changed copy."""

    async def body(self) -> bytes:
        """Return the JSON that targets are sent."""

    async def merged(self, response_body: bytes) -> Self:
        """Return the payload as a target's response changes it. Raises ValueError if the body cannot be used."""
