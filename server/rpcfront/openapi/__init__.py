"""The OpenAPI document of JSON routes, and a page that shows it: descriptors in, bytes out."""

from rpcfront.openapi.comments import read_comments
from rpcfront.openapi.docs_routes import DOCS_PATH, DOCUMENT_PATH, docs_handlers
from rpcfront.openapi.document import Info, build, document
from rpcfront.openapi.operations import Operation, operations

__all__ = [
    "DOCS_PATH",
    "DOCUMENT_PATH",
    "Info",
    "Operation",
    "build",
    "docs_handlers",
    "document",
    "operations",
    "read_comments",
]
