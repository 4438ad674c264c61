"""What the API says of every resource and of every list.

Messages are filled in place, here and in the modules beside: one that is handed to another is copied, which takes
longer than making it.
"""

from typing import Any, Protocol

from actiond_protos.zitadel.object.v2 import object_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions.queries import Found, Page, page

_NANOS = 1_000_000_000


class Resource(Protocol):
    """What has a history."""

    @property
    def owner(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def changed_at_ns(self) -> int: ...


def put_details(message: object_pb2.Details, resource: Resource) -> None:
    """Where a resource stands in its history."""
    message.sequence = resource.sequence
    message.resource_owner = resource.owner
    _put_timestamp(message.change_date, resource.changed_at_ns)


def put_list_details(message: object_pb2.ListDetails, found: Found[Any]) -> None:
    """What a page was cut from."""
    message.total_result = found.total
    message.processed_sequence = found.position
    _put_timestamp(message.timestamp, found.at_ns)


def page_of(query: object_pb2.ListQuery) -> Page:
    """Raises LimitTooHighError."""
    return page(query.offset, query.limit, ascending=query.asc)


def _put_timestamp(message: Timestamp, ns: int) -> None:
    # The epoch itself is a time too.
    message.SetInParent()
    message.seconds, message.nanos = divmod(ns, _NANOS)
