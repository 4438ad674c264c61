"""Fills in the details that every resource and every list of the API has.

Messages are filled in place, here and in the modules beside this one: assigning a message to a field would copy it,
which takes longer than creating it.
"""

from typing import Any, Protocol

from actiond_protos.zitadel.object.v2 import object_pb2

from actiond.actions.queries import Page, PageRequest, page_request
from actiond.api.timestamps import put_ns


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
    put_ns(message.change_date, resource.changed_at_ns)


def put_list_details(message: object_pb2.ListDetails, page: Page[Any]) -> None:
    """Fill in a list's total, and the state of the store in which the page was read."""
    message.total_result = page.total
    message.processed_sequence = page.position
    put_ns(message.timestamp, page.at_ns)


def page_request_of(query: object_pb2.ListQuery) -> PageRequest:
    """Return the requested page. Raises LimitTooHighError."""
    return page_request(query.offset, query.limit, ascending=query.asc)
