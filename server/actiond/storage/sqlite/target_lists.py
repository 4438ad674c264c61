"""Builds the SQL for lists of targets. Tests of the query plans ensure that lists stay cheap.

If no filter can use an index, SQLite walks the index of the sort order up to the end of the page; otherwise it sorts
the rows that pass the filter.
"""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from actiond.actions.queries import IdsQuery, NameQuery, TargetField, TargetQuery, TextMethod
from actiond.actions.targets import TargetType
from actiond.storage.sqlite import targets
from actiond.storage.sqlite.rows import MAX_INTEGER, Row, Statement, json_list

_LAST_CHARACTER = chr(0x10FFFF)

_ORDER: Mapping[TargetField, Sequence[str]] = {
    TargetField.ID: (),
    TargetField.CREATION_DATE: ("created_at_ns",),
    TargetField.CHANGE_DATE: ("changed_at_ns",),
    TargetField.NAME: ("name",),
    TargetField.TARGET_TYPE: ("type",),
    TargetField.URL: ("endpoint",),
    TargetField.TIMEOUT: ("timeout_seconds", "timeout_nanos"),
    TargetField.ASYNC: ("is_async",),
    TargetField.INTERRUPT_ON_ERROR: ("interrupt_on_error",),
}

# Sort orders that share the index `targets_by_kind`, which consists of these ranges, each of them sorted by id.
_MERGED = {TargetField.TARGET_TYPE, TargetField.ASYNC, TargetField.INTERRUPT_ON_ERROR}
_RANGES = tuple(
    f"type = '{kind.value}' AND is_async = {int(not kind.waits)} AND interrupt_on_error = {interrupts}"
    for kind, interrupts in product(TargetType, (0, 1))
)


@dataclass(frozen=True, slots=True)
class _Condition:
    sql: str
    parameters: Row
    narrows: bool
    """Whether an index finds the matching rows among an owner's targets."""


def page_statement(owner: str, query: TargetQuery) -> Statement:
    """Return the statement that selects the ids of a page, in order, as the last column.

    It selects only columns of an index, so that skipping rows up to the offset reads none of them from the table.
    """
    conditions = _conditions(owner, query.filters)
    narrows = any(condition.narrows for condition in conditions)
    where, parameters = _all_of(conditions)
    columns = (*_ORDER[query.field], "id_length", "id")
    ranges = _RANGES if query.field in _MERGED and not query.filters else ("TRUE",)
    select = f"SELECT {', '.join(columns)} FROM targets WHERE {where} AND "
    direction = "ASC" if query.page.ascending else "DESC"
    # A unary plus keeps SQLite from walking the index of the sort order when a filter's index finds fewer rows.
    sign = "+" if narrows else ""
    order = ", ".join(f"{sign}{column} {direction}" for column in columns)
    return (
        f"{' UNION ALL '.join(select + one for one in ranges)} ORDER BY {order} LIMIT ? OFFSET ?",
        (*parameters * len(ranges), query.page.limit, min(query.page.offset, MAX_INTEGER)),
    )


def count_statement(owner: str, query: TargetQuery) -> Statement:
    """Return the statement that counts the matching targets. If there are none, its result may have no row."""
    if not query.filters:
        return targets.COUNT, (owner,)
    where, parameters = _all_of(_conditions(owner, query.filters))
    return f"SELECT count(*) FROM targets WHERE {where}", parameters


def _conditions(owner: str, filters: Iterable[NameQuery | IdsQuery]) -> Sequence[_Condition]:
    names = [_name_condition(one) for one in filters if isinstance(one, NameQuery)]
    ids = [one.ids for one in filters if isinstance(one, IdsQuery)]
    if ids:
        return [_Condition(targets.IN_JSON, (owner, json_list(frozenset.intersection(*ids))), narrows=True), *names]
    return [_Condition("owner = ?", (owner,), narrows=False), *names]


def _all_of(conditions: Sequence[_Condition]) -> Statement:
    parameters = (parameter for condition in conditions for parameter in condition.parameters)
    return " AND ".join(condition.sql for condition in conditions), tuple(parameters)


def _name_condition(one: NameQuery) -> _Condition:
    if one.method.ignores_case:
        return _TEXT_CONDITIONS[one.method]("name_key", one.text.casefold())
    return _TEXT_CONDITIONS[one.method]("name", one.text)


def _equals(column: str, text: str) -> _Condition:
    # Both, because SQLite knows only of `name_key` that at most one row matches.
    return _Condition(f"name_key = ? AND {column} = ?", (text.casefold(), text), narrows=True)


def _starts_with(column: str, text: str) -> _Condition:
    """Match the range from the text up to the first text after all that start with it, in the order of code points."""
    last = text.rstrip(_LAST_CHARACTER)
    if not last:
        return _Condition(f"{column} >= ?", (text,), narrows=bool(text))
    following = ord(last[-1]) + 1
    end = last[:-1] + chr(0xE000 if following == 0xD800 else following)  # no text contains a surrogate
    return _Condition(f"{column} >= ? AND {column} < ?", (text, end), narrows=True)


def _contains(column: str, text: str) -> _Condition:
    return _Condition(f"instr({column}, ?) > 0", (text,), narrows=False)


def _ends_with(column: str, text: str) -> _Condition:
    """Compare bytes, because `substr` ends a text at a NUL. In UTF-8, a suffix of bytes is a suffix of characters."""
    end = text.encode()
    if not end:
        return _Condition("TRUE", (), narrows=False)
    return _Condition(f"substr(CAST({column} AS BLOB), ?) = ?", (-len(end), end), narrows=False)


_TEXT_CONDITIONS: Mapping[TextMethod, Callable[[str, str], _Condition]] = {
    TextMethod.EQUALS: _equals,
    TextMethod.EQUALS_IGNORE_CASE: _equals,
    TextMethod.STARTS_WITH: _starts_with,
    TextMethod.STARTS_WITH_IGNORE_CASE: _starts_with,
    TextMethod.CONTAINS: _contains,
    TextMethod.CONTAINS_IGNORE_CASE: _contains,
    TextMethod.ENDS_WITH: _ends_with,
    TextMethod.ENDS_WITH_IGNORE_CASE: _ends_with,
}
