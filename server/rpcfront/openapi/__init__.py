"""OpenAPI of JSON routes, and a page that shows it: descriptors in, bytes out. No sockets."""

from rpcfront.openapi.comments import read_comments
from rpcfront.openapi.docs_routes import DOCS_PATH, DOCUMENT_PATH, Site, site
from rpcfront.openapi.document import Info, build, document
from rpcfront.openapi.operations import Operation, operations

__all__ = [
    "DOCS_PATH",
    "DOCUMENT_PATH",
    "Info",
    "Operation",
    "Site",
    "build",
    "document",
    "operations",
    "read_comments",
    "site",
]
