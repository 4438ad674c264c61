"""What the commands share: opening the store, whose resources are meant, reading spans of time, printing tables."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from actiond.actions.ports import Store
from actiond.config.groups import StoreSettings
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, print_line
from actiond.storage.opening import open_store

Command = Callable[[Store, Mapping[str, object]], Awaitable[None]]
"""Is given the arguments of the command line, and under STORE_SETTINGS the settings of the store."""
STORE_SETTINGS = "store_settings"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 200


def run(
    settings: StoreSettings, command: Command, arguments: Mapping[str, object], *, may_create: bool = False
) -> None:
    """Run a command on the store, which must exist unless `may_create`.

    Raise SettingsError, Failure and StoreError.
    """
    if not settings.database.traits.shared_by_processes:
        raise SettingsError("--database: memory: lives in the server's own process; it cannot be reached from here")
    asyncio.run(_run_on_store(settings, command, arguments, must_exist=not may_create))


async def _run_on_store(
    settings: StoreSettings, command: Command, arguments: Mapping[str, object], *, must_exist: bool
) -> None:
    store = open_store(settings.database, must_exist=must_exist)
    try:
        await command(store, {**arguments, STORE_SETTINGS: settings})
    finally:
        await store.close()


async def owner_of(store: Store, arguments: Mapping[str, object]) -> str:
    """The resource owner that is meant: the default one unless `--owner` names another."""
    given = arguments["owner"]
    if given is not None:
        return printable("--owner", given)
    owner = await store.write(lambda transaction: transaction.instance.default_owner())
    if owner is None:
        raise Failure("the database has no default owner before the server's first start; give --owner")
    return owner


def printable(flag: str, value: object) -> str:
    """A text that fits on a line. Raises SettingsError."""
    text = str(value)
    if not 0 < len(text) <= _LONGEST or not text.isprintable() or text != text.strip():
        raise SettingsError(f"{flag}: needs 1 to {_LONGEST} printable characters, without spaces around them")
    return text


def span_ns(text: str) -> int | None:
    """A span such as 30d, 12h, 45m or 10s, in nanoseconds; None for what is none."""
    span = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    return int(span[1]) * _UNITS[span[2]] * 10**9 if span else None


def print_secret(secret: str, name: str, remedy: str) -> None:
    """Prints it, alone on standard output. Raises Failure, with the remedy, when nobody can be shown it."""
    try:
        sys.stdout.write(f"{secret}\n")
        sys.stdout.flush()
    except OSError as error:
        raise Failure(f"the {name} cannot be printed: {error.strerror}; {remedy}") from error


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints the rows, the first of which is the head, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
