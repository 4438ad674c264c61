"""OpenAPI of JSON routes, and a page that shows it: descriptors in, bytes out. No sockets."""

from server.gateway.openapi.comments import read_comments
from server.gateway.openapi.document import Info, build, document
from server.gateway.openapi.operations import Operation, operations
from server.gateway.openapi.site import DOCUMENT_PATH, PAGE_PATH, Site, site

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
