"""The dates of v2 and v2beta, to the nanosecond: the rows can only say that they are recent."""

import time
from typing import Any

import pytest
from actiond_protos.zitadel.action.v2 import action_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.parity import calls
from tests.parity.calls import on_function
from tests.parity.rows_v2_public_keys import add
from tests.parity.run import Run
from tests.parity.service import owner_of, token_of
from tests.parity.v2_calls import V2, VERSIONS, Version
from tests.support.action_service.connections import DRIVERS
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import Call
from tests.support.action_service.requests import create, request


@pytest.fixture(params=DRIVERS)
def run(request: pytest.FixtureRequest, drivers: dict[str, Driver]) -> Run:
    return Run(drivers[request.param], token_of(request.param), owner_of(request.param))


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> Version:
    found: Version = request.param
    return found


def _response(run: Run, call: Call) -> Any:
    outcome = run(call)
    assert outcome.code == 0
    return outcome.response


def test_a_target_has_the_dates_that_its_calls_returned(version: Version, run: Run) -> None:
    created = _response(run, version.create(f"{version.name}: a target with a history"))
    changed = _response(run, version.update(created.id, timeout=Duration(seconds=1))).change_date
    rotated = _response(run, version.update(created.id, expiration_signing_key=Duration())).change_date
    target = _response(run, version.get(created.id)).target
    assert (target.creation_date, target.change_date) == (created.creation_date, rotated)
    deleted = _response(run, version.delete(created.id)).deletion_date
    _grows(created.creation_date, changed, rotated, deleted)


def test_an_update_that_changes_nothing_returns_the_date_of_the_last_change(version: Version, run: Run) -> None:
    created = _response(run, version.create(f"{version.name}: a target that nothing changes"))
    changes: tuple[dict[str, Any], ...] = ({}, {"timeout": Duration(seconds=10)}, {"rest_webhook": {}})
    for change in changes:
        assert _response(run, version.update(created.id, **change)).change_date == created.creation_date


def test_deleting_again_returns_the_date_of_the_first_time(version: Version, run: Run) -> None:
    created = _response(run, version.create(f"{version.name}: a target that is deleted twice"))
    first = _response(run, version.delete(created.id))
    assert _response(run, version.delete(created.id)) == first
    old = _response(run, create(request(f"a target that v3alpha deletes, and {version.name} again")))
    deleted = _response(run, calls.delete(old.id)).details.change_date
    assert _response(run, version.delete(old.id)).deletion_date == deleted


def test_setting_the_same_targets_again_returns_the_date_of_the_last_change(version: Version, run: Run) -> None:
    condition = version.on_function("fifth")
    one = _response(run, version.create(f"{version.name}: a target of an execution that stays as it is")).id
    first = _response(run, version.set_execution(condition, one)).set_date
    second = _response(run, version.set_execution(condition, one, one)).set_date
    assert _response(run, version.set_execution(condition, one, one)).set_date == second
    (listed,) = _response(run, version.list_executions(version.with_conditions(condition))).executions
    assert (listed.creation_date, listed.change_date) == (first, second)
    ended = _response(run, version.set_execution(condition)).set_date
    assert _response(run, version.set_execution(condition)).set_date == ended
    _grows(first, second, ended)
    again = _response(run, version.set_execution(condition, one)).set_date
    deleted = _response(run, calls.delete_execution(on_function("fifth"))).details.change_date
    assert _response(run, version.set_execution(condition)).set_date == deleted
    _grows(ended, again, deleted)


def test_ending_what_has_never_been_set_returns_now(version: Version, run: Run) -> None:
    before = time.time_ns()
    ended = _response(run, version.set_execution(version.on_function(f"never-{version.name}"))).set_date
    assert before <= ended.ToNanoseconds() <= time.time_ns()


def test_activating_and_deactivating_again_return_the_date_of_the_first_time(run: Run) -> None:
    target_id = _response(run, V2.create("v2: a target whose key is activated twice")).id
    added = _response(run, add(target_id))
    key = {"target_id": target_id, "key_id": added.key_id}
    dates = [added.creation_date]
    for change in (pb.ActivatePublicKeyRequest(**key), pb.DeactivatePublicKeyRequest(**key)):
        dates.append(_response(run, V2.call(change)).change_date)
        assert _response(run, V2.call(change)).change_date == dates[-1]
        (listed,) = _response(run, V2.call(pb.ListPublicKeysRequest(target_id=target_id))).public_keys
        assert (listed.creation_date, listed.change_date) == (added.creation_date, dates[-1])
        assert _response(run, V2.get(target_id)).target.change_date == dates[-1]
    removed = pb.RemovePublicKeyRequest(**key)
    _grows(*dates, _response(run, V2.call(removed)).deletion_date)


def _grows(*dates: Timestamp) -> None:
    times = [date.ToNanoseconds() for date in dates]
    assert times == sorted(set(times))
