"""Lists of executions against a plain filter, sort and cut of the same values."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.conditions import Condition, ExecutionType
from actiond.actions.executions import Execution
from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import (
    CallsQuery,
    ConditionsQuery,
    ExecutionField,
    ExecutionFilter,
    ExecutionQuery,
    HasStepsQuery,
    PageRequest,
    StepQuery,
    TypeQuery,
)
from tests.storage.contract.settings import property_of_a_store
from tests.support.samples import a_target, an_execution, insert, put_execution

IDS = ("1", "2", "3")
KEYS = (
    "request",
    "request/a.B",
    "request/a.B/C",
    "request/0",
    "response",
    "response/a.B/C",
    "event",
    "event/target.*",
    "event/😀",
    "function/request",
    "function/a%_",
)

FILTERS = st.one_of(
    st.builds(ConditionsQuery, st.frozensets(st.sampled_from((*KEYS, "request/", "no", "request\0")))),
    st.builds(TypeQuery, st.sampled_from(ExecutionType)),
    st.builds(StepQuery, target_id=st.sampled_from((*IDS, "4", "request"))),
    st.builds(StepQuery, include=st.sampled_from((*KEYS, "no", "1"))),
    st.builds(CallsQuery, st.sampled_from((*IDS, "4"))),
    st.builds(HasStepsQuery),
)
PAGES = st.builds(PageRequest, st.integers(0, 5) | st.just(2**64 - 1), st.integers(1, 6), st.booleans())
QUERIES = st.builds(ExecutionQuery, PAGES, st.lists(FILTERS, max_size=2).map(tuple), st.sampled_from(ExecutionField))


@st.composite
def graphs(draw: st.DrawFn) -> list[Execution]:
    """Each includes none but those before it."""
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    return [
        replace(
            an_execution(key, *draw(st.lists(st.sampled_from((*IDS, *keys[:number])), max_size=4))),
            created_at_ns=draw(st.integers(1, 3)),
            changed_at_ns=draw(st.integers(1, 3)),
        )
        for number, key in enumerate(keys)
    ]


def matching(executions: list[Execution], query: ExecutionQuery) -> list[Execution]:
    by_key = {execution.condition.key: execution for execution in executions}
    return sorted(
        (execution for execution in executions if all(holds(execution, one, by_key) for one in query.filters)),
        key=lambda execution: (SORT_VALUES[query.field](execution), execution.condition.key),
        reverse=not query.page.ascending,
    )


SORT_VALUES: dict[ExecutionField, Callable[[Execution], int]] = {
    ExecutionField.KEY: lambda _: 0,
    ExecutionField.CREATION_DATE: lambda execution: execution.created_at_ns,
    ExecutionField.CHANGE_DATE: lambda execution: execution.changed_at_ns,
}


def called(execution: Execution, by_key: dict[str, Execution]) -> set[str]:
    """The targets that it calls."""
    included = (by_key[step.key] for step in execution.steps if isinstance(step, Condition))
    return {step for step in execution.steps if isinstance(step, str)}.union(*(called(one, by_key) for one in included))


def holds(execution: Execution, one: ExecutionFilter, by_key: dict[str, Execution]) -> bool:
    if isinstance(one, HasStepsQuery):
        return execution.steps != ()
    if isinstance(one, CallsQuery):
        return one.target_id in called(execution, by_key)
    if isinstance(one, ConditionsQuery):
        return execution.condition.key in one.keys
    if isinstance(one, TypeQuery):
        return execution.condition.type is one.type
    includes = [step.key for step in execution.steps if isinstance(step, Condition)]
    return one.target_id in execution.steps if one.target_id is not None else one.include in includes


def put_all(executions: list[Execution]) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        for number in IDS:
            insert(a_target(number, f"name {number}"))(transaction)
        for execution in executions:
            put_execution(execution)(transaction)

    return change


class ExecutionListContract:
    """See `StoreContract`."""

    @property_of_a_store
    @given(executions=graphs(), asked=st.lists(QUERIES, min_size=4, max_size=12))
    async def test_a_list_is_what_filter_sort_and_cut_make_of_all_executions(
        self, new_store: Callable[[], Store], executions: list[Execution], asked: list[ExecutionQuery]
    ) -> None:
        store = new_store()
        try:
            await store.write(put_all(executions))
            for query in asked:
                found = await store.find_executions("owner", query)
                expected = matching(executions, query)
                assert found.items == expected[query.page.offset :][: query.page.limit]
                assert found.total == len(expected)
        finally:
            await store.close()

    async def test_a_key_with_a_nul_is_not_the_key_before_it(self, store: Store) -> None:
        await store.write(put_execution(an_execution("request")))
        keys = ConditionsQuery(frozenset({"request\0", "request\0x"}))
        assert (await store.find_executions("owner", ExecutionQuery(filters=(keys,)))).items == []

    @pytest.mark.parametrize("execution_type", ExecutionType)
    async def test_executions_are_found_by_their_type(self, store: Store, execution_type: ExecutionType) -> None:
        await store.write(put_all([an_execution(key) for key in KEYS]))
        found = await store.find_executions("owner", ExecutionQuery(filters=(TypeQuery(execution_type),)))
        expected = {key for key in KEYS if key.partition("/")[0] == execution_type.value}
        assert {execution.condition.key for execution in found.items} == expected
