"""Every scenario of the table over every driver that can express it: the same code, message, details and effects."""

from collections import Counter

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    CreateTargetResponse,
    GetTargetByIDResponse,
)

from tests.parity.calls import details, target
from tests.parity.run import Run, settled
from tests.parity.scenario import Differs, Reach, Scenario
from tests.parity.scenarios import SCENARIOS
from tests.parity.service import lone_callers, owner_of, token_of
from tests.support.action_service.connections import DRIVERS
from tests.support.action_service.drivers import HTTP_BY_CODE, ROUTES, Driver
from tests.support.action_service.model import Outcome
from tests.support.action_service.requests import get
from tests.support.targets.server import TargetServer
from tests.support.wire.protocols import CODES


def _runs() -> list[pytest.param]:  # type: ignore[valid-type]  # pytest names no type for it
    return [
        pytest.param(scenario, driver, id=f"{scenario.id}, over {driver}", marks=_marks(scenario, driver))
        for scenario in SCENARIOS
        for driver, (protocol, _) in DRIVERS.items()
        if scenario.runs_over(driver, protocol) and _can_run(scenario.differs.get(driver))
    ]


def _marks(scenario: Scenario, driver: str) -> list[pytest.MarkDecorator]:
    """One driver is enough for a quick run, that which can express the most rows; and of v2 and v2beta, v2."""
    is_quick = driver == "json" and ".v2beta." not in scenario.call.rpc_path
    return [] if is_quick else [pytest.mark.slow]


def _can_run(differs: Differs | None) -> bool:
    return differs is None or differs.code is not None


def _http_status(scenario: Scenario, driver: str) -> int | None:
    """The HTTP status that goes with the expected outcome."""
    protocol, _ = DRIVERS[driver]
    if protocol == "connect":
        return CODES[scenario.expected.code][1] if scenario.expected.code else 200
    if protocol != "json":
        return 200 if protocol == "grpc-web" else None
    expected = scenario.differs.get(driver, scenario.expected)
    if expected.http_status is not None:
        return expected.http_status
    # Envoy knows nothing of the proto's success_code.
    if expected.code == 0 and driver == "json":
        return ROUTES[scenario.call.rpc_path].success
    assert expected.code is not None
    return HTTP_BY_CODE[expected.code]


@pytest.mark.parametrize(("scenario", "name"), _runs())
def test_an_outcome_is_the_same_over_every_protocol(
    scenario: Scenario, name: str, drivers: dict[str, Driver], receiver: TargetServer
) -> None:
    run = _run(scenario, name, drivers, receiver.url(""))
    for call in scenario.before:
        assert run(call).code == 0
    outcome = run(scenario.call)
    assert outcome.http_status == _http_status(scenario, name)
    differs = scenario.differs.get(name)
    if differs is not None:
        assert (outcome.code, list(outcome.details)) == (differs.code, [])
        assert differs.message in {None, outcome.message}
        return
    _is_as(run, outcome, scenario.expected)
    if isinstance(outcome.response, CreateTargetResponse):
        _is_kept(run, scenario.call.message, outcome.response)
    for call, expected in scenario.then:
        _is_as(run, run(call), expected)


def _run(scenario: Scenario, name: str, drivers: dict[str, Driver], receiver: str) -> Run:
    if scenario.alone:
        caller = lone_callers()[scenario.id, name]
        return Run(drivers[name], caller.secret, caller.owner, receiver)
    return Run(drivers[name], token_of(name), owner_of(name), receiver)


def _is_as(run: Run, outcome: Outcome, expected: Outcome) -> None:
    assert (outcome.code, outcome.message, list(outcome.details)) == (
        expected.code,
        expected.message,
        list(expected.details),
    )
    if outcome.response is not None and not isinstance(outcome.response, CreateTargetResponse):
        assert expected.response is not None
        assert settled(outcome.response) == run.resolved(expected.response)


def _is_kept(run: Run, sent: object, created: CreateTargetResponse) -> None:
    """What was made is there, says what was sent, and reads the same over the protocol that made it."""
    assert isinstance(sent, CreateTargetRequest)
    assert created.id.isdecimal()
    assert created.id.isascii()
    assert len(created.id) <= 20
    assert settled(created).details == run.resolved(details(1))
    found = run(get(created.id))
    assert found.code == 0
    assert found.http_status in {None, 200}
    assert found.response == GetTargetByIDResponse(target=target(sent, created.details, created.id))


def test_no_two_scenarios_have_the_same_id() -> None:
    assert [id for id, times in Counter(scenario.id for scenario in SCENARIOS).items() if times > 1] == []


def test_every_scenario_is_marked_and_runs_over_some_driver() -> None:
    assert [scenario.id for scenario in SCENARIOS if scenario.reach is None] == []
    assert {run.values[0].id for run in _runs()} == {scenario.id for scenario in SCENARIOS}  # type: ignore[attr-defined]  # a parameter's type is object


def test_every_kind_of_outcome_is_seen_over_every_driver_that_can_express_it() -> None:
    everywhere = {(row.kind, row.only) for row in SCENARIOS if row.reach is Reach.EVERY_DRIVER}
    assert [row.id for row in SCENARIOS if (row.kind, row.only) not in everywhere] == []


def test_every_exception_names_a_driver_that_would_run_the_scenario_and_says_why() -> None:
    for scenario in SCENARIOS:
        for driver, differs in scenario.differs.items():
            assert scenario.runs_over(driver, DRIVERS[driver][0]), (scenario.id, driver)
            assert differs.why
