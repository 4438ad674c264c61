"""Fills in the details that every resource and every list of the API has.

Messages are filled in place, here and in the modules beside this one: assigning a message to a field would copy it,
which takes longer than creating it.
"""

from typing import Any, Protocol

from actiond_protos.zitadel.object.v2 import object_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.queries import Page, PageRequest, page_request

_NANOS = 1_000_000_000


class Resource(Protocol):
    """A target or an execution."""

    @property
    def owner(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def changed_at_ns(self) -> int: ...


def put_details(message: object_pb2.Details, resource: Resource) -> None:
    """Fill in a resource's owner, sequence and change date."""
    message.sequence = resource.sequence
    message.resource_owner = resource.owner
    _put_timestamp(message.change_date, resource.changed_at_ns)


def put_list_details(message: object_pb2.ListDetails, page: Page[Any]) -> None:
    """Fill in a list's total, and the state of the store in which the page was read."""
    message.total_result = page.total
    message.processed_sequence = page.position
    _put_timestamp(message.timestamp, page.at_ns)


def page_request_of(query: object_pb2.ListQuery) -> PageRequest:
    """Return the requested page. Raises LimitTooHighError."""
    return page_request(query.offset, query.limit, ascending=query.asc)


def _put_timestamp(message: Timestamp, ns: int) -> None:
    # Sets the field also for the epoch itself, whose seconds and nanos are the defaults.
    message.SetInParent()
    message.seconds, message.nanos = divmod(ns, _NANOS)
