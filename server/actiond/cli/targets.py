"""`actiond target`: give a target a new signing key, and resume one that is paused."""

import time
from collections.abc import Mapping
from typing import cast

from actiond.actions.actors import SYSTEM, Actor
from actiond.actions.errors import TargetNotFoundError
from actiond.actions.ports import Store
from actiond.actions.use_cases.targets import SigningKeys
from actiond.cli.deliveries import use_cases
from actiond.cli.store_command import STORE_SETTINGS, Command, owner_of, span_ns
from actiond.client.signature import whsec
from actiond.config.groups import StoreSettings
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, info, print_surely
from actiond.secrets import encryption_keys
from actiond.secrets.sealing import Sealer, make_key


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


COMMANDS: Mapping[str, Command] = {"rotate-key": _rotate_key, "resume": _resume}
