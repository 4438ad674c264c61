"""The use cases on executions, and what is planned from them."""

import pytest

from actiond.actions import errors
from actiond.actions.conditions import Condition, ExecutionType, Scope, parse_key
from actiond.actions.executions import MAX_INCLUDE_LEVELS, MAX_STEPS, Step
from actiond.actions.queries import ExecutionQuery, PageRequest
from actiond.executions.plans import Plan
from tests.actions.samples import METHOD, SERVICE, Domain, a_caller
from tests.support.matching import PathParts

REQUEST = parse_key("request")
SERVICE_REQUEST = parse_key(f"request/{SERVICE}")
METHOD_REQUEST = parse_key(f"request{METHOD}")
RESPONSE = parse_key("response")
FUNCTION = parse_key("function/enrich")


async def put(domain: Domain, condition: Condition, *steps: Step) -> None:
    await domain.executions.set(a_caller(), condition, steps)


async def plan(domain: Domain) -> Plan:
    return Plan(await domain.store.execution_snapshot("owner"), PathParts())


async def called_before(domain: Domain, method: str = METHOD) -> list[str] | None:
    """The targets' ids."""
    candidates = (await plan(domain)).for_method(method).request
    return [call.target.id for call in candidates[0].calls] if candidates else None


UNKNOWN = {
    "request/one.v1.Service/No": errors.MethodUnknownError,
    "response/one.v1.No": errors.ServiceUnknownError,
    "function/no": errors.FunctionUnknownError,
    "event/target.exploded": errors.EventUnknownError,
    "event/nothing.*": errors.GroupUnknownError,
}


@pytest.mark.parametrize(("key", "error"), UNKNOWN.items(), ids=UNKNOWN)
async def test_what_the_catalogue_does_not_have_is_refused(
    domain: Domain, key: str, error: type[errors.DomainError]
) -> None:
    with pytest.raises(error):
        await put(domain, parse_key(key))


@pytest.mark.parametrize(
    "key",
    [
        f"request{METHOD}",
        f"response/{SERVICE}",
        "request",
        "event/target.added",
        "event/target.*",
        "event",
        FUNCTION.key,
    ],
)
async def test_what_the_catalogue_has_can_be_set_and_deleted(domain: Domain, key: str) -> None:
    condition = parse_key(key)
    await put(domain, condition, await domain.target())
    assert (await domain.executions.delete(a_caller(), condition)).sequence == 2


async def test_setting_an_execution_again_replaces_its_steps(domain: Domain) -> None:
    one, two = await domain.target("one"), await domain.target("two")
    await put(domain, REQUEST, one, two)
    execution = await domain.executions.set(a_caller(), REQUEST, [two])
    assert (execution.steps, execution.sequence) == ((two,), 2)
    assert execution.changed_at_ns > execution.created_at_ns


async def test_an_execution_that_is_set_after_its_deletion_goes_on_counting(domain: Domain) -> None:
    await put(domain, REQUEST)
    await domain.executions.delete(a_caller(), REQUEST)
    assert (await domain.executions.set(a_caller(), REQUEST, [])).sequence == 3


async def test_an_execution_of_another_owner_is_unknown_and_untouched(domain: Domain) -> None:
    await put(domain, REQUEST)
    with pytest.raises(errors.ExecutionNotFoundError):
        await domain.executions.delete(a_caller("another"), REQUEST)
    assert (await domain.executions.set(a_caller("another"), REQUEST, [])).sequence == 1


async def test_a_target_of_another_owner_cannot_be_called(domain: Domain) -> None:
    with pytest.raises(errors.TargetNotFoundError):
        await put(domain, REQUEST, await domain.target(owner="another"))


async def test_an_include_must_exist(domain: Domain) -> None:
    with pytest.raises(errors.IncludeNotFoundError):
        await put(domain, REQUEST, RESPONSE)


async def test_the_first_step_that_is_wrong_is_named_by_its_position(domain: Domain) -> None:
    target = await domain.target()
    with pytest.raises(errors.TargetNotFoundError) as refused:
        await put(domain, REQUEST, target, target, "404", "405")
    assert (refused.value.target_id, refused.value.position) == ("404", 2)
    with pytest.raises(errors.IncludeNotFoundError) as missing:
        await put(domain, REQUEST, target, RESPONSE, "404")
    assert missing.value.position == 1


async def test_a_method_that_reads_as_a_service_deletes_nothing(domain: Domain) -> None:
    await put(domain, SERVICE_REQUEST)
    with pytest.raises(errors.ExecutionNotFoundError):
        await domain.executions.delete(a_caller(), Condition(ExecutionType.REQUEST, Scope.METHOD, f"/{SERVICE}"))


async def test_an_execution_cannot_include_itself_whether_or_not_it_exists(domain: Domain) -> None:
    for _ in range(2):
        with pytest.raises(errors.CircularIncludeError):
            await put(domain, REQUEST, REQUEST)
        await put(domain, REQUEST)


async def test_an_include_cannot_lead_back_over_others(domain: Domain) -> None:
    await put(domain, REQUEST)
    await put(domain, RESPONSE, REQUEST)
    await put(domain, FUNCTION, RESPONSE)
    with pytest.raises(errors.CircularIncludeError):
        await put(domain, REQUEST, FUNCTION)


async def chain(domain: Domain, *conditions: Condition) -> None:
    """Each includes the one before it."""
    before: tuple[Step, ...] = ()
    for condition in conditions:
        await put(domain, condition, *before)
        before = (condition,)


async def test_a_chain_has_at_most_three_executions(domain: Domain) -> None:
    assert MAX_INCLUDE_LEVELS == 3
    await chain(domain, REQUEST, RESPONSE, FUNCTION)
    with pytest.raises(errors.TooManyIncludeLevelsError):
        await put(domain, SERVICE_REQUEST, FUNCTION)


async def test_a_chain_cannot_be_lengthened_at_its_end_either(domain: Domain) -> None:
    await chain(domain, REQUEST, RESPONSE, FUNCTION)
    await put(domain, SERVICE_REQUEST)
    with pytest.raises(errors.TooManyIncludeLevelsError):
        await put(domain, REQUEST, SERVICE_REQUEST)


async def test_nor_in_its_middle(domain: Domain) -> None:
    await chain(domain, REQUEST, RESPONSE)
    await put(domain, FUNCTION)
    await put(domain, SERVICE_REQUEST, FUNCTION)
    with pytest.raises(errors.TooManyIncludeLevelsError):
        await put(domain, FUNCTION, RESPONSE)


async def test_steps_are_bounded(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, REQUEST, *[target] * MAX_STEPS)
    with pytest.raises(errors.TooManyStepsError):
        await put(domain, REQUEST, *[target] * (MAX_STEPS + 1))


async def test_the_steps_of_includes_count(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, REQUEST, *[target] * (MAX_STEPS // 2))
    with pytest.raises(errors.TooManyStepsError):
        await put(domain, RESPONSE, REQUEST, REQUEST)


async def test_an_include_cannot_grow_beyond_what_those_that_include_it_may_have(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, REQUEST)
    await put(domain, RESPONSE, REQUEST, REQUEST, REQUEST)
    await put(domain, FUNCTION, RESPONSE)
    with pytest.raises(errors.TooManyStepsError):
        await put(domain, REQUEST, *[target] * (MAX_STEPS // 3))


async def test_a_refused_execution_changes_nothing(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, REQUEST, target)
    with pytest.raises(errors.TargetNotFoundError):
        await put(domain, REQUEST, "404")
    assert await called_before(domain) == [target]
    assert len(await domain.store.events("execution", "owner/request")) == 1


async def test_a_deleted_execution_is_stripped_from_those_that_include_it(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, RESPONSE, target)
    await put(domain, REQUEST, RESPONSE, target)
    await domain.executions.delete(a_caller(), RESPONSE)
    assert await called_before(domain) == [target]


async def test_the_most_specific_execution_alone_runs(domain: Domain) -> None:
    for_all, for_service, for_method = [await domain.target(name) for name in ("all", "service", "method")]
    await put(domain, REQUEST, for_all)
    assert await called_before(domain) == [for_all]
    await put(domain, SERVICE_REQUEST, for_service)
    assert await called_before(domain) == [for_service]
    await put(domain, METHOD_REQUEST, for_method)
    assert await called_before(domain) == [for_method]
    assert await called_before(domain, "/one.v1.Service/Other") == [for_service]
    assert await called_before(domain, "/two.v1.Service/Method") == [for_all]


async def test_an_execution_without_steps_keeps_wider_ones_from_running(domain: Domain) -> None:
    await put(domain, REQUEST, await domain.target())
    await put(domain, METHOD_REQUEST)
    assert await called_before(domain) is None


async def test_request_and_response_executions_are_found_independently(domain: Domain) -> None:
    one, two = await domain.target("one"), await domain.target("two")
    await put(domain, METHOD_REQUEST, one)
    await put(domain, RESPONSE, two)
    planned = (await plan(domain)).for_method("/one.v1.Service/Method")
    found = [(one.key, [call.target.id for call in one.calls]) for one in (*planned.request, *planned.response)]
    assert found == [(f"request{METHOD}", [one]), ("response", [two])]


@pytest.mark.parametrize(
    ("condition", "path", "is_planned"),
    [
        (METHOD_REQUEST, METHOD.lower(), True),
        (METHOD_REQUEST, "/one.v1.service/other", False),
        (METHOD_REQUEST, "/two.v1.service/method", False),
        (SERVICE_REQUEST, METHOD.lower(), True),
        (SERVICE_REQUEST, "/one.v1.service/a/b", True),
        (SERVICE_REQUEST, "/one.v1.service/", True),
        (SERVICE_REQUEST, "/two.v1.service/method", False),
        (REQUEST, "/two.v1.service/method", True),
        (REQUEST, "//", True),
        (RESPONSE, METHOD.lower(), False),
    ],
)
async def test_what_is_set_for_a_method_is_found_in_lower_case_though_the_method_is_not_known(
    domain: Domain, condition: Condition, path: str, is_planned: bool
) -> None:
    await put(domain, condition, await domain.target())
    assert bool((await plan(domain)).for_unknown(path).request) is is_planned


async def test_includes_are_flattened_in_place_and_order_is_kept(domain: Domain) -> None:
    ids = [await domain.target(str(number)) for number in range(6)]
    await put(domain, FUNCTION, ids[2], ids[1])
    await put(domain, RESPONSE, ids[3], FUNCTION, ids[0])
    await put(domain, REQUEST, ids[5], RESPONSE, ids[4], FUNCTION)
    expected = [ids[number] for number in (5, 3, 2, 1, 0, 4, 2, 1)]
    assert await called_before(domain) == expected


async def test_a_planned_call_has_its_targets_keys(domain: Domain) -> None:
    target = await domain.target()
    await put(domain, REQUEST, target)
    (planned,) = (await plan(domain)).for_method("/one.v1.Service/Method").request
    assert [key.sealed for key in planned.calls[0].keys] == [f"sealed {target}".encode()]


async def test_setting_the_same_steps_again_changes_nothing_if_so_wanted(domain: Domain) -> None:
    one, two = await domain.target("one"), await domain.target("two")
    first = await domain.executions.set(a_caller(), REQUEST, (one, two), keeps_same=True)
    assert await domain.executions.set(a_caller(), REQUEST, (one, two), keeps_same=True) == first
    changed = await domain.executions.set(a_caller(), REQUEST, (two, one), keeps_same=True)
    assert (changed.steps, changed.sequence, changed.created_at_ns) == ((two, one), 2, first.created_at_ns)


async def test_an_execution_that_is_ended_is_deleted_and_ending_it_again_tells_when(domain: Domain) -> None:
    execution = await domain.executions.set(a_caller(), REQUEST, (await domain.target(),))
    ended_at_ns = await domain.executions.end(a_caller(), REQUEST)
    assert await domain.store.write(lambda tx: tx.executions.get("owner", REQUEST)) is None
    assert await domain.executions.end(a_caller(), REQUEST) == ended_at_ns
    assert len(await domain.store.events("execution", execution.aggregate_id)) == 2


async def test_ending_what_has_never_been_set_changes_nothing(domain: Domain) -> None:
    assert await domain.executions.end(a_caller(), parse_key("request/gone.v1.Service")) > 0
    assert (await domain.executions.find(a_caller(), ExecutionQuery())).total == 0


async def test_steps_of_includes_are_in_their_place_in_a_flat_list(domain: Domain) -> None:
    one, two = await domain.target("one"), await domain.target("two")
    await put(domain, REQUEST, one)
    await put(domain, SERVICE_REQUEST, two, REQUEST)
    await put(domain, METHOD_REQUEST, one, SERVICE_REQUEST, one)
    page = await domain.executions.find_flat(a_caller(), ExecutionQuery(PageRequest(limit=1)))
    assert [execution.steps for execution in page.items] == [(one, two, one, one)]
    assert page.total == 3


async def test_executions_that_lose_their_last_step_are_deleted_if_so_wanted_and_so_on(domain: Domain) -> None:
    gone, kept = await domain.target("gone"), await domain.target("kept")
    await put(domain, REQUEST, gone)
    await put(domain, SERVICE_REQUEST, gone, REQUEST)
    await put(domain, METHOD_REQUEST, REQUEST, kept, gone)
    await put(domain, RESPONSE)
    await domain.targets.delete(a_caller(), gone, ends_emptied=True)
    page = await domain.executions.find(a_caller(), ExecutionQuery())
    assert {execution.condition: execution.steps for execution in page.items} == {METHOD_REQUEST: (kept,), RESPONSE: ()}


async def test_what_includes_nothing_but_an_ended_execution_ends_too(domain: Domain) -> None:
    await put(domain, REQUEST, await domain.target())
    await put(domain, SERVICE_REQUEST, REQUEST)
    await domain.executions.end(a_caller(), REQUEST)
    assert (await domain.executions.find(a_caller(), ExecutionQuery())).total == 0


async def test_ending_an_event_that_reads_as_a_group_does_not_tell_of_the_group(domain: Domain) -> None:
    group = Condition(ExecutionType.EVENT, Scope.GROUP, "target")
    set_at_ns = (await domain.executions.set(a_caller(), group, (await domain.target(),))).changed_at_ns
    assert await domain.executions.end(a_caller(), Condition(ExecutionType.EVENT, Scope.EVENT, "target.*")) > set_at_ns


async def test_a_flat_page_has_a_bounded_number_of_targets(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(domain, REQUEST, *[await domain.target()] * 3)
    await put(domain, SERVICE_REQUEST, REQUEST, REQUEST)
    monkeypatch.setattr("actiond.actions.use_cases.executions.MAX_FLAT_STEPS", 8)
    with pytest.raises(errors.PageTooLargeError):
        await domain.executions.find_flat(a_caller(), ExecutionQuery())
    page = await domain.executions.find_flat(a_caller(), ExecutionQuery(PageRequest(limit=1)))
    assert len(page.items[0].steps) == 6
