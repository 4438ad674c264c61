"""What a list of targets costs, by SQLite's own plan of it: pages do not grow with the number of targets."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from actiond.actions.queries import IdsQuery, NameQuery, PageRequest, TargetField, TargetQuery, TextMethod
from actiond.storage.sqlite import SqliteStore, executions, long_reads, signing_keys, target_lists, targets, tokens
from actiond.storage.sqlite.rows import Statement
from tests.storage.samples import a_target, insert

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
