"""Rows: DeleteTarget, and what becomes of executions that named the target."""

from tests.parity.calls import (
    delete,
    deleted,
    execution,
    executions_listed,
    id_of,
    list_executions,
    on_event,
    on_function,
    set_execution,
    update,
)
from tests.parity.rows_fields import (
    ENVOY_NO_SUCH_PATH,
    FOREIGN_ID,
    LONG_NAME,
    NO_SUCH_PATH,
    TOO_SHORT,
)
from tests.parity.scenario import JSON, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, get, request


def _after(id: str, expected: Outcome, *before: Call) -> Scenario:
    """A target that is deleted after these calls."""
    return Scenario(
        id,
        delete(id_of(id)),
        expected,
        before=(create(request(id)), *before),
        then=((get(id_of(id)), expect.UNKNOWN_TARGET), (delete(id_of(id)), expect.TARGET_TO_DELETE_UNKNOWN)),
    )


_UPDATED = "deleting a target that was updated"
_FREE = "a name whose target was deleted"

GONE = [
    _after("deleting a target", deleted(2)),
    _after(_UPDATED, deleted(3), update(id_of(_UPDATED), endpoint="https://second.example")),
    Scenario(_FREE, create(request(_FREE)), expect.CREATED, before=(create(request(_FREE)), delete(id_of(_FREE)))),
]

UNKNOWN = [
    Scenario("deleting an id that nobody has", delete("1"), expect.TARGET_TO_DELETE_UNKNOWN),
    Scenario("deleting an id that is no number", delete("no such id: ü+"), expect.TARGET_TO_DELETE_UNKNOWN),
    Scenario(
        "deleting an id with a percent sign",
        delete("100%"),
        expect.TARGET_TO_DELETE_UNKNOWN,
    ),
    Scenario("deleting another owner's target", delete(FOREIGN_ID), expect.TARGET_TO_DELETE_UNKNOWN),
    Scenario("deleting an id of 201 characters", delete("1" * 201), expect.violations(target_id=LONG_NAME)),
    Scenario(
        "deleting an empty id",
        delete(""),
        expect.violations(target_id=TOO_SHORT),
        differs={"json": NO_SUCH_PATH, "envoy-json": ENVOY_NO_SUCH_PATH},
    ),
    Scenario(
        "deleting a target with a body, which the route does not have",
        delete("1", json="{}"),
        expect.plain(expect.INVALID_ARGUMENT, "this method takes no body"),
        only=JSON,
        differs={"envoy-json": Differs("Envoy's transcoder passes over the body")},
    ),
]

_FIRST, _SECOND, _EVENT = on_function("first"), on_function("second"), on_event(event="target.added")
_ONE, _OTHER = id_of("one"), id_of("other")

STRIPPED = [
    Scenario(
        "deleting a target strips it from every execution that names it",
        delete(_ONE),
        deleted(2),
        before=(
            create(request("one")),
            create(request("other")),
            set_execution(_FIRST, _ONE, _OTHER, _ONE),
            set_execution(_SECOND, _ONE),
            set_execution(_EVENT, _OTHER, _FIRST),
        ),
        then=(
            (
                list_executions(asc=True),
                executions_listed(
                    execution(_EVENT, _OTHER, _FIRST),
                    execution(_FIRST, _OTHER, sequence=2),
                    execution(_SECOND, sequence=2),
                ),
            ),
        ),
        alone=True,
    ),
]

ROWS = [
    *exhaustive(GONE),
    *exhaustive(UNKNOWN),
    *representative(STRIPPED),
]
