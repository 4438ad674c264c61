"""Giving a new entity an id that no other one has, or has ever had."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from actiond.actions.errors import IdTakenError, StoreError
from actiond.actions.ids import MAX_ATTEMPTS
from actiond.actions.ports import Transaction

T = TypeVar("T")


def require_new(transaction: Transaction, aggregate_type: str, new_id: str) -> None:
    """Raise IdTakenError if the store knows an entity of this type and id, also if that one has been deleted."""
    if transaction.last_sequence(aggregate_type, new_id):
        raise IdTakenError


async def with_new_id(new_id: Callable[[], str], create: Callable[[str], Awaitable[T]]) -> T:
    """Call `create` with a new id, and again with another one while it raises IdTakenError."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return await create(new_id())
        except IdTakenError:
            continue
    raise StoreError(f"each of {MAX_ATTEMPTS} new ids has been given before")
