"""The use cases of match conditions, and which execution is planned with them."""

from collections.abc import Sequence

import pytest

from actiond.actions import errors
from actiond.actions.conditions import Condition, ExecutionType, Scope, parse_key
from actiond.actions.use_cases.matching import Matching
from actiond.executions.plans import Candidates, Plan
from tests.actions.samples import METHOD, SERVICE, Domain, a_caller
from tests.support.matching import PathPart, PathParts

ALL = parse_key("request")
ONE_SERVICE = parse_key(f"request/{SERVICE}")
ONE_METHOD = parse_key(f"request{METHOD}")


@pytest.fixture
def matching(domain: Domain) -> Matching:
    return Matching(domain.store, domain.now, PathParts())


async def planned(domain: Domain) -> Candidates:
    plan = Plan(await domain.store.execution_snapshot("owner"), PathParts())
    return plan.for_method(METHOD).request


def shown(candidates: Candidates) -> Sequence[tuple[str, str | None, int]]:
    """Keys, match conditions and numbers of calls."""
    return [
        (one.key, one.match.text if isinstance(one.match, PathPart) else None, len(one.calls)) for one in candidates
    ]


async def test_a_match_condition_is_read_as_it_was_set(domain: Domain, matching: Matching) -> None:
    await domain.executions.set(a_caller(), ALL, [await domain.target()])
    changed = await matching.set_match(a_caller(), ALL, "abc")
    assert (changed.match, changed.sequence) == ("abc", 2)
    assert await matching.get(a_caller(), ALL) == changed


async def test_an_empty_expression_removes_the_match_condition(domain: Domain, matching: Matching) -> None:
    await domain.executions.set(a_caller(), ALL, ())
    await matching.set_match(a_caller(), ALL, "abc")
    await matching.set_match(a_caller(), ALL, "")
    assert (await matching.get(a_caller(), ALL)).match == ""


async def test_an_invalid_expression_changes_nothing(domain: Domain, matching: Matching) -> None:
    before = await domain.executions.set(a_caller(), ALL, ())
    with pytest.raises(errors.MatchInvalidError):
        await matching.set_match(a_caller(), ALL, "1 +")
    assert await matching.get(a_caller(), ALL) == before


@pytest.mark.parametrize("key", ["function/enrich", "event", "event/target.*", "event/target.added"])
async def test_functions_and_events_have_no_match_condition(domain: Domain, matching: Matching, key: str) -> None:
    await domain.executions.set(a_caller(), parse_key(key), ())
    with pytest.raises(errors.MatchNotAllowedError):
        await matching.set_match(a_caller(), parse_key(key), "abc")


@pytest.mark.parametrize("condition", [ALL, Condition(ExecutionType.REQUEST, Scope.METHOD, "/one.v1.Service")])
async def test_an_execution_that_is_not_set_has_no_match_condition(
    domain: Domain, matching: Matching, condition: Condition
) -> None:
    await domain.executions.set(a_caller("another"), ALL, ())
    await domain.executions.set(a_caller(), ONE_SERVICE, ())
    with pytest.raises(errors.ExecutionNotFoundError):
        await matching.set_match(a_caller(), condition, "abc")
    with pytest.raises(errors.ExecutionNotFoundError):
        await matching.get(a_caller(), condition)


async def test_the_match_condition_is_kept_when_steps_are_set_or_lost(domain: Domain, matching: Matching) -> None:
    target = await domain.target()
    await domain.executions.set(a_caller(), ALL, ())
    await matching.set_match(a_caller(), ALL, "abc")
    await domain.executions.set(a_caller(), ALL, [target])
    await domain.targets.delete(a_caller(), target)
    found = await matching.get(a_caller(), ALL)
    assert (found.match, found.steps) == ("abc", ())


async def test_a_deleted_execution_comes_back_without_its_match_condition(domain: Domain, matching: Matching) -> None:
    await domain.executions.set(a_caller(), ALL, ())
    await matching.set_match(a_caller(), ALL, "abc")
    await domain.executions.delete(a_caller(), ALL)
    await domain.executions.set(a_caller(), ALL, ())
    assert (await matching.get(a_caller(), ALL)).match == ""


async def test_events_have_the_match_condition_that_is_set(domain: Domain, matching: Matching) -> None:
    execution = await domain.executions.set(a_caller(), ALL, ())
    await matching.set_match(a_caller(), ALL, "abc")
    await matching.set_match(a_caller(), ALL, "")
    events = await domain.store.events("execution", execution.aggregate_id)
    assert [(event.type, dict(event.payload)) for event in events] == [
        ("execution.set", {"targets": []}),
        ("execution.set", {"targets": [], "match": "abc"}),
        ("execution.set", {"targets": []}),
    ]


async def test_wider_executions_are_candidates_up_to_the_first_that_is_for_all_calls(
    domain: Domain, matching: Matching
) -> None:
    target = await domain.target()
    for condition in (ALL, ONE_SERVICE, ONE_METHOD):
        await domain.executions.set(a_caller(), condition, [target])
    assert shown(await planned(domain)) == [(ONE_METHOD.key, None, 1)]
    await matching.set_match(a_caller(), ONE_METHOD, "abc")
    assert shown(await planned(domain)) == [(ONE_METHOD.key, "abc", 1), (ONE_SERVICE.key, None, 1)]
    await matching.set_match(a_caller(), ONE_SERVICE, "xyz")
    assert shown(await planned(domain)) == [
        (ONE_METHOD.key, "abc", 1),
        (ONE_SERVICE.key, "xyz", 1),
        (ALL.key, None, 1),
    ]


async def test_an_empty_execution_with_a_match_condition_is_a_candidate(domain: Domain, matching: Matching) -> None:
    await domain.executions.set(a_caller(), ALL, [await domain.target()])
    await domain.executions.set(a_caller(), ONE_METHOD, ())
    assert await planned(domain) == ()
    await matching.set_match(a_caller(), ONE_METHOD, "abc")
    assert shown(await planned(domain)) == [(ONE_METHOD.key, "abc", 0), (ALL.key, None, 1)]


async def test_executions_that_all_call_nothing_are_no_candidates(domain: Domain, matching: Matching) -> None:
    for condition in (ALL, ONE_METHOD):
        await domain.executions.set(a_caller(), condition, ())
        await matching.set_match(a_caller(), condition, "abc")
    assert await planned(domain) == ()


async def test_the_match_condition_of_an_include_is_not_looked_at(domain: Domain, matching: Matching) -> None:
    response = parse_key("response")
    await domain.executions.set(a_caller(), response, [await domain.target()])
    await matching.set_match(a_caller(), response, "abc")
    await domain.executions.set(a_caller(), ALL, [response])
    assert shown(await planned(domain)) == [(ALL.key, None, 1)]
