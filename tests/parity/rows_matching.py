"""Rows: match conditions, which say which calls an execution is for."""

from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from google.protobuf.message import Message

from tests.parity.calls import answer, on_function, on_request
from tests.parity.execution_calls import CHANGED, ORDER, as_protobuf, call, execute_request
from tests.parity.rows_executing import bound
from tests.parity.rows_fields import REQUIRED
from tests.parity.scenario import Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.services.shop import PLACE

_REQUEST = on_request(method=PLACE)
_IS_SET = answer(pb.SetConditionResponse())
_MATCH = 'message.item == "cup" && user == ""'


def _set(match: str, condition: Condition = _REQUEST) -> Call:
    return call(pb.SetConditionRequest(condition=condition, match=match))


def _get(condition: Condition = _REQUEST) -> Call:
    return call(pb.GetConditionRequest(condition=condition))


def _found(match: str) -> Outcome:
    return answer(pb.GetConditionResponse(match=match))


def _executed(payload: Message, *, ran: bool) -> Outcome:
    known = pb.SetExecutions(request=True)
    return answer(pb.ExecuteRequestResponse(request=as_protobuf(payload), executed=ran, changed=ran, set=known))


def _invalid(rule: str) -> Outcome:
    text = "Match condition is invalid"
    return expect.business(expect.INVALID_ARGUMENT, "ACTIOND-match", text, "MATCH_INVALID", field=("match", rule))


_NOT_SET = expect.business(
    expect.NOT_FOUND,
    "ACTIOND-execution",
    "Execution not found",
    "EXECUTION_NOT_FOUND",
    field=("condition", "names an execution that is not set"),
)
_NOT_ALLOWED = expect.business(
    expect.INVALID_ARGUMENT,
    "ACTIOND-match-type",
    "Execution has no match condition",
    "MATCH_NOT_ALLOWED",
    field=(
        "condition",
        "must be one of requests or responses: those of functions and events have no match condition",
    ),
)
_EMPTY = expect.business(
    expect.INVALID_ARGUMENT,
    "ACTIOND-condition",
    "Condition is empty",
    "CONDITION_EMPTY",
    field=("condition", "must name a method or a service, an event or a group, or all: true"),
)
_BOUND = bound(_REQUEST, "/change")

GOOD = [
    Scenario("the match condition of an execution without one", _get(), _found(""), before=_BOUND, alone=True),
    Scenario(
        "a match condition that a call meets",
        _set(_MATCH),
        _IS_SET,
        before=_BOUND,
        then=((_get(), _found(_MATCH)), (call(execute_request()), _executed(CHANGED, ran=True))),
        alone=True,
    ),
    Scenario(
        "a match condition that a call does not meet",
        _set("message.item == 'saucer'"),
        _IS_SET,
        before=_BOUND,
        then=((call(execute_request()), _executed(ORDER, ran=False)),),
        alone=True,
    ),
    Scenario(
        "a match condition that cannot be evaluated",
        _set("message.saucer == 'x'"),
        _IS_SET,
        before=_BOUND,
        then=((call(execute_request()), _executed(CHANGED, ran=True)),),
        alone=True,
    ),
    Scenario(
        "a match condition that is removed",
        _set("false"),
        _IS_SET,
        before=_BOUND,
        then=(
            (call(execute_request()), _executed(ORDER, ran=False)),
            (_set(""), _IS_SET),
            (_get(), _found("")),
            (call(execute_request()), _executed(CHANGED, ran=True)),
        ),
        alone=True,
    ),
]

FAULTS = [
    Scenario("the match condition of an execution that is not set", _get(), _NOT_SET, alone=True),
    Scenario("a match condition for an execution that is not set", _set("true"), _NOT_SET, alone=True),
    Scenario(
        "a match condition that is not an expression",
        _set("user ==\n  ) 1"),
        _invalid(
            "must be a CEL expression: line 2, column 3: Syntax error: extraneous input ')' expecting {'[', '{', '(',"
            " '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
        ),
        before=_BOUND,
        alone=True,
    ),
    Scenario(
        "a match condition for a function",
        _set("true", on_function("first")),
        _NOT_ALLOWED,
        before=bound(on_function("first"), "/change"),
        alone=True,
    ),
    Scenario("a match condition for what names nothing", _set("true", on_request(all=False)), _EMPTY),
    Scenario(
        "a match condition without a condition",
        call(pb.SetConditionRequest(match="true")),
        expect.violations(condition=REQUIRED),
    ),
    Scenario(
        "a match condition that is too long",
        _set("x" * 2_001),
        expect.violations(match="must be at most 2000 characters"),
    ),
]

ROWS = [*representative(GOOD), *exhaustive(FAULTS)]
