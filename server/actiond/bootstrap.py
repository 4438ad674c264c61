"""One-time start-up work: migrations, the default owner, the admin token, the encryption key, the instance key."""

import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from actiond.actions.errors import SecretTakenError, StoreError, TokenRevokedError
from actiond.actions.ids import MAX_WORKERS, IdGenerator
from actiond.actions.instance_keys import KeyAlgorithm
from actiond.actions.ports import Store
from actiond.actions.tokens import ALL_PERMISSIONS, Token, digest_of
from actiond.actions.use_cases.instance_keys import InstanceKeys, Preparation
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.descriptor_sets import DescriptorSetError, read_descriptor_sets
from actiond.config.groups import StoreSettings
from actiond.config.settings import Settings, SettingsError
from actiond.secrets import admin_token, encryption_keys
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.jose import can_open, new_key
from actiond.secrets.sealing import PREFIX_BYTES, Sealer
from actiond.storage.opening import open_store

_log = logging.getLogger(__name__)

ADMIN = "admin"
"""The id and the name of the admin token."""


async def prepare(settings: Settings, deliver_token: DeliverToken) -> None:
    """Check the files that the settings name, migrate the database, create its owner, its token and its keys.

    Everything that is opened is closed again. A store that does not outlive its process is left to `Application.open`.
    Raises SettingsError, StoreError, KeyFileError, and what `deliver_token` raises.
    """
    try:
        read_descriptor_sets(settings.api.descriptor_sets)
    except DescriptorSetError as error:
        raise SettingsError(f"--descriptor-set: {error}") from error
    if not settings.store.database.traits.outlives_process:
        return
    _refuse_secrets_without_database(settings.store)
    store = open_store(settings.store.database)
    try:
        await prepare_store(store, settings.api.admin_token, deliver_token)
        sealer = await _prepare_encryption_key(store, settings.store)
        await prepare_instance_keys(store, sealer, settings.delivery.jwt_algorithm)
    finally:
        await store.close()


def _refuse_secrets_without_database(settings: StoreSettings) -> None:
    """Raise StoreError if the database is missing or empty, but the secrets of one are there.

    A new installation would replace the admin token, and its targets' keys would be of no use to the one that is lost.
    """
    path, directory = settings.database.path, settings.secrets_dir
    if path is None or directory is None or (path.exists() and path.stat().st_size):
        return
    for name in (encryption_keys.FILE, admin_token.FILE):
        if (directory / name).is_file():
            raise StoreError(
                f"{path} is {'empty' if path.exists() else 'missing'}, but {directory / name} is there, and belongs to"
                " a database: put that one back, or move the file away for a new installation"
            )


async def _prepare_encryption_key(store: Store, settings: StoreSettings) -> Sealer:
    """Create the encryption key's file if it is needed and missing. Warn of targets that cannot be called.

    Either they have no signing key, or it was encrypted with a key that was lost, or that is in the directory that
    `--data-dir` should have named.
    """
    directory = settings.secrets_dir
    path = directory / encryption_keys.FILE if directory is not None and settings.encryption_keys is None else None
    is_new = path is not None and not os.access(path, os.F_OK)
    sealer = Sealer(encryption_keys.in_use(settings.encryption_keys, directory, may_create=True))
    counts = await store.newest_key_prefixes(PREFIX_BYTES)
    missing = counts.get(b"", 0)
    unknown = sum(count for prefix, count in counts.items() if prefix and not sealer.knows(prefix))
    if not missing and not unknown:
        return sealer
    _log.warning(
        "%sof %d targets, calls to %d fail, as their signing keys cannot be decrypted, and to %d, as they have none."
        " Restore the former encryption key or its --data-dir, or give each a new key (actiond target rotate-key)",
        f"{path} is a new encryption key, but the database has targets: " if is_new else "",
        sum(counts.values()),
        unknown,
        missing,
    )
    return sealer


_KEY_UNREADABLE = (
    "The instance key that signs tokens for targets cannot be decrypted, so a new one was made. If the encryption key"
    " was replaced by mistake, restore the former one or its --data-dir"
)
_ALGORITHM_CHANGED = "--jwt-algorithm has changed, so a new instance key was made, see `actiond key list`"
_TOO_MANY_KEYS = (
    "--jwt-algorithm has changed, but no instance key was made, as too many are published, see `actiond key list`; the"
    " next start tries again"
)
_REPORTS: Mapping[Preparation, tuple[int, str]] = {
    Preparation.UNREADABLE: (logging.WARNING, _KEY_UNREADABLE),
    Preparation.OTHER_ALGORITHM: (logging.INFO, _ALGORITHM_CHANGED),
    Preparation.TOO_MANY: (logging.WARNING, _TOO_MANY_KEYS),
}
"""What is logged of the preparation of instance keys."""


async def prepare_instance_keys(store: Store, sealer: Sealer, algorithm: KeyAlgorithm) -> None:
    """Make the key with which payloads are signed, if there is none that can be used, or of this algorithm."""
    use_cases = InstanceKeys(store, time.time_ns, partial(new_key, sealer), partial(can_open, sealer))
    report = _REPORTS.get(await use_cases.prepare(algorithm))
    if report is not None:
        _log.log(*report)


async def default_owner(store: Store) -> str | None:
    """Return the resource owner made at the first start; None before it."""
    return await store.write(lambda transaction: transaction.instance.default_owner())


async def prepare_store(store: Store, admin_token: str | None, deliver_token: DeliverToken) -> None:
    """Create the store's owner and its admin token if they are missing.

    `admin_token` is the secret that the admin token must have. Without it the first start generates one, and
    delivers it before storing it. What has been revoked stays revoked.

    Raises SettingsError if the secret cannot be the admin token's.
    """
    # A start takes one worker number, when it begins to serve. What it makes here are two ids at most.
    new_id = IdGenerator(secrets.randbelow(MAX_WORKERS), time.time_ns)
    secret = admin_token or secrets.token_urlsafe(32)
    admin = Token(
        id=ADMIN,
        name=ADMIN,
        owner=new_id(),
        permissions=frozenset({ALL_PERMISSIONS}),
        digest=digest_of(secret),
        created_at_ns=time.time_ns(),
    )
    tokens = Tokens(store, time.time_ns)
    is_given = admin_token is not None
    owner, made = await tokens.first_start(admin, lambda: None if is_given else deliver_token(secret))
    if made or not is_given:
        return
    try:
        await tokens.set_secret(replace(admin, owner=owner), new_id)
    except TokenRevokedError as error:
        raise SettingsError(
            f"ACTIOND_ADMIN_TOKEN: this secret was revoked with token {error.token_id}: give another"
        ) from error
    except SecretTakenError as error:
        raise SettingsError(f"ACTIOND_ADMIN_TOKEN: token {error.token_id} has the same secret: give another") from error


async def worker_number(store: Store) -> int:
    """Return a number for a process that serves, which no other one has had."""
    return await store.write(lambda transaction: transaction.instance.next_worker_number())
