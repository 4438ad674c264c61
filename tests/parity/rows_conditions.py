"""Rows: what a condition may say, on SetExecution and on DeleteExecution."""

from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition

from tests.parity.calls import (
    delete_execution,
    execution,
    execution_deleted,
    execution_set,
    executions_listed,
    list_executions,
    on_event,
    on_function,
    on_request,
    on_response,
    set_execution,
)
from tests.parity.rows_fields import ONE_TYPE, REQUIRED, TOO_SHORT
from tests.parity.scenario import ENVOY_READS_JSON, JSON, Differs, Scenario, exhaustive
from tests.support.action_service import expect
from tests.support.action_service.model import SERVICE, Call, Outcome

METHOD = f"/{SERVICE}/DeleteTarget"

# Without steps: what covers the calls of the rows themselves must call nobody.
_PROPER: tuple[tuple[str, Condition], ...] = (
    ("requests to a method", on_request(method=METHOD)),
    ("requests to a service", on_request(service=SERVICE)),
    ("all requests", on_request(all=True)),
    ("responses of a method", on_response(method=METHOD)),
    ("responses of a service", on_response(service=SERVICE)),
    ("all responses", on_response(all=True)),
    ("a function", on_function("first")),
    ("all events", on_event(all=True)),
    *((f"the event {name}", on_event(event=name)) for name in ("target.added", "target.changed", "target.removed")),
    *((f"the event {name}", on_event(event=name)) for name in ("execution.set", "execution.removed")),
    ("a group of events", on_event(group="target")),
    ("another group of events", on_event(group="execution")),
)

SET = [
    Scenario(
        f"an execution for {what}",
        set_execution(condition),
        execution_set(1),
        then=(
            (list_executions(), executions_listed(execution(condition))),
            (delete_execution(condition), execution_deleted(2)),
            (list_executions(), executions_listed()),
        ),
        alone=True,
    )
    for what, condition in _PROPER
]

_GROUP, _SAME_GROUP = on_event(group="target"), on_event(group="target.*")
SET += [
    Scenario(
        "a group of events with .*, which is the group without",
        set_execution(_SAME_GROUP),
        execution_set(2),
        before=(set_execution(_GROUP),),
        then=(
            (list_executions(), executions_listed(execution(_GROUP, sequence=2))),
            (delete_execution(_SAME_GROUP), execution_deleted(3)),
        ),
        alone=True,
    ),
]

JSON_FORMS = [
    Scenario(
        f"an execution by JSON {what}",
        Call("SetExecution", json=json),
        execution_set(1),
        only=JSON,
        then=((list_executions(), executions_listed(execution(condition))),),
        alone=True,
    )
    for what, json, condition in (
        ("for a function", '{"condition": {"function": {"name": "first"}}, "targets": []}', on_function("first")),
        ("for all events", '{"condition": {"event": {"all": true}}}', on_event(all=True)),
        ("for a group", '{"condition": {"event": {"group": "target.*"}}, "targets": null}', on_event(group="target")),
        ("for a method", f'{{"condition": {{"request": {{"method": "{METHOD}"}}}}}}', on_request(method=METHOD)),
    )
]

_EMPTY: tuple[tuple[str, Condition, Outcome], ...] = (
    ("requests to nothing", on_request(), expect.request_condition_empty()),
    ("requests to all, which is false", on_request(all=False), expect.request_condition_empty()),
    ("responses of nothing", on_response(), expect.request_condition_empty()),
    ("responses of all, which is false", on_response(all=False), expect.request_condition_empty()),
    ("no events", on_event(), expect.event_condition_empty()),
    ("all events, which is false", on_event(all=False), expect.event_condition_empty()),
)

_LONG = "must be at most 1000 characters"
_BROKEN: tuple[tuple[str, Condition | None, Outcome], ...] = (
    ("no condition", None, expect.violations(condition=REQUIRED)),
    ("a condition of no type", Condition(), expect.violations(**{"condition.condition_type": ONE_TYPE})),
    *(
        (f"{what} {how}", make(name), expect.violations(**{f"condition.{path}": rule}))
        for what, path, make in (
            ("requests to a method", "request.method", lambda name: on_request(method=name)),
            ("requests to a service", "request.service", lambda name: on_request(service=name)),
            ("responses of a method", "response.method", lambda name: on_response(method=name)),
            ("responses of a service", "response.service", lambda name: on_response(service=name)),
            ("a function", "function.name", on_function),
            ("an event", "event.event", lambda name: on_event(event=name)),
            ("a group of events", "event.group", lambda name: on_event(group=name)),
        )
        for how, name, rule in (
            ("without a name", "", TOO_SHORT),
            ("with a name of 1001 characters", "n" * 1001, _LONG),
        )
    ),
)

_UNKNOWN: tuple[tuple[str, Condition, Outcome], ...] = (
    ("requests to an unknown method", on_request(method=f"/{SERVICE}/NoSuch"), expect.METHOD_UNKNOWN),
    ("requests to a method of 1000 characters", on_request(method="m" * 1000), expect.METHOD_UNKNOWN),
    ("requests to a method without its slash", on_request(method=METHOD[1:]), expect.METHOD_UNKNOWN),
    ("requests to a method that is a service", on_request(method=SERVICE), expect.METHOD_UNKNOWN),
    ("requests to a method in small letters", on_request(method=METHOD.lower()), expect.METHOD_UNKNOWN),
    ("requests to an unknown service", on_request(service="no.Service"), expect.SERVICE_UNKNOWN),
    ("requests to a service with a slash", on_request(service=f"/{SERVICE}"), expect.SERVICE_UNKNOWN),
    ("requests to a service that is a method", on_request(service=METHOD[1:]), expect.SERVICE_UNKNOWN),
    ("responses of an unknown method", on_response(method="/no.Service/Method"), expect.METHOD_UNKNOWN),
    ("responses of an unknown service", on_response(service="no.Service"), expect.SERVICE_UNKNOWN),
    ("an unknown function", on_function("sixth"), expect.FUNCTION_UNKNOWN),
    ("a function in capitals", on_function("FIRST"), expect.FUNCTION_UNKNOWN),
    ("an unknown event", on_event(event="user.human.added"), expect.EVENT_UNKNOWN),
    ("an event that is a group", on_event(event="target"), expect.EVENT_UNKNOWN),
    ("an event that is a group with .*", on_event(event="target.*"), expect.EVENT_UNKNOWN),
    ("an unknown group", on_event(group="user"), expect.GROUP_UNKNOWN),
    ("a group that is half a word", on_event(group="targ"), expect.GROUP_UNKNOWN),
    ("a group that is an event", on_event(group="target.added"), expect.GROUP_UNKNOWN),
    ("a group that is .* alone", on_event(group=".*"), expect.GROUP_UNKNOWN),
)

REFUSED = [
    Scenario(f"{verb} an execution for {what}", call(condition), expected)
    for verb, call in (("setting", set_execution), ("deleting", delete_execution))
    for what, condition, expected in (*_EMPTY, *_BROKEN)
]
REFUSED += [
    Scenario(f"setting an execution for {what}", set_execution(condition), expected)
    for what, condition, expected in _UNKNOWN
]
# The catalogue may have forgotten what an execution was set for, and that must not keep it from being deleted.
REFUSED += [
    Scenario(f"deleting an execution for {what}", delete_execution(condition), expect.EXECUTION_UNKNOWN)
    for what, condition, _ in _UNKNOWN
]


def _bad_json(what: str, json: str, expected: Outcome, envoy: Differs | None = None) -> Scenario:
    differs = {"envoy-json": envoy or Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    return Scenario(
        f"setting an execution by JSON {what}", Call("SetExecution", json=json), expected, only=JSON, differs=differs
    )


WRONG_JSON = [
    Scenario(
        "setting an execution by JSON that is empty",
        Call("SetExecution", json=""),
        expect.violations(condition=REQUIRED),
        only=JSON,
    ),
    _bad_json(
        "of two types",
        '{"condition": {"request": {"all": true}, "event": {"all": true}}}',
        expect.violations(**{"condition.condition_type": 'must hold only one of "request" and "event"'}),
    ),
    _bad_json(
        "for a method and a service",
        '{"condition": {"request": {"method": "m", "service": "s"}}}',
        expect.violations(**{"condition.request.condition": 'must hold only one of "method" and "service"'}),
    ),
    _bad_json(
        "with a condition that is a text",
        '{"condition": "request"}',
        expect.violations(condition="must be an object"),
    ),
    _bad_json(
        "with targets that are texts",
        '{"condition": {"event": {"all": true}}, "targets": ["1"]}',
        expect.violations(**{"targets[0]": "must be an object", "targets[0].type": ONE_TYPE}),
    ),
    _bad_json(
        "with a step that is both target and include",
        '{"condition": {"event": {"all": true}}, "targets": [{"target": "1", "include": {"event": {"all": true}}}]}',
        expect.violations(**{"targets[0].type": 'must hold only one of "target" and "include"'}),
    ),
]

ROWS = [
    *exhaustive(SET),
    *exhaustive(JSON_FORMS),
    *exhaustive(REFUSED),
    *exhaustive(WRONG_JSON),
]
