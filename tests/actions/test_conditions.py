"""Conditions and their keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.catalogue import OWN_EVENTS, Catalogue
from actiond.actions.conditions import Condition, ExecutionType, Scope, is_canonical, matching_conditions, parse_key

REQUEST, RESPONSE, FUNCTION, EVENT = (
    ExecutionType.REQUEST,
    ExecutionType.RESPONSE,
    ExecutionType.FUNCTION,
    ExecutionType.EVENT,
)

KEYS = {
    "request/zitadel.x.Svc/Method": Condition(REQUEST, Scope.METHOD, "/zitadel.x.Svc/Method"),
    "request/zitadel.x.Svc": Condition(REQUEST, Scope.SERVICE, "zitadel.x.Svc"),
    "request": Condition(REQUEST, Scope.ALL),
    "response/zitadel.x.Svc/Method": Condition(RESPONSE, Scope.METHOD, "/zitadel.x.Svc/Method"),
    "response/zitadel.x.Svc": Condition(RESPONSE, Scope.SERVICE, "zitadel.x.Svc"),
    "response": Condition(RESPONSE, Scope.ALL),
    "event/user.human.added": Condition(EVENT, Scope.EVENT, "user.human.added"),
    "event/user.human.*": Condition(EVENT, Scope.GROUP, "user.human"),
    "event": Condition(EVENT, Scope.ALL),
    "function/enrich": Condition(FUNCTION, Scope.FUNCTION, "enrich"),
}


@pytest.mark.parametrize(("key", "condition"), KEYS.items(), ids=KEYS)
def test_a_condition_has_the_key_of_the_table_and_is_read_back_from_it(key: str, condition: Condition) -> None:
    assert condition.key == key
    assert parse_key(key) == condition
    assert is_canonical(condition)


@pytest.mark.parametrize("key", ["", "function", "requests", "request /x", "Request", "/"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its text is for nobody
        parse_key(key)


@pytest.mark.parametrize(
    "condition",
    [
        Condition(REQUEST, Scope.METHOD, "/zitadel.x.Svc"),
        Condition(REQUEST, Scope.METHOD, "Method"),
        Condition(REQUEST, Scope.METHOD, ""),
        Condition(REQUEST, Scope.SERVICE, "zitadel.x.Svc/Method"),
        Condition(EVENT, Scope.EVENT, "user.*"),
    ],
    ids=str,
)
def test_a_condition_whose_key_would_mean_another_is_not_proper(condition: Condition) -> None:
    assert not is_canonical(condition)


@given(st.sampled_from(list(ExecutionType)), st.sampled_from(list(Scope)), st.text())
def test_no_two_proper_conditions_have_one_key(execution_type: ExecutionType, scope: Scope, name: str) -> None:
    condition = Condition(execution_type, scope, name)
    if is_canonical(condition):
        assert parse_key(condition.key) == condition


def test_a_call_meets_its_method_then_its_service_then_all() -> None:
    assert [condition.key for condition in matching_conditions(RESPONSE, "/a.b.Svc/Do")] == [
        "response/a.b.Svc/Do",
        "response/a.b.Svc",
        "response",
    ]


def test_the_groups_are_what_stands_before_a_dot_of_an_event() -> None:
    groups = Catalogue(published_events=frozenset({"user.human.added", "x"})).groups
    assert groups - Catalogue().groups == {"user", "user.human"}


def test_our_own_events_are_in_every_catalogue() -> None:
    for catalogue in (Catalogue(), Catalogue(published_events=frozenset({"order.placed"}))):
        assert all(Condition(EVENT, Scope.EVENT, event) in catalogue for event in OWN_EVENTS)
    assert {"target", "target.key", "execution"} == Catalogue().groups


def test_events_that_may_be_published_are_in_the_catalogue() -> None:
    catalogue = Catalogue(published_events=frozenset({"order.placed"}))
    assert Condition(EVENT, Scope.EVENT, "order.placed") in catalogue
    assert Condition(EVENT, Scope.EVENT, "order.paid") not in catalogue
