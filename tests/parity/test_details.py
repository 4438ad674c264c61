"""What resources and lists say of their own history, to the nanosecond: the rows can only say that it is recent."""

from typing import Any

import pytest
from actiond_protos.zitadel.object.v2.object_pb2 import Details, ListDetails

from tests.parity.calls import (
    delete,
    delete_execution,
    list_executions,
    list_targets,
    on_function,
    set_execution,
    update,
)
from tests.parity.run import Run
from tests.parity.service import owner_of, token_of
from tests.support.action_service.connections import DRIVERS
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import Call
from tests.support.action_service.requests import create, get, request


@pytest.fixture(params=DRIVERS)
def run(request: pytest.FixtureRequest, drivers: dict[str, Driver]) -> Run:
    return Run(drivers[request.param], token_of(request.param), owner_of(request.param))


def _response(run: Run, call: Call) -> Any:
    outcome = run(call)
    assert outcome.code == 0
    return outcome.response


def test_an_update_that_changes_nothing_answers_the_details_that_were(run: Run) -> None:
    created = _response(run, create(request("a target that nothing changes")))
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"name": "a target that nothing changes"},
        {"endpoint": request("n").endpoint},
    )
    for change in changes:
        assert _response(run, update(created.id, **change)).details == created.details
    assert _response(run, get(created.id)).target.details == created.details


def test_each_event_of_a_target_is_later_than_the_one_before(run: Run) -> None:
    created = _response(run, create(request("a target with a history")))
    once = _response(run, update(created.id, name="a target with a longer history")).details
    assert _response(run, get(created.id)).target.details == once
    last = _response(run, delete(created.id)).details
    _grows(created.details, once, last)


def test_each_event_of_an_execution_is_later_than_the_one_before(run: Run) -> None:
    condition = on_function("fifth")
    first = _response(run, set_execution(condition)).details
    second = _response(run, set_execution(condition)).details
    (listed,) = _response(run, list_executions()).result
    assert listed.details == second
    last = _response(run, delete_execution(condition)).details
    _grows(first, second, last)


def _grows(*history: Details) -> None:
    assert [details.sequence - history[0].sequence for details in history] == list(range(len(history)))
    times = [details.change_date.ToNanoseconds() for details in history]
    assert times == sorted(set(times))


@pytest.mark.parametrize("listing", [list_targets, list_executions], ids=["targets", "executions"])
def test_a_list_tells_of_the_last_event_that_it_has_seen(listing: Any, run: Run) -> None:
    before: ListDetails = _response(run, listing()).details
    created = _response(run, create(request(f"a target that {listing.__name__} sees")))
    after: ListDetails = _response(run, listing()).details
    assert after.processed_sequence == before.processed_sequence + 1
    assert after.timestamp == created.details.change_date
    assert _response(run, listing()).details == after
