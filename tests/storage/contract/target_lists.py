"""Lists of targets against a plain filter, sort and cut of the same values."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.ports import Store, Transaction
from actiond.actions.queries import IdsQuery, NameQuery, PageRequest, TargetField, TargetQuery, TextMethod
from actiond.actions.targets import Target, TargetType
from tests.storage.contract.settings import property_of_a_store
from tests.support.samples import SAMPLE_TARGET, a_target, insert

SORT_VALUES: dict[TargetField, Callable[[Target], object]] = {
    TargetField.ID: lambda target: 0,
    TargetField.CREATION_DATE: lambda target: target.created_at_ns,
    TargetField.CHANGE_DATE: lambda target: target.changed_at_ns,
    TargetField.NAME: lambda target: [ord(character) for character in target.name],
    TargetField.TARGET_TYPE: lambda target: target.type.value,
    TargetField.URL: lambda target: target.endpoint,
    TargetField.TIMEOUT: lambda target: target.timeout_ns,
    TargetField.ASYNC: lambda target: target.type is TargetType.ASYNC,
    TargetField.INTERRUPT_ON_ERROR: lambda target: target.interrupt_on_error,
}

# Letters that fold to others or to two, wildcards, the first and the last code point and the surrogates' neighbours.
CHARACTERS = "aAbßsSẞΣσςİ%_\\'\"\0\ud7ff\ue000😀\U0010fffe\U0010ffff"  # noqa: RUF001
TEXTS = st.text(CHARACTERS, max_size=3)
IDS = st.integers(0, 10**20 - 1).map(str) | st.integers(0, 30).map(str)

TARGETS = st.lists(
    st.builds(
        Target,
        id=IDS,
        owner=st.just("owner"),
        name=st.text(CHARACTERS, min_size=1, max_size=4),
        type=st.sampled_from(TargetType),
        interrupt_on_error=st.booleans(),
        timeout_ns=st.sampled_from([1, 999_999_999, 10**9, 10**9 + 1, 10**19]),
        endpoint=st.sampled_from(["http://a", "http://A", "http://é", "https://😀"]),
        sequence=st.just(1),
        created_at_ns=st.integers(0, 2),
        changed_at_ns=st.integers(0, 2),
    ),
    max_size=12,
    unique_by=(lambda target: target.id, lambda target: target.name_key),
)


@st.composite
def queries(draw: st.DrawFn, targets: list[Target]) -> TargetQuery:
    """Of which some find something: they ask for parts of the names and for ids that there are."""
    names = st.sampled_from([target.name for target in targets] or [""])
    parts = st.builds(lambda name, start, end: name[start:end], names, st.integers(0, 3), st.integers(1, 4))
    ids = st.sampled_from([target.id for target in targets] or ["0"])
    one_filter = st.builds(NameQuery, parts | TEXTS, st.sampled_from(TextMethod)) | st.builds(
        IdsQuery, st.frozensets(ids | IDS | st.sampled_from(["007", "", "x", "1\0"]))
    )
    page = st.builds(PageRequest, st.integers(0, 5) | st.just(2**64 - 1), st.integers(1, 8), st.booleans())
    filters = st.lists(one_filter, max_size=2).map(tuple)
    return draw(st.builds(TargetQuery, page, st.sampled_from(TargetField), filters))


def matching(targets: list[Target], query: TargetQuery) -> list[Target]:
    return sorted(
        (target for target in targets if all(holds(target, one) for one in query.filters)),
        key=lambda target: (SORT_VALUES[query.field](target), int(target.id)),
        reverse=not query.page.ascending,
    )


def holds(target: Target, one: NameQuery | IdsQuery) -> bool:
    return target.id in one.ids if isinstance(one, IdsQuery) else one.method.matches(target.name, one.text)


def insert_all(targets: list[Target]) -> Callable[[Transaction], None]:
    def change(transaction: Transaction) -> None:
        for target in targets:
            insert(target)(transaction)

    return change


def names_matched(name: str) -> Iterator[tuple[str, TextMethod, bool]]:
    """What is asked of a target with this name, and whether it is found."""
    for method in TextMethod:
        for text in ("", name, name[:2], name[-2:], name[1:-1], name.swapcase(), "%", "_", "*", "\\"):
            yield text, method, method.matches(name, text)


class TargetListContract:
    """See `StoreContract`."""

    @property_of_a_store
    @given(targets=TARGETS, data=st.data())
    async def test_a_list_is_what_filter_sort_and_cut_make_of_all_targets(
        self, new_store: Callable[[], Store], targets: list[Target], data: st.DataObject
    ) -> None:
        store = new_store()
        try:
            await store.write(insert_all(targets))
            for query in data.draw(st.lists(queries(targets), min_size=4, max_size=12)):
                found = await store.find_targets("owner", query)
                expected = matching(targets, query)
                assert found.items == expected[query.page.offset :][: query.page.limit]
                assert found.total == len(expected)
        finally:
            await store.close()

    @pytest.mark.parametrize("ascending", [True, False])
    @pytest.mark.parametrize("field", TargetField)
    async def test_targets_are_sorted_by_a_field_then_as_numbers_by_id(
        self, store: Store, field: TargetField, ascending: bool
    ) -> None:
        targets = [
            replace(
                a_target(str(7**number), f"name {number * 5 % 13}"),
                type=list(TargetType)[number % 3],
                interrupt_on_error=number % 4 < 2,
                timeout_ns=(number * 3 % 5 + 1) * 700_000_000,
                endpoint=f"https://{'abc'[number % 3]}",
                created_at_ns=number * 5 % 4,
                changed_at_ns=number * 7 % 6,
            )
            for number in range(13)
        ]
        await store.write(insert_all(targets))
        query = TargetQuery(PageRequest(ascending=ascending), field)
        assert (await store.find_targets("owner", query)).items == matching(targets, query)

    @pytest.mark.parametrize(
        "name", ["100%_\\*", "Straße", "ΣΊΣΥΦΟΣ", "a\0b", "😀\U0010ffff\U0010ffff", "\ud7ff\ud7ff"]
    )
    async def test_a_name_is_found_by_what_its_comparison_says(self, store: Store, name: str) -> None:
        await store.write(insert_all([a_target("1", name), a_target("2", f"x{name}x")]))
        for text, method, is_found in names_matched(name):
            found = await store.find_targets("owner", TargetQuery(filters=(NameQuery(text, method),)))
            assert ("1" in {target.id for target in found.items}) is is_found, (text, method)

    async def test_thousands_of_ids_are_one_filter(self, store: Store) -> None:
        await store.write(insert_all([a_target(str(number), f"name {number}") for number in range(10)]))
        ids = IdsQuery(frozenset(map(str, range(5, 50_000))))
        found = await store.find_targets("owner", TargetQuery(PageRequest(ascending=True), filters=(ids,)))
        assert [target.id for target in found.items] == ["5", "6", "7", "8", "9"]

    async def test_an_id_with_a_nul_is_not_the_id_before_it(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        ids = IdsQuery(frozenset({f"{SAMPLE_TARGET.id}\0", f"{SAMPLE_TARGET.id}\0x"}))
        assert (await store.find_targets("owner", TargetQuery(filters=(ids,)))).items == []

    async def test_no_ids_are_no_targets(self, store: Store) -> None:
        await store.write(insert(SAMPLE_TARGET))
        found = await store.find_targets("owner", TargetQuery(filters=(IdsQuery(frozenset()),)))
        assert (found.items, found.total) == ([], 0)
