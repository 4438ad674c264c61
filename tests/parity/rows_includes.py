"""Rows: what the steps of an execution may be: targets that exist, and includes that lead to an end."""

from collections.abc import Sequence

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import SetExecutionRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition, Execution, ExecutionTargetType

from tests.parity import shelf
from tests.parity.calls import (
    Step,
    execution,
    execution_set,
    executions_listed,
    id_of,
    list_executions,
    on_event,
    on_function,
    on_request,
    on_response,
    set_execution,
    steps_of,
)
from tests.parity.rows_fields import FOREIGN_ID, LONG_NAME, ONE_TYPE, TOO_SHORT
from tests.parity.scenario import Scenario, exhaustive
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, request

_A, _B, _C, _D, _E = (on_function(name) for name in ("first", "second", "third", "fourth", "fifth"))
_ONE, _OTHER = id_of("one"), id_of("other")
_TARGETS = (create(request("one")), create(request("other")))

_Set = tuple[Condition, tuple[Step, ...]]


def _chain(id: str, *sets: _Set, then: Outcome) -> Scenario:
    """Executions for functions that are set in turn; the last one meets with `then`, and is kept if that is good."""
    *before, (condition, steps) = sets
    return Scenario(
        id,
        set_execution(condition, *steps),
        then,
        before=tuple(set_execution(earlier, *earlier_steps) for earlier, earlier_steps in before),
        then=((list_executions(), _kept(sets if then.code == 0 else before)),),
        alone=True,
    )


def _kept(sets: Sequence[_Set]) -> Outcome:
    """What is listed after these, by name and descending."""
    last: dict[str, Execution] = {}
    for condition, steps in sets:
        name = condition.function.name
        sequence = last[name].details.sequence + 1 if name in last else 1
        last[name] = execution(condition, *steps, sequence=sequence)
    return executions_listed(*(last[name] for name in sorted(last, reverse=True)))


TAKEN = [
    Scenario(
        "steps are kept in their order, however often each is there",
        set_execution(_A, _OTHER, _B, _ONE, _ONE, _B, _OTHER),
        execution_set(1),
        before=(*_TARGETS, set_execution(_B, _ONE)),
        then=(
            (
                list_executions(asc=True),
                executions_listed(execution(_A, _OTHER, _B, _ONE, _ONE, _B, _OTHER), execution(_B, _ONE)),
            ),
        ),
        alone=True,
    ),
    Scenario(
        "an included response condition stays one",
        set_execution(_A, on_response(all=True), on_event(group="target.*")),
        execution_set(1),
        before=(
            set_execution(on_request(all=True)),
            set_execution(on_response(all=True)),
            set_execution(on_event(group="target")),
        ),
        then=(
            (
                list_executions(limit=1, offset=2),
                executions_listed(execution(_A, on_response(all=True), on_event(group="target")), total=4),
            ),
        ),
        alone=True,
    ),
    _chain("a chain of three", (_C, ()), (_B, (_C,)), (_A, (_B,)), then=execution_set(1)),
    _chain(
        "an include by two ways",
        (_D, ()),
        (_B, (_D,)),
        (_C, (_D,)),
        (_A, (_B, _C, _D)),
        then=execution_set(1),
    ),
    _chain(
        "a circle that was cut before it is closed", (_B, ()), (_A, (_B,)), (_A, ()), (_B, (_A,)), then=execution_set(2)
    ),
]

MISSING = [
    _chain("a target that nobody has", (_A, ("1",)), then=expect.target_missing()),
    _chain("another owner's target", (_A, (FOREIGN_ID,)), then=expect.target_missing()),
    _chain("a target that is no number", (_A, ("no such id",)), then=expect.target_missing()),
    _chain("an include that nobody has set", (_A, (_B,)), then=expect.include_missing()),
    _chain("an include of a function that nobody knows", (_A, (on_function("sixth"),)), then=expect.include_missing()),
    _chain("an include that another owner has set", (_A, (shelf.ALL_EVENTS,)), then=expect.include_missing()),
    _chain(
        "an include of responses that nobody has set",
        (_B, ()),
        (_A, (_B, on_response(all=True))),
        then=expect.include_missing(1),
    ),
    Scenario(
        "a missing target behind one that is there",
        set_execution(_A, _ONE, "1"),
        expect.target_missing(1),
        before=(_TARGETS[0],),
        then=((list_executions(), executions_listed()),),
        alone=True,
    ),
]

CIRCLES = [
    _chain("an include of itself", (_A, (_A,)), then=expect.circular_include()),
    _chain("an include of itself, once it is there", (_A, ()), (_A, (_A,)), then=expect.circular_include()),
    _chain("a circle of two", (_B, ()), (_A, (_B,)), (_B, (_A,)), then=expect.circular_include()),
    _chain("a circle of three", (_C, ()), (_B, (_C,)), (_A, (_B,)), (_C, (_A,)), then=expect.circular_include()),
    _chain(
        "a circle of two behind an include of no fault",
        (_C, ()),
        (_B, ()),
        (_A, (_B,)),
        (_B, (_C, _A)),
        then=expect.circular_include(1),
    ),
    _chain("a circle behind an include that is not there", (_A, (_B, _A)), then=expect.circular_include(1)),
]

LEVELS = [
    _chain(
        "a chain of four, longer at its beginning",
        (_C, ()),
        (_B, (_C,)),
        (_A, (_B,)),
        (_D, (_A,)),
        then=expect.TOO_MANY_LEVELS,
    ),
    _chain(
        "a chain of four, longer at its end",
        (_D, ()),
        (_C, ()),
        (_B, (_C,)),
        (_A, (_B,)),
        (_C, (_D,)),
        then=expect.TOO_MANY_LEVELS,
    ),
    _chain(
        "a chain of four, joined in the middle",
        (_D, ()),
        (_C, (_D,)),
        (_B, ()),
        (_A, (_B,)),
        (_B, (_C,)),
        then=expect.TOO_MANY_LEVELS,
    ),
    _chain(
        "a chain of four beside a short one",
        (_E, ()),
        (_C, (_E,)),
        (_B, (_C,)),
        (_A, (_E, _B)),
        then=expect.TOO_MANY_LEVELS,
    ),
]

MANY = [
    Scenario(
        "a thousand steps",
        set_execution(_A, *[_ONE] * 1000),
        execution_set(1),
        before=(_TARGETS[0],),
        alone=True,
    ),
    Scenario(
        "a thousand and one steps",
        set_execution(_A, *[_ONE] * 1001),
        expect.violations(targets="must contain no more than 1000 item(s)"),
        before=(_TARGETS[0],),
        alone=True,
    ),
    Scenario(
        "a thousand and one steps, those of the include counted",
        set_execution(_B, _A, _ONE),
        expect.TOO_MANY_STEPS,
        before=(_TARGETS[0], set_execution(_A, *[_ONE] * 999)),
        alone=True,
    ),
]


def _steps(*steps: ExecutionTargetType) -> Call:
    return Call("SetExecution", SetExecutionRequest(condition=_A, targets=steps))


REFUSED = [
    Scenario(
        "steps that say nothing",
        _steps(
            ExecutionTargetType(),
            *steps_of(["", "1" * 201, Condition(), on_function(""), on_request(method="")]),
        ),
        expect.violations(
            **{
                "targets[0].type": ONE_TYPE,
                "targets[1].target": TOO_SHORT,
                "targets[2].target": LONG_NAME,
                "targets[3].include.condition_type": ONE_TYPE,
                "targets[4].include.function.name": TOO_SHORT,
                "targets[5].include.request.method": TOO_SHORT,
            }
        ),
    ),
    Scenario(
        "an include of requests to nothing",
        set_execution(_A, on_request()),
        expect.request_condition_empty("targets[0].include"),
    ),
    Scenario(
        "an include of no events, behind a target",
        set_execution(_A, "1", on_event(all=False)),
        expect.event_condition_empty("targets[1].include"),
    ),
]

ROWS = [
    *exhaustive(TAKEN),
    *exhaustive(MISSING),
    *exhaustive(CIRCLES),
    *exhaustive(LEVELS),
    *exhaustive(MANY),
    *exhaustive(REFUSED),
]
