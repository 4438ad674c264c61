"""Who calls, by token: those of whom rows speak by name, and how a driver's own and a lone scenario's are called."""

from collections.abc import Iterable
from dataclasses import dataclass

WRITE_TARGETS = "execution.target.write"
DELETE_TARGETS = "execution.target.delete"
READ_TARGETS = "execution.target.read"
WRITE = "execution.write"
DELETE = "execution.delete"
READ = "execution.read"
WRITE_DELIVERIES = "delivery.write"
READ_DELIVERIES = "delivery.read"
PUBLISH = "event.publish"
PROCESS = "execution.process"

PERMISSIONS = (
    WRITE_TARGETS,
    DELETE_TARGETS,
    READ_TARGETS,
    WRITE,
    DELETE,
    READ,
    WRITE_DELIVERIES,
    READ_DELIVERIES,
    PUBLISH,
    PROCESS,
)
"""All that the API's methods ask for."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A token as it is to be made. Its secret is its id and its name, too: nobody is to be kept out."""

    secret: str
    owner: str
    permissions: tuple[str, ...] = PERMISSIONS


_OWNER = "310000000000000001"
"""Of those who get nowhere, or not far."""


def only(permission: str) -> str:
    """The secret of a token that holds this permission and no other."""
    return f"a-token-with-{permission}-alone"


def all_but(permission: str) -> str:
    """The secret of a token that lacks this permission and no other."""
    return f"a-token-without-{permission}"


def limited() -> Iterable[Caller]:
    """The callers to whom something is forbidden."""
    for permission in PERMISSIONS:
        yield Caller(only(permission), _OWNER, (permission,))
        yield Caller(all_but(permission), _OWNER, tuple(other for other in PERMISSIONS if other != permission))
