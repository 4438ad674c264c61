"""`actiond execution`: list and delete executions, to recover from one that fails every call; match conditions."""

import time
from collections.abc import Mapping

from actiond.actions.actors import SYSTEM, Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import Condition, parse_key
from actiond.actions.errors import ExecutionNotFoundError, MatchInvalidError, MatchNotAllowedError
from actiond.actions.executions import Step
from actiond.actions.ports import Store
from actiond.actions.queries import MAX_PAGE_SIZE, ExecutionQuery, PageRequest
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.matching import Matching
from actiond.api.matching.conditions import CelConditions
from actiond.cli.store_command import Command, owner_of, print_table
from actiond.config.setting import SettingsError
from actiond.process.console import Failure, info, print_line

_COLUMNS = ("CONDITION", "MATCH", "CALLS")


async def _list(store: Store, arguments: Mapping[str, object]) -> None:
    owner = await owner_of(store, arguments)
    rows = [_COLUMNS]
    while True:
        found = await store.find_executions(
            owner, ExecutionQuery(PageRequest(len(rows) - 1, MAX_PAGE_SIZE, ascending=True))
        )
        rows += [
            (execution.condition.key, "yes" if execution.match else "-", ", ".join(map(_word, execution.steps)))
            for execution in found.items
        ]
        if len(found.items) < MAX_PAGE_SIZE:
            break
    print_table(rows)


def _word(step: Step) -> str:
    return step if isinstance(step, str) else f"include {step.key}"


async def _delete(store: Store, arguments: Mapping[str, object]) -> None:
    condition = _condition(arguments)
    owner = await owner_of(store, arguments)
    try:
        await Executions(store, time.time_ns, Catalogue()).delete(Actor(SYSTEM, owner), condition)
    except ExecutionNotFoundError as error:
        raise Failure(f"there is no execution {condition.key!r}") from error
    info(f"execution {condition.key} is deleted")


async def _match(store: Store, arguments: Mapping[str, object]) -> None:
    """Print the match condition of an execution, or change it."""
    condition = _condition(arguments)
    expression, removes = arguments["expression"], bool(arguments["remove"])
    if expression is not None and removes:
        raise SettingsError("EXPRESSION and --remove exclude each other")
    if expression == "":
        raise SettingsError("EXPRESSION: is empty; --remove removes the match condition")
    owner = await owner_of(store, arguments)
    matching, actor = Matching(store, time.time_ns, CelConditions()), Actor(SYSTEM, owner)
    try:
        if expression is None and not removes:
            _show(condition, (await matching.get(actor, condition)).match)
            return
        await matching.set_match(actor, condition, str(expression or ""))
    except ExecutionNotFoundError as error:
        raise Failure(f"there is no execution {condition.key!r}") from error
    except MatchNotAllowedError as error:
        raise Failure("only executions for requests and responses have match conditions") from error
    except MatchInvalidError as error:
        _show_position(str(expression), error)
        raise Failure(f"EXPRESSION: line {error.line}, column {error.column}: {error.reason}") from error
    info(f"execution {condition.key} is for {'all calls' if removes else 'the calls that match'}")


def _show(condition: Condition, expression: str) -> None:
    if expression:
        print_line(expression)
    else:
        info(f"execution {condition.key} has no match condition")


def _show_position(expression: str, error: MatchInvalidError) -> None:
    """Print the line with the error, and a caret below its position."""
    line = expression.split("\n")[error.line - 1]
    at = min(error.column - 1, len(line))
    begin = max(0, at - _MAX_LINE // 2)
    info("  " + "".join(one if one.isprintable() else " " for one in line[begin : begin + _MAX_LINE]))
    info("  " + " " * (at - begin) + "^")


def _condition(arguments: Mapping[str, object]) -> Condition:
    key = str(arguments["condition"])
    try:
        return parse_key(key)
    except ValueError as error:
        raise SettingsError(f"{key!r} is not a condition as `actiond execution list` prints it") from error


_MAX_LINE = 100
"""Characters that are shown of a line with an error."""

COMMANDS: Mapping[str, Command] = {"list": _list, "delete": _delete, "condition": _match}
