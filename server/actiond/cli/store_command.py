"""What the commands share: open the store, find the resource owner, parse spans of time, print times and tables."""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from actiond.actions.ids import MAX_WORKERS, IdGenerator
from actiond.actions.ports import Store
from actiond.actions.use_cases.fan_out import EventFanOut
from actiond.config.groups import StoreSettings
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, print_line
from actiond.storage.opening import open_store
from actiond.telemetry.escaping import escaped

Command = Callable[[Store, Mapping[str, object]], Awaitable[None]]
"""Is given the arguments of the command line, and under STORE_SETTINGS the settings of the store."""
STORE_SETTINGS = "store_settings"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_TEXT = 200
"""Characters of a name or an id on the command line."""


def run(
    settings: StoreSettings, command: Command, arguments: Mapping[str, object], *, may_create: bool = False
) -> None:
    """Run a command on the store, which must exist unless `may_create`.

    Raise SettingsError, Failure and StoreError.
    """
    if not settings.database.traits.shared_by_processes:
        raise SettingsError("--database: memory: exists only inside the server's process; a command cannot open it")
    asyncio.run(_run_on_store(settings, command, arguments, must_exist=not may_create))


async def _run_on_store(
    settings: StoreSettings, command: Command, arguments: Mapping[str, object], *, must_exist: bool
) -> None:
    store = open_store(settings.database, must_exist=must_exist)
    # What a command changes is delivered by the workers. It takes no worker number: those are for processes that make
    # many ids.
    store.deliver(EventFanOut(IdGenerator(secrets.randbelow(MAX_WORKERS), time.time_ns)), lambda: None)
    try:
        await command(store, {**arguments, STORE_SETTINGS: settings})
    finally:
        await store.close()


async def owner_of(store: Store, arguments: Mapping[str, object]) -> str:
    """Return the resource owner: the one that `--owner` names, else the default one."""
    given = arguments["owner"]
    if given is not None:
        return printable("--owner", given)
    owner = await store.write(lambda transaction: transaction.instance.default_owner())
    if owner is None:
        raise Failure("the database has no default owner before the server's first start; give --owner")
    return owner


def printable(flag: str, value: object) -> str:
    """Return a text that fits on a line. Raise SettingsError."""
    text = str(value)
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable() or text != text.strip():
        raise SettingsError(f"{flag}: needs 1 to {MAX_TEXT} printable characters, without spaces around them")
    return text


def span_ns(text: str) -> int | None:
    """Return a span such as 30d, 12h, 45m or 10s in nanoseconds; None for any other text."""
    span = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    return int(span[1]) * _UNITS[span[2]] * 10**9 if span else None


def utc(ns: int) -> str:
    """Return a moment, in nanoseconds since the epoch, as RFC 3339 in seconds."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns. The first row is the head. What is not printable is escaped."""
    rows = [tuple(map(escaped, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
