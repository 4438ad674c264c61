"""Between v2's and v2beta's messages and the domain: nothing is lost on the way that the messages can hold."""

from typing import Any

import pytest
from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2
from actiond_protos.zitadel.action.v2 import execution_pb2, query_pb2, target_pb2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as v2beta
from actiond_protos.zitadel.action.v2beta import target_pb2 as v2beta_target
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.actions.errors import EndpointInvalidError, LimitTooHighError
from actiond.actions.executions import Execution
from actiond.actions.queries import MAX_PAGE_SIZE, ExecutionField, HasStepsQuery, PageRequest, TargetField
from actiond.actions.targets import PayloadType, Target, TargetType
from actiond.api.v2.errors import ConditionMissingError, TimeoutMissingError
from actiond.api.v2.executions import execution_query, put_execution, set_condition
from actiond.api.v2.pages import page_request_of
from actiond.api.v2.targets import new_target, put_target, target_change, target_query

SERVICES = {"v2": v2, "v2beta": v2beta}
TARGETS: dict[str, Any] = {"v2": target_pb2, "v2beta": v2beta_target}
ENDPOINT = "https://example.com/hook"


@pytest.fixture(params=SERVICES)
def pb(request: pytest.FixtureRequest) -> Any:
    return SERVICES[request.param]


def target(payload_type: PayloadType = PayloadType.JSON, **changed: Any) -> Target:
    fields: dict[str, Any] = {
        "id": "1",
        "owner": "owner",
        "name": "a name",
        "type": TargetType.CALL,
        "interrupt_on_error": True,
        "timeout_ns": 1_500_000_000,
        "endpoint": ENDPOINT,
        "sequence": 3,
        "created_at_ns": 1,
        "changed_at_ns": 2_000_000_003,
    }
    return Target(**fields | changed, payload_type=payload_type)


@pytest.mark.parametrize("version", TARGETS)
@pytest.mark.parametrize("kind", TargetType)
@pytest.mark.parametrize("payload_type", PayloadType)
def test_a_target_is_shown_whole(payload_type: PayloadType, kind: TargetType, version: str) -> None:
    message = TARGETS[version].Target()
    put_target(message, target(payload_type, type=kind, interrupt_on_error=kind.waits), "the key")
    assert (message.id, message.name, message.endpoint, message.signing_key) == ("1", "a name", ENDPOINT, "the key")
    assert message.timeout == Duration(seconds=1, nanos=500_000_000)
    assert (message.creation_date.ToNanoseconds(), message.change_date.ToNanoseconds()) == (1, 2_000_000_003)
    member = message.WhichOneof("target_type")
    assert member == f"rest_{kind.name.lower()}"
    assert getattr(getattr(message, member), "interrupt_on_error", None) is (True if kind.waits else None)
    shown = {field.name for field, _ in message.ListFields()}
    assert ("payload_type" in shown) == (version == "v2")
    if version == "v2":
        assert message.payload_type == target_pb2.PayloadType.Value(f"PAYLOAD_TYPE_{payload_type.name}")


@pytest.mark.parametrize("said", [None, *PayloadType])
def test_a_payload_type_is_read_and_is_json_if_none_is_said(said: PayloadType | None) -> None:
    number = 0 if said is None else target_pb2.PayloadType.Value(f"PAYLOAD_TYPE_{said.name}")
    fields: dict[str, Any] = {"timeout": Duration(seconds=1), "endpoint": ENDPOINT, "payload_type": number}
    assert new_target(v2.CreateTargetRequest(**fields)).payload_type is (said or PayloadType.JSON)
    assert target_change(v2.UpdateTargetRequest(payload_type=number)).payload_type is said  # type: ignore[arg-type]  # its numbers are ints


def test_a_change_has_what_was_given_alone(pb: Any) -> None:
    nothing = target_change(pb.UpdateTargetRequest(id="1"))
    assert {getattr(nothing, name) for name in nothing.__slots__} == {None}
    change = target_change(pb.UpdateTargetRequest(id="1", rest_async={}, timeout={"nanos": 1}))
    assert (change.type, change.interrupt_on_error, change.timeout_ns) == (TargetType.ASYNC, False, 1)
    assert (change.name, change.endpoint, change.payload_type) == (None, None, None)


def test_a_timeout_of_nothing_is_refused(pb: Any) -> None:
    for request in (pb.CreateTargetRequest(), pb.CreateTargetRequest(timeout={})):
        with pytest.raises(TimeoutMissingError):
            new_target(request)
    with pytest.raises(TimeoutMissingError):
        target_change(pb.UpdateTargetRequest(timeout={}))


@pytest.mark.parametrize("character", ["\0", "\t", "\r", "\n", "\x1f", "\x7f"])
def test_an_endpoint_with_a_control_character_is_refused(character: str, pb: Any) -> None:
    endpoint = f"{ENDPOINT}{character}x"
    with pytest.raises(EndpointInvalidError):
        new_target(pb.CreateTargetRequest(timeout={"seconds": 1}, endpoint=endpoint))
    with pytest.raises(EndpointInvalidError):
        target_change(pb.UpdateTargetRequest(endpoint=endpoint))


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_other_endpoint_is_left_to_the_domain(text: str) -> None:
    assert target_change(v2.UpdateTargetRequest(endpoint=text)).endpoint == text


def test_a_page_that_is_not_asked_for_is_the_longest(pb: Any) -> None:
    assert page_request_of(pb.ListTargetsRequest()) == PageRequest(0, MAX_PAGE_SIZE)
    assert page_request_of(pb.ListTargetsRequest(pagination={})) == PageRequest(0, 100)
    asked = pb.ListTargetsRequest(pagination={"offset": 7, "limit": 1000, "asc": True})
    assert page_request_of(asked) == PageRequest(7, 1000, ascending=True)
    with pytest.raises(LimitTooHighError):
        page_request_of(pb.ListTargetsRequest(pagination={"limit": 1001}))


def test_each_column_is_a_field_and_the_default_is_the_date_of_creation(pb: Any) -> None:
    fields = {number: target_query(pb.ListTargetsRequest(sorting_column=number)).field for number in range(9)}
    assert fields.pop(query_pb2.TARGET_FIELD_NAME_UNSPECIFIED) is TargetField.CREATION_DATE
    assert [field.name for field in fields.values()] == [
        *("ID", "CREATION_DATE", "CHANGE_DATE", "NAME", "TARGET_TYPE", "URL", "TIMEOUT", "INTERRUPT_ON_ERROR"),
    ]
    executions = [execution_query(pb.ListExecutionsRequest(sorting_column=number)).field for number in range(4)]
    assert executions == [
        *(ExecutionField.CREATION_DATE, ExecutionField.KEY),
        *(ExecutionField.CREATION_DATE, ExecutionField.CHANGE_DATE),
    ]


def test_executions_without_targets_are_never_listed(pb: Any) -> None:
    assert execution_query(pb.ListExecutionsRequest()).filters == (HasStepsQuery(),)
    any_type = pb.ListExecutionsRequest(filters=[{"execution_type_filter": {}}])
    assert execution_query(any_type).filters == (HasStepsQuery(),)


def test_an_execution_without_a_condition_is_refused(pb: Any) -> None:
    with pytest.raises(ConditionMissingError):
        set_condition(pb.SetExecutionRequest(targets=["1"]))


@given(st.lists(st.text(min_size=1)))
def test_the_targets_of_an_execution_keep_their_order(targets: list[str]) -> None:
    condition = Condition(ExecutionType.EVENT, Scope.GROUP, "target")
    message = execution_pb2.Execution()
    put_execution(message, Execution("owner", condition, tuple(targets), 3, 1, 2))
    assert list(message.targets) == targets
    assert message.condition == execution_pb2.Condition(event={"group": "target"})
    assert (message.creation_date.ToNanoseconds(), message.change_date.ToNanoseconds()) == (1, 2)
