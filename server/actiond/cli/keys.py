"""`actiond key`: list the instance keys, and rotate them. A running server follows within seconds."""

import time
from collections.abc import Mapping
from functools import partial
from typing import cast

from actiond.actions.errors import NotStartedError, TooManyInstanceKeysError
from actiond.actions.instance_keys import (
    CACHED_SECONDS,
    DEFAULT_AHEAD_NS,
    InstanceKey,
    KeyAlgorithm,
    may_sign,
    published,
)
from actiond.actions.ports import Store
from actiond.actions.use_cases.instance_keys import InstanceKeys
from actiond.cli.store_command import STORE_SETTINGS, Command, print_table, span_ns, utc
from actiond.config.groups import StoreSettings
from actiond.config.setting import SettingsError
from actiond.config.setting_parsers import key_algorithm
from actiond.process.console import Failure, info
from actiond.secrets import encryption_keys
from actiond.secrets.sealing import Sealer

_COLUMNS = ("ID", "ALGORITHM", "STATE", "CREATED", "SIGNS FROM", "PUBLISHED UNTIL")
_DAY_NS = 86_400 * 1_000_000_000
MAX_AHEAD_DAYS = 7
MAX_OVERLAP_DAYS = 366


async def _list(store: Store, _arguments: Mapping[str, object]) -> None:
    now = time.time_ns()
    keys = published(await store.instance_keys(), now)
    signing = may_sign(keys, now)[:1]
    print_table([_COLUMNS, *(_row(key, _state(key, signing, now)) for key in keys)])


async def _rotate(store: Store, arguments: Mapping[str, object]) -> None:
    # It loads joserfc, which the other commands do without.
    from actiond.secrets.jose import can_open, new_key

    algorithm = None if arguments["algorithm"] is None else _algorithm(str(arguments["algorithm"]))
    ahead = _span(arguments, "ahead", MAX_AHEAD_DAYS)
    overlap = _span(arguments, "overlap", MAX_OVERLAP_DAYS)
    # The server could not use a key that was encrypted with one that was made here.
    settings = cast("StoreSettings", arguments[STORE_SETTINGS])
    sealer = Sealer(encryption_keys.in_use(settings.encryption_keys, settings.secrets_dir, may_create=False))
    use_cases = InstanceKeys(store, time.time_ns, partial(new_key, sealer), partial(can_open, sealer))
    try:
        rotation = await use_cases.rotate(algorithm, ahead_ns=ahead, overlap_ns=overlap)
    except NotStartedError as error:
        raise Failure("the database has no keys before the server's first start") from error
    except TooManyInstanceKeysError as error:
        raise Failure(
            f"{error.maximum} keys are published already: wait until some expire, as `actiond key list` shows, or"
            " withdraw them all with --ahead 0s --overlap 0s"
        ) from error
    key = rotation.key
    former = (
        f"those before it are published for {arguments['overlap']} after that"
        if overlap
        else "those before it are not published any more from then on"
    )
    info(f"key {key.id} ({key.algorithm.value}) signs from {utc(key.signs_from_ns)}; {former}")
    if 0 < ahead < DEFAULT_AHEAD_NS:
        info(f"receivers may cache the keys for {CACHED_SECONDS}s, and may meet this one before they know it")
    if rotation.withdrawn:
        withdrawn = [other.id for other in rotation.withdrawn]
        info(f"withdrawn, as it would have begun to sign later: {', '.join(withdrawn)}")


COMMANDS: Mapping[str, Command] = {"list": _list, "rotate": _rotate}


def _algorithm(text: str) -> KeyAlgorithm:
    try:
        return key_algorithm(text)
    except ValueError as error:
        raise SettingsError(f"--algorithm: {error}") from error


def _span(arguments: Mapping[str, object], name: str, max_days: int) -> int:
    span = span_ns(str(arguments[name]))
    if span is None or span > max_days * _DAY_NS:
        raise SettingsError(f"--{name}: {arguments[name]!r} is not a span like 24h, 45m or 0s, of {max_days}d at most")
    return span


def _state(key: InstanceKey, signing: list[InstanceKey], now_ns: int) -> str:
    if key in signing:
        return "signing"
    return "former" if key.signs_from_ns <= now_ns else "next"


def _row(key: InstanceKey, state: str) -> tuple[str, ...]:
    until = "-" if key.expires_at_ns is None else utc(key.expires_at_ns)
    return key.id, key.algorithm.value, state, utc(key.created_at_ns), utc(key.signs_from_ns), until
