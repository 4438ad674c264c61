"""The service that the table is run against: who may call it, and what it holds."""

import asyncio
import time
from collections.abc import Iterator
from functools import cache

from actiond.actions.events import Event
from actiond.actions.ports import Store, Transaction
from actiond.actions.targets import Target, TargetType
from actiond.actions.use_cases.tokens import Tokens
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from tests.parity import delivery_shelf, execution_shelf, rows_auth, shelf
from tests.parity.callers import READ_TARGETS, WRITE_TARGETS, Caller, limited
from tests.parity.rows_fields import FOREIGN_ID
from tests.parity.rows_good import FOREIGN_NAME
from tests.parity.scenarios import SCENARIOS
from tests.parity.v2_calls import READER
from tests.support.action_service.connections import DRIVERS
from tests.support.tokens import make_token

FOREIGN_OWNER = "300000000000000001"
LONE_OWNER = 400000000000000001


def owner_of(driver: str) -> str:
    """The resource owner of a driver's token: names are unique within an owner, so each driver has its own."""
    return str(100000000000000001 + list(DRIVERS).index(driver))


def token_of(driver: str) -> str:
    return f"the-token-of-{driver}"


@cache
def lone_callers() -> dict[tuple[str, str], Caller]:
    """Who runs the scenarios that stand alone, by scenario and driver."""
    runs = [
        (scenario.id, driver)
        for scenario in SCENARIOS
        for driver, (protocol, _) in DRIVERS.items()
        if scenario.alone and scenario.runs_over(driver, protocol)
    ]
    return {run: Caller(f"the-token-of-lone-run-{number}", str(LONE_OWNER + number)) for number, run in enumerate(runs)}


async def seed(database: str) -> None:
    """Gives a running server's database the tokens, targets and executions that the rows speak of."""
    store = open_store(parse_database_url(database))
    try:
        # First, so that the store's last event is of today.
        await shelf.fill(store)
        await delivery_shelf.fill(store, [*map(owner_of, DRIVERS)])
        await execution_shelf.fill(store)
        await _add_foreign_target(store)
        tokens = Tokens(store, time.time_ns)
        await asyncio.gather(*(_add(tokens, caller) for caller in _callers()))
        past = time.time_ns() - 1
        await _add(tokens, Caller(rows_auth.EXPIRED, owner_of("grpc")), expires_at_ns=past)
        await _add(tokens, Caller(rows_auth.REVOKED, owner_of("grpc")))
        await tokens.revoke(rows_auth.REVOKED)
    finally:
        await store.close()


def _callers() -> Iterator[Caller]:
    """All whose tokens are good."""
    for driver in DRIVERS:
        yield Caller(token_of(driver), owner_of(driver))
        yield Caller(f"{token_of(driver)}{READER}", owner_of(driver), (READ_TARGETS,))
    owner = owner_of("grpc")
    yield Caller(rows_auth.READER, owner, (READ_TARGETS,))
    yield Caller(rows_auth.WRITER, owner, (WRITE_TARGETS,))
    yield Caller(rows_auth.POWERLESS, owner, ())
    yield from limited()
    yield from shelf.CALLERS
    yield delivery_shelf.CALLER
    yield execution_shelf.CALLER
    yield from lone_callers().values()


async def _add(tokens: Tokens, caller: Caller, expires_at_ns: int | None = None) -> None:
    await tokens.add(make_token(caller.secret, caller.owner, caller.permissions, expires_at_ns=expires_at_ns))


async def _add_foreign_target(store: Store) -> None:
    now = time.time_ns()
    endpoint = "https://example.com"
    target = Target(FOREIGN_ID, FOREIGN_OWNER, FOREIGN_NAME, TargetType.ASYNC, False, 1, endpoint, 1, now, now)
    event = Event(FOREIGN_OWNER, "target", FOREIGN_ID, 1, "target.added", {}, "tests", now)

    def change(transaction: Transaction) -> None:
        transaction.targets.insert(target, ())
        transaction.append(event)

    await store.write(change)
