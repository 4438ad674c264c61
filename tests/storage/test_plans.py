"""What a list costs, by SQLite's own plan of it: pages do not grow with the number of targets or deliveries."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actiond.actions.deliveries import UNFINISHED, DeliveryState
from actiond.actions.ids import EPOCH_MS, first_id
from actiond.actions.queries import (
    CallsQuery,
    DeliveryFilter,
    DeliveryQuery,
    ExecutionField,
    ExecutionQuery,
    HasStepsQuery,
    IdsQuery,
    NameQuery,
    PageRequest,
    TargetField,
    TargetQuery,
    TextMethod,
)
from actiond.storage.sqlite import (
    SqliteStore,
    delivery_lists,
    executions,
    long_reads,
    signing_keys,
    target_lists,
    targets,
    tokens,
)
from actiond.storage.sqlite.rows import Statement
from tests.support.samples import a_target, insert

FILTERS: dict[str, tuple[NameQuery | IdsQuery, str]] = {
    "equals": (NameQuery("a", TextMethod.EQUALS), "name_key=?"),
    "equals, ignoring case": (NameQuery("a", TextMethod.EQUALS_IGNORE_CASE), "name_key=?"),
    "starts with": (NameQuery("a", TextMethod.STARTS_WITH), "name>? AND name<?"),
    "starts with, ignoring case": (NameQuery("a", TextMethod.STARTS_WITH_IGNORE_CASE), "name_key>? AND name_key<?"),
    "starts with the last character": (NameQuery("\U0010ffff", TextMethod.STARTS_WITH), "name>?"),
    "ids": (IdsQuery(frozenset({"1"})), "id_length=? AND id=?"),
}


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    store = SqliteStore.open(tmp_path / "actiond.db")
    for number in range(20):
        await store.write(insert(a_target(str(number), f"name {number}")))
    await store.close()
    return tmp_path / "actiond.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def plan(connection: sqlite3.Connection, statement: Statement) -> list[str]:
    sql, parameters = statement
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]


def searches(steps: list[str], table: str) -> list[str]:
    """How a table's rows are found."""
    found = [step for step in steps if step.startswith((f"SEARCH {table} ", f"SCAN {table}"))]
    assert found, steps
    return found


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("field", ExecutionField)
def test_each_order_of_executions_is_that_of_an_index(
    connection: sqlite3.Connection, field: ExecutionField, ascending: bool
) -> None:
    query = ExecutionQuery(PageRequest(ascending=ascending), (HasStepsQuery(),), field)
    steps = plan(connection, executions.page_statement("owner", query))
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert searches(steps, "executions")[0].startswith(
        ("SEARCH executions USING COVERING INDEX", "SEARCH executions USING PRIMARY KEY")
    )


def test_executions_that_call_a_target_are_found_by_an_index(connection: sqlite3.Connection) -> None:
    steps = plan(connection, executions.page_statement("owner", ExecutionQuery(filters=(CallsQuery("1"),))))
    assert {"execution_steps_by_target", "execution_steps_by_include"} <= {
        word for step in searches(steps, "execution_steps") for word in step.split()
    }


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("field", TargetField)
def test_each_order_is_that_of_an_index(connection: sqlite3.Connection, field: TargetField, ascending: bool) -> None:
    steps = plan(connection, target_lists.page_statement("owner", TargetQuery(PageRequest(ascending=ascending), field)))
    assert not [step for step in steps if "TEMP B-TREE" in step]
    for search in searches(steps, "targets"):
        assert search.startswith(("SEARCH targets USING COVERING INDEX", "SEARCH targets USING PRIMARY KEY"))


@pytest.mark.parametrize("field", TargetField)
def test_a_page_goes_through_no_more_rows_of_an_index_than_it_has_to(
    connection: sqlite3.Connection, field: TargetField
) -> None:
    """The ranges that are merged are told apart by every column before the id."""
    steps = plan(connection, target_lists.page_statement("owner", TargetQuery(field=field)))
    ranges = searches(steps, "targets")
    if len(ranges) > 1:
        assert all("(owner=? AND is_async=? AND type=? AND interrupt_on_error=?)" in one for one in ranges)


@pytest.mark.parametrize("field", TargetField)
@pytest.mark.parametrize(("one", "constraint"), FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_that_an_index_serves_finds_its_rows_by_it_whatever_the_order(
    connection: sqlite3.Connection, one: NameQuery | IdsQuery, constraint: str, field: TargetField
) -> None:
    steps = plan(connection, target_lists.page_statement("owner", TargetQuery(field=field, filters=(one,))))
    (search,) = searches(steps, "targets")
    assert search.endswith(f"(owner=? AND {constraint})")


@pytest.mark.parametrize(("one", "constraint"), FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_that_an_index_serves_is_counted_by_it(
    connection: sqlite3.Connection, one: NameQuery | IdsQuery, constraint: str
) -> None:
    (search,) = searches(
        plan(connection, target_lists.count_statement("owner", TargetQuery(filters=(one,)))), "targets"
    )
    assert search.endswith(f"(owner=? AND {constraint})")


@pytest.mark.parametrize("field", TargetField)
def test_a_filter_that_no_index_serves_looks_at_each_target_once(
    connection: sqlite3.Connection, field: TargetField
) -> None:
    query = TargetQuery(field=field, filters=(NameQuery("a", TextMethod.CONTAINS),))
    assert len(searches(plan(connection, target_lists.page_statement("owner", query)), "targets")) == 1


def test_the_number_of_all_targets_is_read_and_not_counted(connection: sqlite3.Connection) -> None:
    steps = plan(connection, target_lists.count_statement("owner", TargetQuery()))
    assert steps == ["SEARCH target_counts USING PRIMARY KEY (owner=?)"]


@pytest.mark.parametrize(
    ("statement", "parameters", "table"),
    [
        (targets.BY_IDS, ("owner", "[]"), "targets"),
        (signing_keys.OF_TARGETS, ("[]",), "signing_keys"),
        (executions.BY_KEYS, ("owner", "[]"), "executions"),
        (executions.BY_KEYS, ("owner", "[]"), "execution_steps"),
        (executions.WITH_TARGET, ("owner", "owner", "1"), "executions"),
        (executions.WITH_TARGET, ("owner", "owner", "1"), "execution_steps"),
        (executions.WITH_INCLUDE, ("owner", "owner", "request"), "executions"),
        (executions.WITH_INCLUDE, ("owner", "owner", "request"), "execution_steps"),
    ],
)
def test_what_is_named_is_found_by_its_whole_key(
    connection: sqlite3.Connection, statement: str, parameters: tuple[str, ...], table: str
) -> None:
    for search in searches(plan(connection, (statement, parameters)), table):
        constraints = search.rpartition("(")[2]
        assert "id=?" in constraints or "key=?" in constraints, search


@pytest.mark.parametrize("page", [PageRequest(limit=21), PageRequest(18, 3)], ids=["the whole list", "its end"])
def test_a_page_that_is_not_full_tells_the_total_by_itself(connection: sqlite3.Connection, page: PageRequest) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    query = TargetQuery(page, filters=(NameQuery("name", TextMethod.CONTAINS),))
    assert long_reads.find_targets(connection, "owner", query).total == 20
    assert [statement for statement in statements if "count" in statement] == []


def test_what_the_offset_skips_costs_no_look_at_a_row(connection: sqlite3.Connection) -> None:
    """The ids of a page come first, then its rows alone."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    found = long_reads.find_targets(
        connection, "owner", TargetQuery(PageRequest(10, 2, ascending=True), TargetField.NAME)
    )
    assert len(found.items) == 2
    assert [statement for statement in statements if "OFFSET" in statement and "timeout_seconds" in statement] == []


@pytest.mark.parametrize("statement", [tokens.BOUND_TO, tokens.CERTIFICATE_ADMISSION], ids=["change", "admission"])
def test_a_token_is_found_by_its_name_in_an_index(connection: sqlite3.Connection, statement: str) -> None:
    (search,) = searches(plan(connection, (statement, ("dns:worker.example",))), "tokens")
    assert search.startswith("SEARCH tokens USING INDEX tokens_by_certificate (certificate=?)")


# Deliveries.

OF_TARGET = DeliveryFilter(target_id="1")
OF_AGGREGATE = DeliveryFilter(aggregate_type="order", aggregate_id="1")
DEAD, PARKED = frozenset({DeliveryState.DEAD}), frozenset({DeliveryState.PARKED})
OF_OWNER = ("deliveries_by_owner (owner=?)", "delivered_by_owner (owner=?)")
# Of unfinished ones there are not many, so their lists look through those of the owner.
DELIVERY_PLANS: dict[str, tuple[DeliveryFilter, tuple[str, ...]]] = {
    "all": (DeliveryFilter(), OF_OWNER),
    "of an event type": (DeliveryFilter(event_type="order.placed"), OF_OWNER),
    "of an aggregate type": (DeliveryFilter(aggregate_type="order"), OF_OWNER),
    "of an aggregate id": (DeliveryFilter(aggregate_id="1"), OF_OWNER),
    "of an aggregate": (OF_AGGREGATE, OF_OWNER),
    "of a target": (OF_TARGET, ("deliveries_by_owner (owner=?)", "delivered_by_target (target_id=?)")),
    "since a moment": (
        DeliveryFilter(from_ms=EPOCH_MS),
        ("deliveries_by_owner (owner=? AND rowid>?)", "delivered_by_owner (owner=? AND delivery_id>?)"),
    ),
    "of a target between two moments": (
        replace(OF_TARGET, from_ms=EPOCH_MS, until_ms=EPOCH_MS + 1),
        (
            "deliveries_by_owner (owner=? AND rowid>? AND rowid<?)",
            "delivered_by_target (target_id=? AND delivery_id>? AND delivery_id<?)",
        ),
    ),
    "unfinished": (DeliveryFilter(states=UNFINISHED), ("deliveries_by_owner (owner=?)",)),
    "parked": (DeliveryFilter(states=PARKED), ("deliveries_by_owner (owner=?)",)),
    "parked of a target": (replace(OF_TARGET, states=PARKED), ("deliveries_parked (target_id=?)",)),
    "dead": (DeliveryFilter(states=DEAD), ("deliveries_dead_by_owner (owner=?)",)),
    "dead of a target": (replace(OF_TARGET, states=DEAD), ("deliveries_dead_by_target (target_id=?)",)),
    "delivered": (DeliveryFilter(states=frozenset({DeliveryState.DELIVERED})), ("delivered_by_owner (owner=?)",)),
}


@pytest.mark.parametrize(("wanted", "expected"), DELIVERY_PLANS.values(), ids=DELIVERY_PLANS.keys())
def test_a_list_of_deliveries_is_read_from_the_smallest_index(
    connection: sqlite3.Connection, wanted: DeliveryFilter, expected: Sequence[str]
) -> None:
    pages = [statement for _, statement in delivery_lists.page_statements("owner", DeliveryQuery(wanted))]
    for statements in (pages, list(delivery_lists.count_statements("owner", wanted))):
        steps = [plan(connection, statement) for statement in statements]
        assert [one[0].partition(" INDEX ")[2] for one in steps] == list(expected)
        assert not [step for one in steps for step in one if step.startswith("SCAN")]


@pytest.mark.parametrize("wanted", [wanted for wanted, _ in DELIVERY_PLANS.values()], ids=DELIVERY_PLANS.keys())
def test_a_page_of_deliveries_begins_where_the_one_before_it_ended(
    connection: sqlite3.Connection, wanted: DeliveryFilter
) -> None:
    for _, statement in delivery_lists.page_statements("owner", DeliveryQuery(wanted, before_id=7)):
        first, *others = plan(connection, statement)
        assert first.endswith((" AND rowid<?)", " AND delivery_id<?)"))
        assert "USE TEMP B-TREE FOR ORDER BY" not in others


def test_of_two_bounds_the_narrower_one_is_that_of_the_index(connection: sqlite3.Connection) -> None:
    for before_id, bound in ((7, 7), (first_id(EPOCH_MS + 1) + 7, first_id(EPOCH_MS + 1))):
        query = DeliveryQuery(DeliveryFilter(until_ms=EPOCH_MS + 1), before_id=before_id)
        for source, (sql, parameters) in delivery_lists.page_statements("owner", query):
            assert sql.count(f"{source.id_column} < ?") == 1
            assert bound in parameters


def test_the_states_of_a_targets_deliveries_are_counted_without_reading_a_row(connection: sqlite3.Connection) -> None:
    search, *_ = plan(connection, (delivery_lists.UNFINISHED_STATES, ("1",)))
    assert search == "SEARCH deliveries USING COVERING INDEX deliveries_in_order (target_id=?)"


def test_one_delivery_is_found_by_its_key(connection: sqlite3.Connection) -> None:
    found = [plan(connection, statement)[0] for _, statement in delivery_lists.one_statements("owner", 1)]
    assert found == [
        "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH attempts USING PRIMARY KEY (delivery_id=?)",
    ]
    (search,) = plan(connection, delivery_lists.attempts_statement("owner", 1))
    assert search == "SEARCH attempts USING PRIMARY KEY (delivery_id=?)"
