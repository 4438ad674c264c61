"""Converts the pages of lists between protobuf and the domain."""

from typing import Any

from actiond_protos.zitadel.filter.v2 import filter_pb2

from actiond.actions.queries import MAX_PAGE_SIZE, Page, PageRequest, page_request


def page_request_of(request: Any) -> PageRequest:
    """Return the page that a request for a list asks for. Raises LimitTooHighError.

    Without a pagination, it is the longest one: clients that send none look no further than its end.
    """
    if not request.HasField("pagination"):
        return PageRequest(limit=MAX_PAGE_SIZE)
    asked = request.pagination
    return page_request(asked.offset, asked.limit, ascending=asked.asc)


def put_pagination(message: filter_pb2.PaginationResponse, page: Page[Any], request: PageRequest) -> None:
    """Fill in how many items match, and how many the page could have."""
    message.total_result = page.total
    message.applied_limit = request.limit
