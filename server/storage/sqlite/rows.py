"""Rows of the tables and the domain's values: the SQL, and the way there and back.

What a row holds that the domain cannot take raises ValueError.
"""
# ruff: noqa: S608, the statements are built of constants alone

import json
from functools import lru_cache
from typing import Any

from server.actions.events import Event
from server.actions.targets import Target, TargetType
from server.actions.tokens import Token

# What sqlite3 hands over: the columns' types are the schema's promise, which STRICT keeps.
Row = tuple[Any, ...]

_TARGET = "id, owner, name, type, interrupt_on_error, timeout_seconds, timeout_nanos, endpoint, sequence, changed_at_ns"
_TOKEN = "id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns"  # noqa: S105, columns
_EVENT = "owner, aggregate_type, aggregate_id, sequence, type, payload, editor, created_at_ns"

# Adds no row when the owner has a target of that name.
INSERT_TARGET = f"""
INSERT INTO targets ({_TARGET}, name_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (owner, name_key) DO NOTHING
"""
TARGET_BY_ID = f"SELECT {_TARGET} FROM targets WHERE id = ? AND owner = ?"

PUT_TOKEN = f"""
INSERT INTO tokens ({_TOKEN}, selector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    selector = excluded.selector, name = excluded.name, owner = excluded.owner, permissions = excluded.permissions,
    digest = excluded.digest, created_at_ns = excluded.created_at_ns, expires_at_ns = excluded.expires_at_ns,
    revoked_at_ns = excluded.revoked_at_ns
"""
TOKEN_BY_ID = f"SELECT {_TOKEN} FROM tokens WHERE id = ?"
TOKEN_BY_SELECTOR = f"SELECT {_TOKEN} FROM tokens WHERE selector = ?"
ALL_TOKENS = f"SELECT {_TOKEN} FROM tokens ORDER BY created_at_ns, id"

APPEND_EVENT = f"INSERT INTO events ({_EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
EVENTS_OF_AGGREGATE = f"SELECT {_EVENT} FROM events WHERE aggregate_type = ? AND aggregate_id = ? ORDER BY sequence"
LAST_SEQUENCE = "SELECT coalesce(max(sequence), 0) FROM events WHERE aggregate_type = ? AND aggregate_id = ?"

DEFAULT_OWNER = "SELECT default_owner FROM instance"
SET_DEFAULT_OWNER = "UPDATE instance SET default_owner = ?"
NEXT_WORKER = "UPDATE instance SET next_worker = next_worker + 1 RETURNING next_worker - 1"

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_NANOS = 1_000_000_000


def target_to_row(target: Target) -> Row:
    """For INSERT_TARGET."""
    seconds, nanos = divmod(target.timeout_ns, _NANOS)
    return (
        target.id,
        target.owner,
        target.name,
        target.type.value,
        target.interrupt_on_error,
        seconds,
        nanos,
        target.endpoint,
        target.sequence,
        target.changed_at_ns,
        target.name_key,
    )


def target_of(row: Row) -> Target:
    """What TARGET_BY_ID found."""
    target_id, owner, name, kind, interrupt_on_error, seconds, nanos, endpoint, sequence, changed_at_ns = row
    return Target(
        id=target_id,
        owner=owner,
        name=name,
        type=TargetType(kind),
        interrupt_on_error=bool(interrupt_on_error),
        timeout_ns=seconds * _NANOS + nanos,
        endpoint=endpoint,
        sequence=sequence,
        changed_at_ns=changed_at_ns,
    )


def token_to_row(token: Token) -> Row:
    """For PUT_TOKEN."""
    return (
        token.id,
        token.name,
        token.owner,
        _encode(sorted(token.permissions)),
        token.digest,
        token.created_at_ns,
        token.expires_at_ns,
        token.revoked_at_ns,
        token.selector,
    )


@lru_cache(maxsize=1024)
def token_of(row: Row) -> Token:
    """What the statements on tokens found.

    Remembered by the whole row: every call reads its token's row, and few rows differ from the one before.
    """
    token_id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns = row
    return Token(
        id=token_id,
        name=name,
        owner=owner,
        permissions=frozenset(json.loads(permissions)),
        digest=digest,
        created_at_ns=created_at_ns,
        expires_at_ns=expires_at_ns,
        revoked_at_ns=revoked_at_ns,
    )


def event_to_row(event: Event) -> Row:
    """For APPEND_EVENT."""
    return (
        event.owner,
        event.aggregate_type,
        event.aggregate_id,
        event.sequence,
        event.type,
        _encode(event.payload),
        event.editor,
        event.created_at_ns,
    )


def event_of(row: Row) -> Event:
    """What EVENTS_OF_AGGREGATE found."""
    owner, aggregate_type, aggregate_id, sequence, kind, payload, editor, created_at_ns = row
    return Event(
        owner=owner,
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        sequence=sequence,
        type=kind,
        payload=json.loads(payload),
        editor=editor,
        created_at_ns=created_at_ns,
    )
