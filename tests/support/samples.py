"""Values to store, and changes that store them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from actiond.actions.conditions import parse_key
from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm
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
        transaction.targets.insert(target, keys)
        transaction.append(added(target))
        return target.id

    return change


def update(target: Target) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.targets.update(target)
        transaction.append(_target_event(target, "target.changed", {}))

    return change


def delete(target: Target) -> Callable[[Transaction], None]:
    """`target` as its last event leaves it."""

    def change(transaction: Transaction) -> None:
        transaction.targets.delete(target)
        transaction.append(_target_event(target, "target.removed", {}))

    return change


def later(target: Target) -> Target:
    """With room for one event more."""
    return replace(target, sequence=target.sequence + 1, changed_at_ns=target.changed_at_ns + 1)


def set_keys(target_id: str, keys: Sequence[SigningKey], owner: str = "owner") -> Callable[[Transaction], None]:
    """With an event, but without a new state of the target."""

    def change(transaction: Transaction) -> None:
        transaction.targets.set_signing_keys(owner, target_id, keys)
        sequence = transaction.last_sequence("target", target_id) + 1
        target = replace(SAMPLE_TARGET, id=target_id, sequence=sequence)
        transaction.append(_target_event(target, "target.key_rotated", {}))

    return change


async def keys_of(store: Store, target_id: str) -> list[SigningKey]:
    return list(await store.write(lambda transaction: transaction.targets.signing_keys(target_id)))


def an_execution(key: str, *steps: str, owner: str = "owner", sequence: int = 1) -> Execution:
    """`steps` are ids of targets and, with a slash or a letter in them, keys of executions to include."""
    return Execution(
        owner=owner,
        condition=parse_key(key),
        steps=tuple(step if step.isdecimal() else parse_key(step) for step in steps),
        sequence=sequence,
        created_at_ns=1_700_000_000_000_000_000,
        changed_at_ns=1_700_000_000_000_000_000 + sequence,
    )


def put_execution(execution: Execution) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.executions.put(execution)
        transaction.append(_execution_event(execution, "execution.set"))

    return change


def delete_execution(execution: Execution) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.executions.delete(execution)
        transaction.append(_execution_event(execution, "execution.removed"))

    return change


async def execution_of(store: Store, owner: str, key: str) -> Execution | None:
    return await store.write(lambda transaction: transaction.executions.get(owner, parse_key(key)))


def a_token(token_id: str, secret: str = "", created_at_ns: int = 1) -> Token:
    return Token(
        id=token_id,
        name=f"token {token_id}",
        owner="owner",
        permissions=frozenset({"target.read", "target.write"}),
        digest=hashlib.sha256((secret or token_id).encode()).digest(),
        created_at_ns=created_at_ns,
    )


def default_owner_and_worker_number(transaction: Transaction) -> tuple[str | None, int]:
    return transaction.instance.default_owner(), transaction.instance.next_worker_number()


async def token_of(store: Store, selector: bytes) -> Token | None:
    return (await store.admit(selector)).token


async def revision_of(store: Store, owner: str = "owner") -> int:
    return (await store.execution_snapshot(owner)).revision


def put(token: Token, event_type: str = "token.added") -> Callable[[Transaction], int]:
    """Returns the sequence of the event."""

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
        transaction.tokens.put(token)
        transaction.append(event)
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


def an_instance_key(key_id: str, created_at_ns: int = 1) -> InstanceKey:
    return InstanceKey(
        id=key_id,
        algorithm=KeyAlgorithm.ES256,
        public_jwk=f'{{"kid":"{key_id}"}}',
        sealed=b"sealed\0" + key_id.encode(),
        created_at_ns=created_at_ns,
        signs_from_ns=created_at_ns,
    )


def put_instance_key(key: InstanceKey) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.instance_keys.put(key)
        _append_of_key(transaction, key, "instance_key.added")

    return change


def delete_instance_key(key: InstanceKey) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        transaction.instance_keys.delete(key)
        _append_of_key(transaction, key, "instance_key.removed")

    return change


def _append_of_key(transaction: Transaction, key: InstanceKey, event_type: str) -> None:
    sequence = transaction.last_sequence("instance_key", key.id) + 1
    event = Event("owner", "instance_key", key.id, sequence, event_type, {}, "editor", key.created_at_ns)
    transaction.append(event)
