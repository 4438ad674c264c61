"""`actiond token`: administer tokens in the database itself. A running server applies a change to its next call."""

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn, cast

from actiond.actions.certificates import parse_name
from actiond.actions.errors import CertificateTakenError, StoreError, TokenNotFoundError
from actiond.actions.ids import MAX_WORKERS, IdGenerator
from actiond.actions.ports import Store
from actiond.actions.tokens import ALL_PERMISSIONS, Token, digest_of
from actiond.actions.use_cases.tokens import Tokens
from actiond.cli.store_command import Command, owner_of, print_table, printable, span_ns, utc
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, info, print_surely

_LAST_NS = 2**63 - 1
"""The latest time that the stores can hold, in the year 2262."""
_COLUMNS = ("ID", "NAME", "OWNER", "PERMISSIONS", "CREATED", "EXPIRES", "STATE", "CERTIFICATE")


async def _create(store: Store, arguments: Mapping[str, object]) -> None:
    name = printable("--name", arguments["name"])
    permissions = _permissions(cast("Sequence[str]", arguments["permissions"]))
    expires = None if arguments["expires"] is None else _expiry(str(arguments["expires"]), time.time_ns())
    certificate = None if arguments["certificate"] is None else _certificate(str(arguments["certificate"]))
    owner = await owner_of(store, arguments)
    # A command takes no worker number: those are for processes that make many ids.
    new_id = IdGenerator(secrets.randbelow(MAX_WORKERS), time.time_ns)
    secret = secrets.token_urlsafe(32)
    tokens = Tokens(store, time.time_ns)
    wanted = Token(
        id="",
        name=name,
        owner=owner,
        permissions=frozenset(permissions),
        digest=digest_of(secret),
        created_at_ns=time.time_ns(),
        expires_at_ns=expires,
        certificate=certificate,
    )
    try:
        token = await tokens.create(wanted, new_id)
    except CertificateTakenError as error:
        raise Failure(
            f"{certificate} is bound to token {error.token_id} ({error.token_name}); revoke that token first"
        ) from error
    until = f", until {utc(token.expires_at_ns)}" if token.expires_at_ns else ""
    info(f"token {token.id} for owner {token.owner}{until}; its secret, shown this once:")
    try:
        print_surely(secret)
    except OSError as error:
        await _revoke_unseen(tokens, token.id, error)


async def _revoke_unseen(tokens: Tokens, token_id: str, reason: OSError) -> NoReturn:
    """Revoke a token whose secret nobody has seen. Raise Failure."""
    failure = f"the secret of token {token_id} cannot be printed: {reason.strerror}"
    try:
        await tokens.revoke(token_id)
    except StoreError as error:
        raise Failure(f"{failure}; revoke the token") from error
    raise Failure(f"{failure}; the token is revoked") from reason


async def _list(store: Store, _arguments: Mapping[str, object]) -> None:
    now = time.time_ns()
    print_table([_COLUMNS, *(_row(token, now) for token in await store.tokens())])


async def _revoke(store: Store, arguments: Mapping[str, object]) -> None:
    token_id = str(arguments["id"])
    try:
        await Tokens(store, time.time_ns).revoke(token_id)
    except TokenNotFoundError as error:
        raise Failure(f"there is no token with the id {token_id!r}; `actiond token list` shows ids") from error
    info(f"token {token_id} is revoked")


COMMANDS: Mapping[str, Command] = {"create": _create, "list": _list, "revoke": _revoke}


def _permissions(wanted: Sequence[str]) -> frozenset[str]:
    """Return the permissions under the names that tokens hold. Raise SettingsError if one is unknown."""
    # These load protobuf, which the other commands do without.
    from actiond.api.permissions import other_names, permissions
    from actiond.api.served import SERVICES

    held = {name: name for name in (*permissions(SERVICES), ALL_PERMISSIONS)} | dict(other_names(SERVICES))
    for permission in wanted:
        if permission not in held:
            raise SettingsError(f"--permission: {permission!r} is none of {', '.join(sorted(held))}")
    return frozenset(held[permission] for permission in wanted)


def _certificate(text: str) -> str:
    try:
        return parse_name(text)
    except ValueError as error:
        raise SettingsError(f"--certificate: {error}") from error


def _expiry(text: str, now_ns: int) -> int:
    """Return the time that a span from now or an RFC 3339 time means, in nanoseconds since the epoch."""
    span = span_ns(text)
    at = _timestamp(text) if span is None else now_ns + span
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
        utc(token.created_at_ns),
        utc(token.expires_at_ns) if token.expires_at_ns else "never",
        _state(token, now_ns),
        token.certificate or "-",
    )


def _state(token: Token, now_ns: int) -> str:
    if token.is_active(now_ns):
        return "active"
    return "expired" if token.revoked_at_ns is None else "revoked"
