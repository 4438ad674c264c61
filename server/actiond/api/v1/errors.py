"""The errors of actiond.v1: the code, id, text and reason of each error, beside the common ones.

Each names the field that caused it, and the rule that the field breaks. In a batch, the field's path has the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.rpc import code_pb2, status_pb2

from actiond.actions import errors
from actiond.api.conditions import ConditionEmptyError
from actiond.api.errors import COMMON, FOR_OTHER_SERVICES, Entry, entry_of
from actiond.api.permissions import runs_executions

_BATCH = "PublishEvents"
"""The method whose request has several events; that of PublishEvent is the event itself."""


class PageTokenInvalidError(Exception):
    """The page token is none of a list with this filter."""


class TooManyWatchesError(Exception):
    """As many watches run as the resource owner may have."""


@dataclass(eq=False)
class PayloadInvalidError(Exception):
    """The payload of an event cannot be published."""

    rule: str
    position: int = 0
    """Index of the event."""


@dataclass(eq=False)
class MessageInvalidError(Exception):
    """A message that was passed on is not one of its method, or a function's payload is not valid."""

    invalid_field: str
    """Path of the field in the request."""
    rule: str


@dataclass(eq=False)
class CalledMethodUnknownError(Exception):
    """An execution may run for the method that is called, but the types of its messages are not known."""

    trigger: str = ""
    """Path of the message in the request that the call is in, with a dot at its end."""


@dataclass(eq=False)
class CalledFunctionUnknownError(Exception):
    """The server was not started with the function that is called."""

    trigger: str = ""
    """Path of the message in the request that the function is in, with a dot at its end."""


_NOT_FOUND = code_pb2.NOT_FOUND
_INVALID = code_pb2.INVALID_ARGUMENT
_FAILED = code_pb2.FAILED_PRECONDITION
_EXISTS = code_pb2.ALREADY_EXISTS

_ENTRIES: Mapping[type[Exception], Entry] = {
    **COMMON,
    errors.TooManyDeliveriesAtOnceError: Entry(
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-at-once",
        "Too many deliveries at once",
        "TOO_MANY_DELIVERIES_AT_ONCE",
        "events",
        "must add at most {maximum} deliveries: publish fewer events at once",
    ),
    errors.DeliveryNotFoundError: Entry(
        _NOT_FOUND,
        "ACTIOND-delivery",
        "Delivery not found",
        "DELIVERY_NOT_FOUND",
        "delivery_id",
        "names a delivery that does not exist",
    ),
    errors.DeliveryNotRetryableError: Entry(
        _FAILED,
        "ACTIOND-not-retryable",
        "Delivery cannot be retried",
        "DELIVERY_NOT_RETRYABLE",
        "delivery_id",
        "must name a delivery that is dead or waits for a retry, and whose target exists",
    ),
    errors.DeliveryNotUnfinishedError: Entry(
        _FAILED,
        "ACTIOND-finished",
        "Delivery is finished",
        "DELIVERY_FINISHED",
        "delivery_id",
        "must name a delivery that is neither delivered nor dead",
    ),
    errors.TargetNotFoundError: Entry(
        _NOT_FOUND,
        "ACTIOND-target",
        "Target not found",
        "TARGET_NOT_FOUND",
        "target_id",
        "names a target that does not exist",
    ),
    errors.ListTooSlowError: Entry(
        code_pb2.RESOURCE_EXHAUSTED,
        "ACTIOND-slow",
        "The list takes too long; use a narrower filter",
        "LIST_TOO_SLOW",
        "filter",
        "must match fewer deliveries",
    ),
    PageTokenInvalidError: Entry(
        _INVALID,
        "ACTIOND-page-token",
        "Page token is invalid",
        "PAGE_TOKEN_INVALID",
        "page_token",
        "must be the next_page_token of a page with the same filter",
    ),
    TooManyWatchesError: Entry(
        code_pb2.RESOURCE_EXHAUSTED, "ACTIOND-watches", "Too many watches at once", "TOO_MANY_WATCHES"
    ),
    errors.EventUnknownError: Entry(
        _NOT_FOUND,
        "ACTIOND-event-type",
        "Event type is unknown",
        "EVENT_TYPE_UNKNOWN",
        "{event}type",
        "must be a type that the server was started with (--event-type, --zitadel-conditions), and not its own",
    ),
    errors.AggregateReservedError: Entry(
        _INVALID,
        "ACTIOND-aggregate",
        "Aggregate type is reserved",
        "AGGREGATE_TYPE_RESERVED",
        "{event}aggregate_type",
        "must not be one of the server's own aggregate types",
    ),
    errors.EventIdTakenError: Entry(
        _EXISTS,
        "ACTIOND-event-id",
        "Another event has this id",
        "EVENT_ID_TAKEN",
        "{event}event_id",
        "is the id of another event",
    ),
    MessageInvalidError: Entry(
        _INVALID, "ACTIOND-message", "Message is invalid", "MESSAGE_INVALID", "{invalid_field}", "{rule}"
    ),
    CalledMethodUnknownError: Entry(
        _NOT_FOUND,
        "ACTIOND-method",
        "Method is unknown",
        "METHOD_UNKNOWN",
        "{trigger}call.method",
        "must be one that the server has the message types of (--descriptor-set, --reflect)",
    ),
    CalledFunctionUnknownError: Entry(
        _NOT_FOUND,
        "ACTIOND-function",
        "Function is unknown",
        "FUNCTION_UNKNOWN",
        "{trigger}function",
        "must be one that the server was started with (--execution-function, --zitadel-conditions)",
    ),
    errors.ExecutionNotFoundError: Entry(
        _NOT_FOUND,
        "ACTIOND-execution",
        "Execution not found",
        "EXECUTION_NOT_FOUND",
        "condition",
        "names an execution that is not set",
    ),
    errors.MatchInvalidError: Entry(
        _INVALID,
        "ACTIOND-match",
        "Match condition is invalid",
        "MATCH_INVALID",
        "match",
        "must be a CEL expression: line {line}, column {column}: {reason}",
    ),
    errors.MatchNotAllowedError: Entry(
        _INVALID,
        "ACTIOND-match-type",
        "Execution has no match condition",
        "MATCH_NOT_ALLOWED",
        "condition",
        "must be one of requests or responses: those of functions and events have no match condition",
    ),
    ConditionEmptyError: Entry(
        _INVALID,
        "ACTIOND-condition",
        "Condition is empty",
        "CONDITION_EMPTY",
        "{path}",
        "must name a method or a service, an event or a group, or all: true",
    ),
    PayloadInvalidError: Entry(
        _INVALID, "ACTIOND-payload", "Event payload is invalid", "PAYLOAD_INVALID", "{event}payload", "{rule}"
    ),
}

_FOR_OTHER_SERVICES: Mapping[type[Exception], Entry] = {**_ENTRIES, **FOR_OTHER_SERVICES}


def translate(error: Exception, method: MethodDescriptor | None) -> status_pb2.Status | None:
    """Return the status of an error raised by a call of `method`; None if the caller is not responsible for it."""
    is_for_others = method is not None and runs_executions(method)
    entry = entry_of(error, _FOR_OTHER_SERVICES if is_for_others else _ENTRIES)
    data = vars(error)
    event = f"events[{data['position']}]." if _is_of_batch(data, method) else ""
    return None if entry is None else entry.status({**data, "event": event})


def _is_of_batch(data: Mapping[str, object], method: MethodDescriptor | None) -> bool:
    """Return whether an error is about one of the request's events."""
    return method is not None and method.name == _BATCH and data.get("position") is not None
