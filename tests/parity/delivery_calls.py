"""The words in which rows speak of DeliveryService: its calls, its errors, and the deliveries that they are about."""

from typing import Any

from google.protobuf.message import Message

from tests.support.action_service import expect
from tests.support.action_service.model import DELIVERIES, Call, Outcome

TOKEN = "<token>"
"""Stands for the id of the token of whoever runs the row."""
MY_TARGET = "<my target>"
"""Stands for the id of the target that whoever runs the row has from the beginning."""
EVENT_TYPES = ("order.placed", "order.paid", "order.cancelled")
"""Those that the server was told of."""


def call(request: Message, *, by: str | None = None, **form: Any) -> Call:
    """Return the call that has such a request, by the driver's own token or by another one."""
    method = type(request).__name__.removesuffix("Request")
    if by is not None:
        form["authorization"] = f"Bearer {by}"
    return Call(method, request, service=DELIVERIES, **form)


def delivery_named(name: str) -> str:
    """Stands for the id of a delivery that whoever runs the row has from the beginning."""
    return f"<delivery {name}>"


def _invalid(id: str, text: str, reason: str, field: str, rule: str) -> Outcome:
    return expect.business(expect.INVALID_ARGUMENT, id, text, reason, field=(field, rule))


UNKNOWN_DELIVERY = expect.business(
    expect.NOT_FOUND,
    "ACTIOND-delivery",
    "Delivery not found",
    "DELIVERY_NOT_FOUND",
    field=("delivery_id", "names a delivery that does not exist"),
)
NOT_RETRYABLE = expect.business(
    expect.FAILED_PRECONDITION,
    "ACTIOND-not-retryable",
    "Delivery cannot be retried",
    "DELIVERY_NOT_RETRYABLE",
    field=("delivery_id", "must name a delivery that is dead or waits for a retry, and whose target exists"),
)
FINISHED = expect.business(
    expect.FAILED_PRECONDITION,
    "ACTIOND-finished",
    "Delivery is finished",
    "DELIVERY_FINISHED",
    field=("delivery_id", "must name a delivery that is neither delivered nor dead"),
)
UNKNOWN_TARGET = expect.business(
    expect.NOT_FOUND,
    "ACTIOND-target",
    "Target not found",
    "TARGET_NOT_FOUND",
    field=("target_id", "names a target that does not exist"),
)
BAD_PAGE_TOKEN = _invalid(
    "ACTIOND-page-token",
    "Page token is invalid",
    "PAGE_TOKEN_INVALID",
    "page_token",
    "must be the next_page_token of a page with the same filter",
)


def unknown_type(event: str = "") -> Outcome:
    """Return the error of an event whose type the server does not know; `event` is its path with a dot."""
    return expect.business(
        expect.NOT_FOUND,
        "ACTIOND-event-type",
        "Event type is unknown",
        "EVENT_TYPE_UNKNOWN",
        field=(
            f"{event}type",
            "must be a type that the server was started with (--event-type, --zitadel-conditions), and not its own",
        ),
    )


def reserved_aggregate(event: str = "") -> Outcome:
    rule = "must not be one of the server's own aggregate types"
    return _invalid(
        "ACTIOND-aggregate", "Aggregate type is reserved", "AGGREGATE_TYPE_RESERVED", f"{event}aggregate_type", rule
    )


def invalid_payload(rule: str, event: str = "") -> Outcome:
    return _invalid("ACTIOND-payload", "Event payload is invalid", "PAYLOAD_INVALID", f"{event}payload", rule)


def id_taken(event: str = "") -> Outcome:
    return expect.business(
        expect.ALREADY_EXISTS,
        "ACTIOND-event-id",
        "Another event has this id",
        "EVENT_ID_TAKEN",
        field=(f"{event}event_id", "is the id of another event"),
    )
