"""The errors of actiond.v1, once more and by hand: code, id, text, reason, and which rule which field breaks."""

import grpc
import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from actiond.actions import errors
from actiond.api.errors import DETAIL_TYPES
from actiond.api.message_payload import MessageNotJsonError
from actiond.api.served import DELIVERY_SERVICE, EXECUTION_SERVICE
from actiond.api.v1.errors import (
    CalledFunctionUnknownError,
    CalledMethodUnknownError,
    MessageInvalidError,
    PageTokenInvalidError,
    PayloadInvalidError,
    TooManyWatchesError,
    translate,
)
from tests.api.delivery_service import BEARER, serve

INVALID, NOT_FOUND, EXISTS = code_pb2.INVALID_ARGUMENT, code_pb2.NOT_FOUND, code_pb2.ALREADY_EXISTS
FAILED, EXHAUSTED = code_pb2.FAILED_PRECONDITION, code_pb2.RESOURCE_EXHAUSTED

# What a call of these methods raises, and the same of it; the field and the rule are empty where none is the cause.
CASES: dict[str, tuple[str, Exception, tuple[int, str, str, str], tuple[str, str]]] = {
    "events would be too many deliveries": (
        "PublishEvents",
        errors.TooManyDeliveriesAtOnceError(5_000),
        (EXHAUSTED, "ACTIOND-at-once", "Too many deliveries at once", "TOO_MANY_DELIVERIES_AT_ONCE"),
        ("events", "must add at most 5000 deliveries: publish fewer events at once"),
    ),
    "a delivery does not exist": (
        "GetDelivery",
        errors.DeliveryNotFoundError(),
        (NOT_FOUND, "ACTIOND-delivery", "Delivery not found", "DELIVERY_NOT_FOUND"),
        ("delivery_id", "names a delivery that does not exist"),
    ),
    "a delivery cannot be retried": (
        "RetryDelivery",
        errors.DeliveryNotRetryableError(),
        (FAILED, "ACTIOND-not-retryable", "Delivery cannot be retried", "DELIVERY_NOT_RETRYABLE"),
        ("delivery_id", "must name a delivery that is dead or waits for a retry, and whose target exists"),
    ),
    "a delivery is finished": (
        "CancelDelivery",
        errors.DeliveryNotUnfinishedError(),
        (FAILED, "ACTIOND-finished", "Delivery is finished", "DELIVERY_FINISHED"),
        ("delivery_id", "must name a delivery that is neither delivered nor dead"),
    ),
    "a target does not exist": (
        "TestTarget",
        errors.TargetNotFoundError("42"),
        (NOT_FOUND, "ACTIOND-target", "Target not found", "TARGET_NOT_FOUND"),
        ("target_id", "names a target that does not exist"),
    ),
    "a list takes too long": (
        "CountDeliveries",
        errors.ListTooSlowError(),
        (EXHAUSTED, "ACTIOND-slow", "The list takes too long; use a narrower filter", "LIST_TOO_SLOW"),
        ("filter", "must match fewer deliveries"),
    ),
    "a page token is invalid": (
        "ListDeliveries",
        PageTokenInvalidError(),
        (INVALID, "ACTIOND-page-token", "Page token is invalid", "PAGE_TOKEN_INVALID"),
        ("page_token", "must be the next_page_token of a page with the same filter"),
    ),
    "too many watch": (
        "WatchDeliveries",
        TooManyWatchesError(),
        (EXHAUSTED, "ACTIOND-watches", "Too many watches at once", "TOO_MANY_WATCHES"),
        ("", ""),
    ),
    "an event type is unknown": (
        "PublishEvent",
        errors.EventUnknownError(0),
        (NOT_FOUND, "ACTIOND-event-type", "Event type is unknown", "EVENT_TYPE_UNKNOWN"),
        (
            "type",
            "must be a type that the server was started with (--event-type, --zitadel-conditions), and not its own",
        ),
    ),
    "an event type of a batch is unknown": (
        "PublishEvents",
        errors.EventUnknownError(2),
        (NOT_FOUND, "ACTIOND-event-type", "Event type is unknown", "EVENT_TYPE_UNKNOWN"),
        (
            "events[2].type",
            "must be a type that the server was started with (--event-type, --zitadel-conditions), and not its own",
        ),
    ),
    "an aggregate type is reserved": (
        "PublishEvents",
        errors.AggregateReservedError(0),
        (INVALID, "ACTIOND-aggregate", "Aggregate type is reserved", "AGGREGATE_TYPE_RESERVED"),
        ("events[0].aggregate_type", "must not be one of the server's own aggregate types"),
    ),
    "an event id is taken": (
        "PublishEvent",
        errors.EventIdTakenError(0),
        (EXISTS, "ACTIOND-event-id", "Another event has this id", "EVENT_ID_TAKEN"),
        ("event_id", "is the id of another event"),
    ),
    "an event id of a batch is taken": (
        "PublishEvents",
        errors.EventIdTakenError(99),
        (EXISTS, "ACTIOND-event-id", "Another event has this id", "EVENT_ID_TAKEN"),
        ("events[99].event_id", "is the id of another event"),
    ),
    "a payload is invalid": (
        "PublishEvents",
        PayloadInvalidError("must not hold {nan}", 1),
        (INVALID, "ACTIOND-payload", "Event payload is invalid", "PAYLOAD_INVALID"),
        ("events[1].payload", "must not hold {nan}"),
    ),
    "there are too many deliveries": (
        "PublishEvents",
        errors.TooManyDeliveriesError(1_000_000),
        (EXHAUSTED, "ACTIOND-deliveries", "Too many unfinished deliveries", "TOO_MANY_DELIVERIES"),
        ("", ""),
    ),
    "an execution fails": (
        "GetCaller",
        errors.ExecutionFailedError(),
        (FAILED, "EXEC-dra6yamk98", "Execution failed", "EXECUTION_FAILED"),
        ("", ""),
    ),
    "a message is none of its method": (
        "ExecuteRequest",
        MessageInvalidError("request.protobuf", "must be a shop.v1.{Order}, serialized"),
        (INVALID, "ACTIOND-message", "Message is invalid", "MESSAGE_INVALID"),
        ("request.protobuf", "must be a shop.v1.{Order}, serialized"),
    ),
    "a message has no JSON form": (
        "ExecuteRequest",
        MessageNotJsonError("shop.v1.Order", "a {time} is out of range"),
        (INVALID, "ACTIOND-json", "Message has no JSON form", "MESSAGE_NOT_JSON"),
        ("shop.v1.Order", "must have a JSON form, which targets get: a {time} is out of range"),
    ),
    "a method that is called is unknown": (
        "ExecuteRequest",
        CalledMethodUnknownError(),
        (NOT_FOUND, "ACTIOND-method", "Method is unknown", "METHOD_UNKNOWN"),
        ("call.method", "must be one that the server has the message types of (--descriptor-set, --reflect)"),
    ),
    "a method of a dry run is unknown": (
        "DryRun",
        CalledMethodUnknownError("response."),
        (NOT_FOUND, "ACTIOND-method", "Method is unknown", "METHOD_UNKNOWN"),
        ("response.call.method", "must be one that the server has the message types of (--descriptor-set, --reflect)"),
    ),
    "a function of a dry run is unknown": (
        "DryRun",
        CalledFunctionUnknownError("function."),
        (NOT_FOUND, "ACTIOND-function", "Function is unknown", "FUNCTION_UNKNOWN"),
        (
            "function.function",
            "must be one that the server was started with (--execution-function, --zitadel-conditions)",
        ),
    ),
    "a target forwards an error": (
        "ExecuteFunction",
        errors.ExecutionForwardedError(404, "gone"),
        (NOT_FOUND, "EXEC-reUaUZCzCp", "gone", "EXECUTION_ERROR_FORWARDED"),
        ("", ""),
    ),
    "a permission is missing": (
        "RetryDelivery",
        errors.PermissionMissingError(),
        (code_pb2.PERMISSION_DENIED, "AUTH-5mWD2", "No matching permissions found", "PERMISSION_MISSING"),
        ("", ""),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_that_of_the_table(case: str) -> None:
    method, error, (code, id, text, reason), (field, rule) = CASES[case]
    service = next(service for service in (DELIVERY_SERVICE, EXECUTION_SERVICE) if method in service.methods_by_name)
    status = translate(error, service.methods_by_name[method])
    assert status is not None
    assert (status.code, status.message) == (code, f"{text} ({id})")
    detail, info, *others = status.details
    assert error_detail_pb2.ErrorDetail.FromString(detail.value) == error_detail_pb2.ErrorDetail(id=id, message=text)
    assert error_details_pb2.ErrorInfo.FromString(info.value) == error_details_pb2.ErrorInfo(
        reason=reason, domain="actiond"
    )
    named = [
        (violation.field, violation.description)
        for other in others
        if other.Is(error_details_pb2.BadRequest.DESCRIPTOR)
        for violation in error_details_pb2.BadRequest.FromString(other.value).field_violations
    ]
    assert named == ([(field, rule)] if field else [])
    assert {one.TypeName() for one in status.details} <= set(DETAIL_TYPES)


def test_an_error_of_another_service_has_no_status() -> None:
    for error in (errors.TargetNameTakenError(), errors.StoreError("disk"), ValueError("x")):
        assert translate(error, DELIVERY_SERVICE.methods_by_name["GetDelivery"]) is None


async def test_the_service_raises_what_the_use_cases_raise() -> None:
    async with serve() as served:
        served.deliveries.error = errors.DeliveryNotRetryableError()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await served.stub.RetryDelivery(pb.RetryDeliveryRequest(delivery_id="1"), metadata=BEARER)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        (packed,) = [value for key, value in caught.value.trailing_metadata() or () if key == "grpc-status-details-bin"]
        assert len(status_pb2.Status.FromString(packed).details) == 3
