"""Values to store, and changes that store them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from actiond.actions.conditions import condition_of
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.ports import Store, Transaction
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.actions.tokens import Token

SAMPLE_TARGET = Target(
    id="1",
    owner="owner",
    name="name",
    type=TargetType.WEBHOOK,
    interrupt_on_error=False,
    timeout_ns=10_000_000_000,
    endpoint="https://example.com/hook",
    sequence=1,
    created_at_ns=1_700_000_000_123_456_789,
    changed_at_ns=1_700_000_000_123_456_789,
)
SAMPLE_KEYS = (SigningKey(b"sealed\0one"), SigningKey(b"sealed two", expires_at_ns=2**62))


def a_target(target_id: str, name: str, owner: str = "owner") -> Target:
    return replace(SAMPLE_TARGET, id=target_id, name=name, owner=owner)


def added(target: Target, payload: dict[str, object] | None = None) -> Event:
    return _target_event(target, "target.added", {"name": target.name} if payload is None else payload)


def insert(target: Target, keys: Sequence[SigningKey] = ()) -> Callable[[Transaction], str]:
    def change(transaction: Transaction) -> str:
        transaction.insert_target(target, keys, added(target))
        return target.id

    return change


def update(target: Target) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.update_target(target, _target_event(target, "target.changed", {}))


def delete(target: Target) -> Callable[[Transaction], None]:
    """`target` as its last event leaves it."""
    return lambda transaction: transaction.delete_target(target, _target_event(target, "target.removed", {}))


def later(target: Target) -> Target:
    """With room for one event more."""
    return replace(target, sequence=target.sequence + 1, changed_at_ns=target.changed_at_ns + 1)


def set_keys(target_id: str, keys: Sequence[SigningKey]) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.set_signing_keys(target_id, keys)


async def keys_of(store: Store, target_id: str) -> list[SigningKey]:
    return list(await store.write(lambda transaction: transaction.signing_keys(target_id)))


def an_execution(key: str, *steps: str, owner: str = "owner", sequence: int = 1) -> Execution:
    """`steps` are ids of targets and, with a slash or a letter in them, keys of executions to include."""
    return Execution(
        owner=owner,
        condition=condition_of(key),
        steps=tuple(step if step.isdecimal() else condition_of(step) for step in steps),
        sequence=sequence,
        created_at_ns=1_700_000_000_000_000_000,
        changed_at_ns=1_700_000_000_000_000_000 + sequence,
    )


def put_execution(execution: Execution) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.put_execution(execution, _execution_event(execution, "execution.set"))


def delete_execution(execution: Execution) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.delete_execution(execution, _execution_event(execution, "execution.removed"))


async def execution_of(store: Store, owner: str, key: str) -> Execution | None:
    return await store.write(lambda transaction: transaction.execution(owner, condition_of(key)))


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


def _target_event(target: Target, event_type: str, payload: dict[str, object]) -> Event:
    return Event(
        owner=target.owner,
        aggregate_type="target",
        aggregate_id=target.id,
        sequence=target.sequence,
        type=event_type,
        payload=payload,
        editor="editor",
        created_at_ns=target.changed_at_ns,
    )


def _execution_event(execution: Execution, event_type: str) -> Event:
    return Event(
        owner=execution.owner,
        aggregate_type="execution",
        aggregate_id=f"{execution.owner}/{execution.condition.key}",
        sequence=execution.sequence,
        type=event_type,
        payload={},
        editor="editor",
        created_at_ns=execution.changed_at_ns,
    )
