"""Actors: on whose behalf a use case runs."""

from dataclasses import dataclass

SYSTEM = "system"
"""Id of the server and its command line, where no token is involved."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who reads or changes something, and for which resource owner."""

    id: str
    """Id of a token, or SYSTEM. Events name it as their editor."""
    owner: str
    """The resource owner whose targets and executions the actor sees."""
