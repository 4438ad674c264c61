"""Every scenario of the table over every driver that can express it: the same code, message, details and effects."""

import time
from collections import Counter

import pytest
from zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, CreateTargetResponse, GetTargetByIDResponse
from zitadel.action.v3alpha.target_pb2 import Target

from tests.parity.drivers import HTTP_BY_CODE, ROUTES, Driver
from tests.parity.model import Outcome
from tests.parity.scenario import Differs, Scenario, get
from tests.parity.scenarios import SCENARIOS
from tests.parity.service import DRIVERS, owner_of


def _runs() -> list[pytest.param]:  # type: ignore[valid-type]  # pytest names no type for it
    return [
        pytest.param(scenario, driver, id=f"{scenario.id}, over {driver}")
        for scenario in SCENARIOS
        for driver, (protocol, _) in DRIVERS.items()
        if protocol in scenario.only and _can_run(scenario.differs.get(driver))
    ]


def _can_run(differs: Differs | None) -> bool:
    return differs is None or differs.code is not None


def _http_status(scenario: Scenario, driver: str) -> int | None:
    """The HTTP status that goes with the expected outcome."""
    protocol, _ = DRIVERS[driver]
    if protocol != "json":
        return 200 if protocol == "grpc-web" else None
    expected = scenario.differs.get(driver, scenario.expected)
    if expected.http_status is not None:
        return expected.http_status
    # Envoy knows nothing of the proto's success_code.
    if expected.code == 0 and driver == "json":
        return ROUTES[scenario.call.method][2]
    assert expected.code is not None
    return HTTP_BY_CODE[expected.code]


@pytest.mark.parametrize(("scenario", "name"), _runs())
def test_an_outcome_is_the_same_over_every_protocol(scenario: Scenario, name: str, drivers: dict[str, Driver]) -> None:
    driver = drivers[name]
    for call in scenario.before:
        assert driver(call).code == 0
    outcome = driver(scenario.call)
    assert outcome.http_status == _http_status(scenario, name)
    differs = scenario.differs.get(name)
    if differs is not None:
        assert (outcome.code, list(outcome.details)) == (differs.code, [])
        assert differs.message in {None, outcome.message}
        return
    expected = scenario.expected
    assert (outcome.code, outcome.message, list(outcome.details)) == (
        expected.code,
        expected.message,
        list(expected.details),
    )
    if outcome.code == 0:
        _is_kept(driver, scenario.call.message, outcome, owner_of(name))


def _is_kept(driver: Driver, sent: object, outcome: Outcome, owner: str) -> None:
    """What was made is there, says what was sent, and reads the same over the protocol that made it."""
    assert isinstance(sent, CreateTargetRequest)
    created = outcome.response
    assert isinstance(created, CreateTargetResponse)
    assert created.id.isdecimal()
    assert created.id.isascii()
    assert len(created.id) <= 20
    assert created.details.sequence == 1
    assert created.details.resource_owner == owner
    assert abs(created.details.change_date.ToNanoseconds() - time.time_ns()) < 10e9
    found = driver(get(created.id))
    assert found.code == 0
    assert found.http_status in {None, 200}
    assert found.response == GetTargetByIDResponse(target=_target(created, sent))


def _target(created: CreateTargetResponse, sent: CreateTargetRequest) -> Target:
    kind = sent.WhichOneof("target_type")
    assert kind is not None
    return Target(
        target_id=created.id,
        details=created.details,
        name=sent.name,
        timeout=sent.timeout,
        endpoint=sent.endpoint,
        **{kind: getattr(sent, kind)},
    )


def test_no_two_scenarios_have_the_same_id() -> None:
    assert [id for id, times in Counter(scenario.id for scenario in SCENARIOS).items() if times > 1] == []


def test_every_exception_names_a_driver_that_would_run_the_scenario_and_says_why() -> None:
    for scenario in SCENARIOS:
        for driver, differs in scenario.differs.items():
            assert DRIVERS[driver][0] in scenario.only, (scenario.id, driver)
            assert differs.why
