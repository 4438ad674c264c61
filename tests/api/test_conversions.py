"""Between protobuf and the domain, and back: nothing is lost on the way."""

from types import SimpleNamespace
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha import query_pb2, target_pb2
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import (
    Condition,
    EventExecution,
    FunctionExecution,
    RequestExecution,
    ResponseExecution,
)
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Execution as ExecutionMessage
from actiond_protos.zitadel.object.v2 import object_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions import conditions
from actiond.actions.conditions import ExecutionType, Scope
from actiond.actions.errors import LimitTooHighError
from actiond.actions.executions import Execution
from actiond.actions.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, PageRequest, TargetField, TextMethod
from actiond.actions.targets import Target, TargetType
from actiond.api.conditions import ConditionEmptyError, condition_of, put_condition
from actiond.api.v3alpha.details import page_request_of, put_details
from actiond.api.v3alpha.executions import put_execution, steps_of
from actiond.api.v3alpha.targets import new_target, put_target, target_change, target_query

METHOD = "/shop.v1.Orders/Place"

CONDITIONS: tuple[tuple[Condition, conditions.Condition], ...] = (
    (
        Condition(request=RequestExecution(method=METHOD)),
        conditions.Condition(ExecutionType.REQUEST, Scope.METHOD, METHOD),
    ),
    (
        Condition(request=RequestExecution(service="shop.v1.Orders")),
        conditions.Condition(ExecutionType.REQUEST, Scope.SERVICE, "shop.v1.Orders"),
    ),
    (Condition(request=RequestExecution(all=True)), conditions.Condition(ExecutionType.REQUEST, Scope.ALL)),
    (
        Condition(response=ResponseExecution(method=METHOD)),
        conditions.Condition(ExecutionType.RESPONSE, Scope.METHOD, METHOD),
    ),
    (
        Condition(response=ResponseExecution(service="shop.v1.Orders")),
        conditions.Condition(ExecutionType.RESPONSE, Scope.SERVICE, "shop.v1.Orders"),
    ),
    (Condition(response=ResponseExecution(all=True)), conditions.Condition(ExecutionType.RESPONSE, Scope.ALL)),
    (
        Condition(function=FunctionExecution(name="enrich")),
        conditions.Condition(ExecutionType.FUNCTION, Scope.FUNCTION, "enrich"),
    ),
    (
        Condition(event=EventExecution(event="target.added")),
        conditions.Condition(ExecutionType.EVENT, Scope.EVENT, "target.added"),
    ),
    (
        Condition(event=EventExecution(group="target")),
        conditions.Condition(ExecutionType.EVENT, Scope.GROUP, "target"),
    ),
    (Condition(event=EventExecution(all=True)), conditions.Condition(ExecutionType.EVENT, Scope.ALL)),
)


@pytest.mark.parametrize(("message", "condition"), CONDITIONS, ids=[condition.key for _, condition in CONDITIONS])
def test_a_condition_is_read_and_written_alike(message: Condition, condition: conditions.Condition) -> None:
    assert condition_of(message) == condition
    written = Condition()
    put_condition(written, condition)
    assert written == message


def test_a_group_is_the_same_with_its_end_and_without() -> None:
    assert condition_of(Condition(event=EventExecution(group="target.*"))).key == "event/target.*"
    assert condition_of(Condition(event=EventExecution(group="target"))).key == "event/target.*"


@pytest.mark.parametrize(
    ("message", "is_event"),
    [
        (Condition(request=RequestExecution()), False),
        (Condition(request=RequestExecution(all=False)), False),
        (Condition(response=ResponseExecution()), False),
        (Condition(response=ResponseExecution(all=False)), False),
        (Condition(event=EventExecution()), True),
        (Condition(event=EventExecution(all=False)), True),
    ],
    ids=str,
)
def test_a_condition_that_names_nothing_is_refused(message: Condition, is_event: bool) -> None:
    with pytest.raises(ConditionEmptyError) as caught:
        condition_of(message, "targets[1].include")
    assert (caught.value.path, caught.value.is_event) == ("targets[1].include", is_event)


@given(st.lists(st.one_of(st.text(min_size=1), st.sampled_from([condition for _, condition in CONDITIONS]))))
def test_the_steps_of_an_execution_keep_their_order(steps: list[str | conditions.Condition]) -> None:
    execution = Execution("owner", CONDITIONS[0][1], tuple(steps), 3, 1, 2)
    message = ExecutionMessage()
    put_execution(message, execution)
    assert steps_of(message.targets) == tuple(steps)
    assert message.Condition == CONDITIONS[0][0]
    assert message.details.sequence == 3


_KINDS: dict[TargetType, dict[str, Any]] = {
    TargetType.WEBHOOK: {"rest_webhook": target_pb2.SetRESTWebhook()},
    TargetType.CALL: {"rest_call": target_pb2.SetRESTCall()},
    TargetType.ASYNC: {"rest_async": target_pb2.SetRESTAsync()},
}
_MOST_NS = 315_576_000_000 * 10**9


@given(kind=st.sampled_from(TargetType), interrupts=st.booleans(), timeout_ns=st.integers(1, _MOST_NS), name=st.text())
def test_a_target_is_answered_as_it_was_asked_for(
    kind: TargetType, interrupts: bool, timeout_ns: int, name: str
) -> None:
    interrupts = interrupts and kind is not TargetType.ASYNC
    seconds, nanos = divmod(timeout_ns, 10**9)
    request = pb.CreateTargetRequest(
        name=name, timeout=Duration(seconds=seconds, nanos=nanos), endpoint="https://example.com", **_KINDS[kind]
    )
    if interrupts:
        getattr(request, request.WhichOneof("target_type") or "").interrupt_on_error = True
    new = new_target(request)
    assert (new.type, new.interrupt_on_error, new.timeout_ns) == (kind, interrupts, timeout_ns)
    target = Target("1", "owner", new.name, new.type, new.interrupt_on_error, new.timeout_ns, new.endpoint, 1, 0, 0)
    message = target_pb2.Target()
    put_target(message, target)
    for field in ("name", "timeout", "endpoint", "rest_webhook", "rest_call", "rest_async"):
        assert getattr(message, field) == getattr(request, field)
    assert message.WhichOneof("target_type") == request.WhichOneof("target_type")


def test_what_an_update_does_not_say_stays() -> None:
    change = target_change(pb.UpdateTargetRequest(target_id="1"))
    assert (change.name, change.type, change.interrupt_on_error, change.timeout_ns, change.endpoint) == (None,) * 5


def test_an_update_of_the_type_says_anew_whether_it_interrupts() -> None:
    asynchronous = target_change(pb.UpdateTargetRequest(target_id="1", rest_async=target_pb2.SetRESTAsync()))
    assert (asynchronous.type, asynchronous.interrupt_on_error) == (TargetType.ASYNC, False)
    call = target_pb2.SetRESTCall(interrupt_on_error=True)
    interrupting = target_change(pb.UpdateTargetRequest(target_id="1", rest_call=call))
    assert (interrupting.type, interrupting.interrupt_on_error) == (TargetType.CALL, True)


def test_every_column_and_every_way_to_compare_a_name_is_known() -> None:
    fields = {
        target_query(pb.ListTargetsRequest(sorting_column=column)).field
        for column in query_pb2.TargetFieldName.keys()  # noqa: SIM118  # an enum's wrapper is no mapping
    }
    assert fields == set(TargetField)
    for name in object_pb2.TextQueryMethod.keys():  # noqa: SIM118  # the same
        query = query_pb2.TargetNameQuery(target_name="n", method=name)
        request = pb.ListTargetsRequest(queries=[query_pb2.TargetSearchQuery(target_name_query=query)])
        (wanted,) = target_query(request).filters
        assert wanted.method is TextMethod[name.removeprefix("TEXT_QUERY_METHOD_")]  # type: ignore[union-attr]  # it is no query by ids


@pytest.mark.parametrize(("limit", "rows"), [(0, DEFAULT_PAGE_SIZE), (1, 1), (MAX_PAGE_SIZE, MAX_PAGE_SIZE)])
def test_a_page_without_a_limit_has_the_default(limit: int, rows: int) -> None:
    assert page_request_of(object_pb2.ListQuery(offset=7, limit=limit, asc=True)) == PageRequest(
        7, rows, ascending=True
    )


def test_a_page_over_the_maximum_is_refused() -> None:
    with pytest.raises(LimitTooHighError):
        page_request_of(object_pb2.ListQuery(limit=MAX_PAGE_SIZE + 1))


@given(st.integers(-(10**18), 10**19))
def test_a_time_is_told_to_the_nanosecond(at_ns: int) -> None:
    told = object_pb2.Details()
    put_details(told, SimpleNamespace(owner="owner", sequence=1, changed_at_ns=at_ns))
    assert told.change_date.ToNanoseconds() == at_ns
    assert told.change_date == Timestamp(seconds=at_ns // 10**9, nanos=at_ns % 10**9)
