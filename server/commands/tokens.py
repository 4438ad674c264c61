"""`actiond token`: administers tokens on the store itself. A running server sees each change with the next call."""

import asyncio
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from server.actions.errors import TokenNotFoundError
from server.actions.ids import IdGenerator
from server.actions.ports import Store
from server.actions.tokens import ALL_PERMISSIONS, Token, Tokens
from server.announce import Failure, put, say
from server.settings import SettingsError
from server.storage.urls import DatabaseUrl, open_store

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LAST_NS = 2**63 - 1
"""What the stores can hold: the year 2262."""
_LONGEST = 200
_COLUMNS = ("ID", "NAME", "OWNER", "PERMISSIONS", "CREATED", "EXPIRES", "STATE")


def run(command: str, database: DatabaseUrl, arguments: Mapping[str, object]) -> int:
    """Runs `create`, `list` or `revoke`. Raises SettingsError, Failure and StoreError."""
    if database.path is None:
        raise SettingsError("--database: memory: lives in the server's own process; tokens cannot be reached there")
    if command != "create" and not database.path.exists():
        raise Failure(f"{database.path}: there is no such database")
    asyncio.run(_with_store(database, _COMMANDS[command], arguments))
    return 0


_Command = Callable[[Store, Mapping[str, object]], Awaitable[None]]


async def _with_store(database: DatabaseUrl, command: _Command, arguments: Mapping[str, object]) -> None:
    store = open_store(database)
    try:
        await command(store, arguments)
    finally:
        await store.close()


async def _create(store: Store, arguments: Mapping[str, object]) -> None:
    name = _text("--name", arguments["name"])
    permissions = _permissions(cast("Sequence[str]", arguments["permissions"]))
    expires = None if arguments["expires"] is None else _expiry(str(arguments["expires"]), time.time_ns())
    owner = arguments["owner"]
    owner = await _default_owner(store) if owner is None else _text("--owner", owner)
    number = await store.write(lambda transaction: transaction.next_worker_number())
    secret = secrets.token_urlsafe(32)
    token = await Tokens(store, time.time_ns).create(
        token_id=IdGenerator(number, time.time_ns)(),
        name=name,
        owner=owner,
        permissions=permissions,
        secret=secret,
        expires_at_ns=expires,
    )
    until = f", until {_time(token.expires_at_ns)}" if token.expires_at_ns else ""
    say(f"token {token.id} for owner {token.owner}{until}; its secret, shown this once:")
    try:
        sys.stdout.write(f"{secret}\n")
        sys.stdout.flush()
    except OSError as error:
        raise Failure(f"the secret cannot be printed: {error.strerror}; token {token.id} is best revoked") from error


async def _list(store: Store, _arguments: Mapping[str, object]) -> None:
    now = time.time_ns()
    rows = [_COLUMNS, *(_row(token, now) for token in await store.tokens())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _revoke(store: Store, arguments: Mapping[str, object]) -> None:
    token_id = str(arguments["id"])
    try:
        await Tokens(store, time.time_ns).revoke(token_id)
    except TokenNotFoundError as error:
        raise Failure(f"there is no token {token_id!r}") from error
    say(f"token {token_id} is revoked")


_COMMANDS: Mapping[str, _Command] = {"create": _create, "list": _list, "revoke": _revoke}


async def _default_owner(store: Store) -> str:
    owner = await store.write(lambda transaction: transaction.default_owner())
    if owner is None:
        raise Failure("the database has no default owner before the server's first start; give --owner")
    return owner


def _text(flag: str, value: object) -> str:
    text = str(value)
    if not 0 < len(text) <= _LONGEST or not text.isprintable() or text != text.strip():
        raise SettingsError(f"{flag}: needs 1 to {_LONGEST} printable characters, without spaces around them")
    return text


def _permissions(wanted: Sequence[str]) -> frozenset[str]:
    from server.api.options import permissions  # loads protobuf, which the other commands do without

    known = {*permissions(), ALL_PERMISSIONS}
    for permission in wanted:
        if permission not in known:
            raise SettingsError(f"--permission: {permission!r} is none of {', '.join(sorted(known))}")
    return frozenset(wanted)


def _expiry(text: str, now_ns: int) -> int:
    """A span from now, or a time of RFC 3339, in nanoseconds since the epoch."""
    span = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    at = now_ns + int(span[1]) * _UNITS[span[2]] * 10**9 if span else _timestamp(text)
    if not now_ns < at <= _LAST_NS:
        raise SettingsError(f"--expires: {text!r} is not between now and the year 2262")
    return at


def _timestamp(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        raise SettingsError(
            f"--expires: {text!r} is neither a span like 30d, 12h or 45m nor a time like 2030-01-31T12:00:00Z"
        )
    return int(moment.timestamp()) * 10**9


def _row(token: Token, now_ns: int) -> tuple[str, ...]:
    return (
        token.id,
        token.name,
        token.owner,
        ",".join(sorted(token.permissions)),
        _time(token.created_at_ns),
        _time(token.expires_at_ns) if token.expires_at_ns else "never",
        _state(token, now_ns),
    )


def _state(token: Token, now_ns: int) -> str:
    if token.is_active(now_ns):
        return "active"
    return "expired" if token.revoked_at_ns is None else "revoked"


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
