"""What the API says of every resource and of every list."""

from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from zitadel.object.v2 import object_pb2

from server.actions.queries import Found, Page, page

_NANOS = 1_000_000_000


class Resource(Protocol):
    """What has a history."""

    @property
    def owner(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def changed_at_ns(self) -> int: ...


def details(resource: Resource) -> object_pb2.Details:
    """Where a resource stands in its history."""
    return object_pb2.Details(
        sequence=resource.sequence, change_date=_timestamp(resource.changed_at_ns), resource_owner=resource.owner
    )


def list_details(found: Found[Any]) -> object_pb2.ListDetails:
    """What a page was cut from."""
    return object_pb2.ListDetails(
        total_result=found.total, processed_sequence=found.position, timestamp=_timestamp(found.at_ns)
    )


def page_of(query: object_pb2.ListQuery) -> Page:
    """Raises LimitTooHighError."""
    return page(query.offset, query.limit, ascending=query.asc)


def _timestamp(ns: int) -> Timestamp:
    seconds, nanos = divmod(ns, _NANOS)
    return Timestamp(seconds=seconds, nanos=nanos)
