"""`actiond execution`: shows and deletes executions, the way back when an execution fails every call of the API."""

import time
from collections.abc import Mapping

from actiond.actions.actors import SYSTEM, Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import parse_key
from actiond.actions.errors import ExecutionNotFoundError
from actiond.actions.executions import Step
from actiond.actions.ports import Store
from actiond.actions.queries import MAX_PAGE_SIZE, ExecutionQuery, PageRequest
from actiond.actions.use_cases.executions import Executions
from actiond.cli.store_command import Command, owner_of, print_table
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, info

_COLUMNS = ("CONDITION", "CALLS")


async def _list(store: Store, arguments: Mapping[str, object]) -> None:
    owner = await owner_of(store, arguments)
    rows = [_COLUMNS]
    while True:
        found = await store.find_executions(
            owner, ExecutionQuery(PageRequest(len(rows) - 1, MAX_PAGE_SIZE, ascending=True))
        )
        rows += [(execution.condition.key, ", ".join(map(_word, execution.steps))) for execution in found.items]
        if len(found.items) < MAX_PAGE_SIZE:
            break
    print_table(rows)


def _word(step: Step) -> str:
    return step if isinstance(step, str) else f"include {step.key}"


async def _delete(store: Store, arguments: Mapping[str, object]) -> None:
    key = str(arguments["condition"])
    try:
        condition = parse_key(key)
    except ValueError as error:
        raise SettingsError(f"{key!r} is not a condition as `actiond execution list` prints it") from error
    owner = await owner_of(store, arguments)
    try:
        await Executions(store, time.time_ns, Catalogue()).delete(Actor(SYSTEM, owner), condition)
    except ExecutionNotFoundError as error:
        raise Failure(f"there is no execution {key!r}") from error
    info(f"execution {key} is deleted")


COMMANDS: Mapping[str, Command] = {"list": _list, "delete": _delete}
