"""Values to store, and changes that store them."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from server.actions.events import Event
from server.actions.ports import Transaction
from server.actions.targets import Target, TargetType
from server.actions.tokens import Token

SAMPLE_TARGET = Target(
    id="1",
    owner="owner",
    name="name",
    type=TargetType.WEBHOOK,
    interrupt_on_error=False,
    timeout_ns=10_000_000_000,
    endpoint="https://example.com/hook",
    sequence=1,
    changed_at_ns=1_700_000_000_123_456_789,
)


def a_target(target_id: str, name: str, owner: str = "owner") -> Target:
    return replace(SAMPLE_TARGET, id=target_id, name=name, owner=owner)


def added(target: Target, payload: dict[str, object] | None = None) -> Event:
    return Event(
        owner=target.owner,
        aggregate_type="target",
        aggregate_id=target.id,
        sequence=target.sequence,
        type="target.added",
        payload={"name": target.name} if payload is None else payload,
        editor="editor",
        created_at_ns=target.changed_at_ns,
    )


def insert(target: Target) -> Callable[[Transaction], str]:
    def change(transaction: Transaction) -> str:
        transaction.insert_target(target, added(target))
        return target.id

    return change


def a_token(token_id: str, secret: str = "", created_at_ns: int = 1) -> Token:
    return Token(
        id=token_id,
        name=f"token {token_id}",
        owner="owner",
        permissions=frozenset({"target.read", "target.write"}),
        digest=hashlib.sha256((secret or token_id).encode()).digest(),
        created_at_ns=created_at_ns,
    )


def put(token: Token, event_type: str = "token.added") -> Callable[[Transaction], int]:
    """Answers the sequence of the event."""

    def change(transaction: Transaction) -> int:
        event = Event(
            owner=token.owner,
            aggregate_type="token",
            aggregate_id=token.id,
            sequence=transaction.last_sequence("token", token.id) + 1,
            type=event_type,
            payload={},
            editor="editor",
            created_at_ns=token.created_at_ns,
        )
        transaction.put_token(token, event)
        return event.sequence

    return change
