"""Builds the SQL for lists of deliveries. Tests of the query plans ensure that lists stay cheap.

Unfinished and dead deliveries have rows. Delivered ones are listed from the attempts that delivered them. A page is
merged from a page of each, which is read in the order of ids from the index with the fewest other rows. The statement
names that index, since SQLite does not know how many rows an index has.
"""
# ruff: noqa: S608  # the statements consist of constants

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from actiond.actions.deliveries import Delivery, DeliveryState, delivered
from actiond.actions.events import UNIQUE_IDS, Event, qualified_id
from actiond.actions.ids import first_id
from actiond.actions.queries import DeliveryFilter, DeliveryQuery
from actiond.storage.sqlite import deliveries, events
from actiond.storage.sqlite.rows import MAX_INTEGER, Row, Statement

_EVENT_COLUMNS = events.COLUMNS.split(", ")

_OF_AGGREGATE = "SELECT position FROM events WHERE aggregate_type = ? AND aggregate_id = ?"
# Parameters: an aggregate's id as its owner knows it, and with the owner before it. See `qualified_id`.
_HAS_AGGREGATE_ID = f"""
events.aggregate_id =
    CASE WHEN events.aggregate_type IN ({", ".join(f"'{one}'" for one in sorted(UNIQUE_IDS))}) THEN ? ELSE ? END
"""

_IS_PUT_OFF = "(deliveries.state <> 'waiting' OR (deliveries.claim = 0 AND deliveries.due_ms > ?))"
_ATTEMPTS = f"SELECT {deliveries.ATTEMPT_COLUMNS} FROM attempts WHERE owner = ? AND delivery_id = ? ORDER BY number"
# Parameter: the target's id.
HEALTH = f"SELECT {deliveries.HEALTH_COLUMNS} FROM target_health WHERE target_id = ?"
# Of some of the newest deliveries, since one that was retried for long may be older.
LAST_OK = """
SELECT max(at_ms) FROM (
    SELECT at_ms FROM attempts INDEXED BY delivered_by_target
    WHERE target_id = ? AND outcome = 'ok' AND kind <> 'test' ORDER BY delivery_id DESC LIMIT 100)
"""
UNFINISHED_STATES = """
SELECT state, count(*) FROM deliveries INDEXED BY deliveries_in_order
WHERE target_id = ? AND state <> 'dead' GROUP BY state
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A table that deliveries are listed from."""

    table: str
    id_column: str
    columns: str
    state: str
    """SQL for the state of a row."""
    states: Mapping[DeliveryState, str]
    """The conditions for rows of one state."""
    index: Callable[[DeliveryFilter], str]
    decode: Callable[[Row, Event | None], Delivery]
    """Returns the delivery of a row of `columns` and its event."""

    def from_row(self, row: Row) -> tuple[Delivery, Event | None]:
        """Return the delivery and its event in a row of `page_statements` or `one_statements`."""
        event = None if row[-1] is None else events.from_row(row[-len(_EVENT_COLUMNS) :])
        return self.decode(row[: -len(_EVENT_COLUMNS)], event), event

    def select(self, tables: str, *, with_payload: bool = False) -> str:
        """Return the beginning of a statement. A list has no payloads: a thousand of them may take 256 MB."""
        own = (f"{self.table}.{column}" for column in self.columns.split(", "))
        of_event = (
            f"iif(events.position IS NULL, NULL, '{events.PRUNED}')"
            if column == "payload" and not with_payload
            else f"events.{column}"
            for column in _EVENT_COLUMNS
        )
        return f"SELECT {', '.join([*own, *of_event])} FROM {tables}"

    def join_events(self, join: str) -> str:
        return f"{join} JOIN events ON events.position = {self.table}.event_position"


def _stored_index(wanted: DeliveryFilter) -> str:
    if wanted.states == {DeliveryState.DEAD}:
        return "deliveries_dead_by_owner" if wanted.target_id is None else "deliveries_dead_by_target"
    if wanted.target_id is not None and wanted.states == {DeliveryState.PARKED}:
        return "deliveries_parked"
    return "deliveries_by_owner"


def _delivered_index(wanted: DeliveryFilter) -> str:
    """Return what has the fewest deliveries beside those that match."""
    return "delivered_by_owner" if wanted.target_id is None else "delivered_by_target"


_SOURCES = (
    Source(
        "deliveries",
        "deliveries.id",
        deliveries.COLUMNS,
        "deliveries.state",
        {one: f"deliveries.state = '{one.value}'" for one in DeliveryState if one is not DeliveryState.DELIVERED},
        _stored_index,
        lambda row, _: deliveries.from_row(row),
    ),
    Source(
        "attempts",
        "attempts.delivery_id",
        deliveries.ATTEMPT_COLUMNS,
        f"'{DeliveryState.DELIVERED.value}'",
        {DeliveryState.DELIVERED: "attempts.outcome = 'ok' AND attempts.kind <> 'test'"},
        _delivered_index,
        lambda row, event: delivered(deliveries.attempt_from_row(row), event),
    ),
)


def page_statements(owner: str, query: DeliveryQuery) -> Iterator[tuple[Source, Statement]]:
    """Yield statements that select the newest deliveries of each source, as many as the page has."""
    for part in _parts(owner, query.filter, query.before_id):
        source = part.source
        tables = part.tables if part.has_events else f"{part.tables} {source.join_events('LEFT')}"
        yield (
            source,
            (
                f"{source.select(tables)} WHERE {part.where} ORDER BY {source.id_column} DESC LIMIT ?",
                (*part.parameters, query.limit),
            ),
        )


def count_statements(owner: str, wanted: DeliveryFilter) -> Iterator[Statement]:
    """Yield statements that count the deliveries of each source, by state and target."""
    for part in _parts(owner, wanted):
        columns = f"{part.source.state}, {part.source.table}.target_id, count(*)"
        yield f"SELECT {columns} FROM {part.tables} WHERE {part.where} GROUP BY 1, 2", part.parameters


def one_statements(owner: str, delivery_id: int) -> Iterator[tuple[Source, Statement]]:
    """Yield statements that select one delivery. At most one of them finds it."""
    for source in _SOURCES:
        where = f"{source.table}.owner = ? AND {source.id_column} = ? AND ({' OR '.join(source.states.values())})"
        tables = f"{source.table} {source.join_events('LEFT')}"
        yield source, (f"{source.select(tables, with_payload=True)} WHERE {where}", (owner, _in_range(delivery_id)))


def attempts_statement(owner: str, delivery_id: int) -> Statement:
    """Return the statement that selects the attempts of a delivery."""
    return _ATTEMPTS, (owner, _in_range(delivery_id))


@dataclass(frozen=True, slots=True)
class _Part:
    """The deliveries of one source that match."""

    source: Source
    tables: str
    has_events: bool
    where: str
    parameters: Row


def _parts(owner: str, wanted: DeliveryFilter, before_id: int | None = None) -> Iterator[_Part]:
    of_events = _event_conditions(owner, wanted)
    # One bound: of two, SQLite would take one for the index, and look at all rows up to the other.
    until_id = None if wanted.until_ms is None else first_id(wanted.until_ms)
    bounds = [one for one in (until_id, before_id) if one is not None]
    for source in _SOURCES:
        states = [sql for state, sql in source.states.items() if not wanted.states or state in wanted.states]
        if not states:
            continue
        conditions = [
            (f"{source.table}.owner = ?", (owner,)),
            (f"({' OR '.join(states)})", ()),
            *_given(f"{source.table}.target_id = ?", wanted.target_id),
            *_given(
                f"{source.id_column} >= ?", None if wanted.from_ms is None else _in_range(first_id(wanted.from_ms))
            ),
            *_given(f"{source.id_column} < ?", _in_range(min(bounds)) if bounds else None),
            *_aggregate_condition(source, owner, wanted),
            *(_given(_IS_PUT_OFF, wanted.put_off_ms) if source.table == "deliveries" else ()),
            *of_events,
        ]
        tables = f"{source.table} INDEXED BY {source.index(wanted)}"
        if of_events:
            # CROSS, or SQLite may begin with all of the events.
            tables = f"{tables} {source.join_events('CROSS')}"
        parameters = tuple(parameter for _, values in conditions for parameter in values)
        yield _Part(source, tables, bool(of_events), " AND ".join(sql for sql, _ in conditions), parameters)


def _aggregate_condition(source: Source, owner: str, wanted: DeliveryFilter) -> Sequence[Statement]:
    if wanted.aggregate_type is None or wanted.aggregate_id is None:
        return ()
    aggregate_id = qualified_id(owner, wanted.aggregate_type, wanted.aggregate_id)
    return ((f"{source.table}.event_position IN ({_OF_AGGREGATE})", (wanted.aggregate_type, aggregate_id)),)


def _event_conditions(owner: str, wanted: DeliveryFilter) -> Sequence[Statement]:
    """Return conditions that are looked up event by event."""
    conditions = [*_given("events.type = ?", wanted.event_type)]
    if wanted.aggregate_id is None:
        conditions += _given("events.aggregate_type = ?", wanted.aggregate_type)
    elif wanted.aggregate_type is None:
        conditions.append((_HAS_AGGREGATE_ID, (wanted.aggregate_id, f"{owner}/{wanted.aggregate_id}")))
    return conditions


def _given(sql: str, value: str | int | None) -> Sequence[Statement]:
    return () if value is None else ((sql, (value,)),)


def _in_range(number: int) -> int:
    """Return the nearest number that SQLite can hold. No id is as large."""
    return max(-1, min(number, MAX_INTEGER))
