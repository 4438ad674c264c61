"""Rows: SetExecution as an upsert, DeleteExecution, and the JSON body that its DELETE has."""

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import DeleteExecutionRequest

from tests.parity import shelf
from tests.parity.calls import (
    Step,
    delete_execution,
    execution,
    execution_deleted,
    execution_set,
    executions_listed,
    id_of,
    list_executions,
    on_event,
    on_function,
    set_execution,
)
from tests.parity.rows_fields import REQUIRED
from tests.parity.scenario import JSON, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Http, Outcome
from tests.support.action_service.requests import create, request

_FIRST, _SECOND, _EVENTS = on_function("first"), on_function("second"), on_event(all=True)
_ONE, _OTHER = id_of("one"), id_of("other")
_TARGETS = (create(request("one")), create(request("other")))


def _set_again(id: str, earlier: tuple[Step, ...], later: tuple[Step, ...]) -> Scenario:
    return Scenario(
        f"an execution that is set again {id}",
        set_execution(_FIRST, *later),
        execution_set(2),
        before=(*_TARGETS, set_execution(_EVENTS), set_execution(_FIRST, *earlier)),
        then=((list_executions(), executions_listed(execution(_FIRST, *later, sequence=2), execution(_EVENTS))),),
        alone=True,
    )


REPLACED = [
    _set_again("with other targets", (_ONE,), (_OTHER,)),
    _set_again("with more", (_ONE,), (_OTHER, _EVENTS, _ONE)),
    _set_again("in another order", (_ONE, _EVENTS, _OTHER), (_OTHER, _ONE, _EVENTS)),
    _set_again("with nothing", (_ONE, _EVENTS), ()),
    _set_again("as it was", (_ONE, _OTHER), (_ONE, _OTHER)),
]

DELETED = [
    Scenario(
        "deleting an execution leaves the others and their targets",
        delete_execution(_FIRST),
        execution_deleted(2),
        before=(*_TARGETS, set_execution(_FIRST, _ONE), set_execution(_SECOND, _ONE)),
        then=(
            (list_executions(), executions_listed(execution(_SECOND, _ONE))),
            (delete_execution(_FIRST), expect.EXECUTION_UNKNOWN),
        ),
        alone=True,
    ),
    Scenario(
        "deleting an execution strips it from those that include it",
        delete_execution(_FIRST),
        execution_deleted(2),
        before=(*_TARGETS, set_execution(_FIRST), set_execution(_SECOND, _FIRST, _ONE, _FIRST)),
        then=((list_executions(), executions_listed(execution(_SECOND, _ONE, sequence=2))),),
        alone=True,
    ),
    Scenario(
        "an execution that was deleted and is set again goes on counting",
        set_execution(_FIRST),
        execution_set(3),
        before=(set_execution(_FIRST), delete_execution(_FIRST)),
        then=((list_executions(), executions_listed(execution(_FIRST, sequence=3))),),
        alone=True,
    ),
    Scenario("deleting an execution that nobody has set", delete_execution(_FIRST), expect.EXECUTION_UNKNOWN),
    Scenario("deleting an execution of another owner's", delete_execution(shelf.SECOND), expect.EXECUTION_UNKNOWN),
]

_FUNCTION = '{"condition": {"function": {"name": "first"}}}'


def _deleted_by(id: str, json: str, http: Http | None = None) -> Scenario:
    call = Call("DeleteExecution", json=json, http=http or Http())
    return Scenario(
        f"deleting an execution by {id}",
        call,
        execution_deleted(2),
        only=JSON,
        before=(set_execution(_FIRST),),
        then=((list_executions(), executions_listed()),),
        alone=True,
    )


def _refused_by(id: str, json: str, expected: Outcome, http: Http | None = None) -> Scenario:
    call = Call("DeleteExecution", DeleteExecutionRequest(), json=json, http=http or Http())
    return Scenario(f"deleting an execution by {id}", call, expected, only=JSON)


_NO_CONDITION = expect.violations(condition=REQUIRED)

BODIES = [
    _deleted_by("a DELETE with a JSON body", _FUNCTION),
    _deleted_by("a DELETE with a JSON body and no content type", _FUNCTION, Http(content_type="")),
    _deleted_by("a DELETE whose JSON body comes in chunks", _FUNCTION, Http(chunked=True)),
    _deleted_by("JSON with unknown fields", '{"condition": {"function": {"name": "first", "x": 1}}, "y": []}'),
    _refused_by("a DELETE without a body", "", _NO_CONDITION),
    _refused_by("a DELETE with an empty body in chunks", "", _NO_CONDITION, Http(chunked=True)),
    _refused_by("a DELETE with the empty message", "{}", _NO_CONDITION),
]

ROWS = [
    *exhaustive(REPLACED),
    *exhaustive(DELETED),
    *representative(BODIES),
]
