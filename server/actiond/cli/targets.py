"""`actiond target`: list targets and their health, give one a new signing key, test it, and resume one."""

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from typing import cast

from actiond.actions.actors import SYSTEM, Actor
from actiond.actions.deliveries import OK
from actiond.actions.errors import TargetNotFoundError
from actiond.actions.ids import MAX_WORKERS, IdGenerator
from actiond.actions.ports import Store
from actiond.actions.queries import MAX_PAGE_SIZE, PageRequest, TargetField, TargetQuery
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target
from actiond.actions.use_cases.targets import SigningKeys
from actiond.cli.deliveries import use_cases
from actiond.cli.store_command import STORE_SETTINGS, Command, owner_of, print_table, span_ns
from actiond.client.signature import whsec
from actiond.config.groups import DeliverySettings, QueueSettings, StoreSettings
from actiond.config.setting import SettingsError, read_group
from actiond.process.console import Failure, info, print_surely
from actiond.secrets import encryption_keys
from actiond.secrets.sealing import Sealer, make_key

_COLUMNS = ("ID", "NAME", "TYPE", "STATE", "FAILURES", "LAST")


async def _rotate_key(store: Store, arguments: Mapping[str, object]) -> None:
    target_id = str(arguments["id"])
    overlap = span_ns(str(arguments["overlap"]))
    if overlap is None:
        raise SettingsError(f"--overlap: {arguments['overlap']!r} is not a span like 24h, 45m or 0s")
    # The server would not know a key that was made here.
    settings = cast("StoreSettings", arguments[STORE_SETTINGS])
    keys = encryption_keys.in_use(settings.encryption_keys, settings.secrets_dir, may_create=False)
    owner = await owner_of(store, arguments)
    try:
        signing_keys = SigningKeys(store, time.time_ns, make_key(Sealer(keys)))
        key = await signing_keys.rotate(Actor(SYSTEM, owner), target_id, overlap)
    except TargetNotFoundError as error:
        raise Failure(f"there is no target {target_id!r}") from error
    info(f"New signing key of target {target_id}, shown only once; previous keys also sign for {arguments['overlap']}:")
    try:
        print_surely(key)
    except OSError as error:
        raise Failure(
            f"the new signing key of target {target_id} cannot be printed: {error.strerror}; rotate it again"
        ) from error
    info(f"The same key for Standard Webhooks libraries: {whsec(key)}")


async def _resume(store: Store, arguments: Mapping[str, object]) -> None:
    target_id = str(arguments["id"])
    actor = Actor(SYSTEM, await owner_of(store, arguments))
    deliveries = use_cases(store)
    try:
        health = (await deliveries.report(actor, target_id)).health
        await deliveries.resume(actor, target_id)
    except TargetNotFoundError as error:
        raise Failure(f"there is no target {target_id!r}") from error
    info(f"target {target_id} {'is resumed' if health is not None and health.is_paused else 'was not paused'}")


async def _test(store: Store, arguments: Mapping[str, object]) -> None:
    # These load what calls targets, which the other commands do without.
    from actiond import __version__
    from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
    from actiond.delivery.egress.policy import AddressGuard
    from actiond.delivery.outcomes import Outcome
    from actiond.delivery.payload_encoder import PayloadEncoder
    from actiond.delivery.signer import Signer
    from actiond.executions.target_test import TargetTester, TesterLimits
    from actiond.secrets.instance_key_ring import InstanceKeyRing

    target_id = str(arguments["id"])
    settings = cast("StoreSettings", arguments[STORE_SETTINGS])
    calls = read_group(DeliverySettings, arguments, os.environ)
    queue = read_group(QueueSettings, arguments, os.environ)
    keys = encryption_keys.in_use(settings.encryption_keys, settings.secrets_dir, may_create=False)
    owner = await owner_of(store, arguments)
    instance = await store.write(lambda transaction: transaction.instance.default_owner())
    guard = AddressGuard(calls.allow_addresses, calls.deny_addresses)
    sealer = Sealer(keys)
    encoder = PayloadEncoder(InstanceKeyRing(store, sealer), lambda _owner, work: asyncio.to_thread(work))
    egress = Egress(guard, Signer(sealer), f"actiond/{__version__}", encoder=encoder)
    client = TargetClient(egress, DeliveryLimits())
    limits = TesterLimits(instance or "", worker=0, timeout_ns=queue.delivery_timeout_ms * 1_000_000)
    new_id = IdGenerator(secrets.randbelow(MAX_WORKERS), time.time_ns)
    try:
        result = await TargetTester(store, client, new_id, limits).test(Actor(SYSTEM, owner), target_id)
    except TargetNotFoundError as error:
        raise Failure(f"there is no target {target_id!r}") from error
    finally:
        await client.close()
    status = "" if result.status is None else f" {result.status}"
    if result.outcome != OK:
        hint = "; allow the address with --allow-address" if result.outcome == Outcome.ADDRESS_DENIED.value else ""
        raise Failure(f"the test of target {target_id} failed: {result.outcome}{status}{hint}")
    info(f"target {target_id} has accepted the test with status{status}, after {result.seconds * 1000:.0f} ms")


async def _list(store: Store, arguments: Mapping[str, object]) -> None:
    owner = await owner_of(store, arguments)
    rows: list[tuple[str, ...]] = [_COLUMNS]
    while True:
        page = PageRequest(len(rows) - 1, MAX_PAGE_SIZE, ascending=True)
        found = (await store.find_targets(owner, TargetQuery(page, TargetField.NAME))).items
        rows += [_row(target, (await store.target_report(owner, target.id)).health) for target in found]
        if len(found) < MAX_PAGE_SIZE:
            break
    print_table(rows)


def _row(target: Target, health: TargetHealth | None) -> tuple[str, ...]:
    if health is None:
        return target.id, target.name, target.type.value, "healthy", "0", "-"
    state = "healthy"
    if health.is_held:
        state = "held"
    elif health.is_paused:
        state = "paused"
    elif health.portion:
        state = "recovering"
    return target.id, target.name, target.type.value, state, str(health.failures), health.reason or "-"


COMMANDS: Mapping[str, Command] = {"list": _list, "rotate-key": _rotate_key, "test": _test, "resume": _resume}
