"""OpenAPI of JSON routes, and a page that shows it: descriptors in, bytes out. No sockets."""

from actiond.gateway.openapi.comments import read_comments
from actiond.gateway.openapi.document import Info, build, document
from actiond.gateway.openapi.operations import Operation, operations
from actiond.gateway.openapi.site import DOCUMENT_PATH, PAGE_PATH, Site, site

__all__ = [
    "DOCUMENT_PATH",
    "PAGE_PATH",
    "Info",
    "Operation",
    "Site",
    "build",
    "document",
    "operations",
    "read_comments",
    "site",
]
