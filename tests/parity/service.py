"""The service that the table is run against: where it listens, who may call it, and the drivers by their names."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from server.actions.events import Event
from server.actions.ports import Store
from server.actions.targets import Target, TargetType
from server.actions.tokens import Tokens
from server.storage.urls import open_store, parse_database_url
from tests.parity import rows_auth
from tests.parity.drivers import Driver, Grpc, GrpcWeb, Json
from tests.parity.rows_fields import FOREIGN_ID
from tests.parity.rows_good import FOREIGN_NAME

PERMISSIONS = ("execution.target.read", "execution.target.write")
FOREIGN_OWNER = "300000000000000001"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the service listens."""

    grpc: int
    http: int
    envoy: int = 0


Connect = Callable[[Ports, str], Driver]
"""A driver with a token, on a connection of its own."""

DRIVERS: dict[str, tuple[str, Connect]] = {
    "grpc": ("grpc", lambda ports, token: Grpc(ports.grpc, token)),
    "grpc-web": ("grpc-web", lambda ports, token: GrpcWeb(ports.http, token)),
    "grpc-web-text": ("grpc-web", lambda ports, token: GrpcWeb(ports.http, token, text=True)),
    "json": ("json", lambda ports, token: Json(ports.http, token)),
    "envoy-grpc-web": ("grpc-web", lambda ports, token: GrpcWeb(ports.envoy, token, envoy=True)),
    "envoy-grpc-web-text": ("grpc-web", lambda ports, token: GrpcWeb(ports.envoy, token, text=True, envoy=True)),
    "envoy-json": ("json", lambda ports, token: Json(ports.envoy, token, envoy=True)),
}
"""The drivers: each one's protocol, and how it connects."""

DIRECT = [name for name in DRIVERS if not name.startswith("envoy-")]


def owner_of(driver: str) -> str:
    """The resource owner of a driver's token: names are unique within an owner, so each driver has its own."""
    return str(100000000000000001 + list(DRIVERS).index(driver))


def token_of(driver: str) -> str:
    return f"the-token-of-{driver}"


async def seed(database: str) -> None:
    """Gives a running server's database the tokens and the target that the rows speak of."""
    store = open_store(parse_database_url(database))
    try:
        tokens = Tokens(store, time.time_ns)
        for driver in DRIVERS:
            await _add(tokens, token_of(driver), owner_of(driver), *PERMISSIONS)
        owner = owner_of("grpc")
        await _add(tokens, rows_auth.READER, owner, "execution.target.read")
        await _add(tokens, rows_auth.WRITER, owner, "execution.target.write")
        await _add(tokens, rows_auth.POWERLESS, owner)
        await _add(tokens, rows_auth.EXPIRED, owner, *PERMISSIONS, expires_at_ns=time.time_ns() - 1)
        await _add(tokens, rows_auth.REVOKED, owner, *PERMISSIONS)
        await tokens.revoke(rows_auth.REVOKED)
        await _add_foreign_target(store)
    finally:
        await store.close()


async def _add(tokens: Tokens, secret: str, owner: str, *permissions: str, expires_at_ns: int | None = None) -> None:
    await tokens.create(
        token_id=secret, name=secret, owner=owner, permissions=permissions, secret=secret, expires_at_ns=expires_at_ns
    )


async def _add_foreign_target(store: Store) -> None:
    now = time.time_ns()
    target = Target(FOREIGN_ID, FOREIGN_OWNER, FOREIGN_NAME, TargetType.ASYNC, False, 1, "https://example.com", 1, now)
    event = Event(FOREIGN_OWNER, "target", FOREIGN_ID, 1, "target.added", {}, "tests", now)
    await store.write(lambda transaction: transaction.insert_target(target, event))
