"""The two paths that show what is served: the document for programs, and the page for people."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TypeAlias

from rpcfront.openapi.docs import page
from rpcfront.openapi.document import Info, document
from rpcfront.openapi.operations import Operation
from rpcfront.protocols.http import JSON_TYPE, HttpResponse

DOCUMENT_PATH = "/openapi.json"
DOCS_PATH = "/docs"

Site: TypeAlias = Mapping[str, Callable[[], HttpResponse]]
"""What answers GET, by path."""


def site(operations: Iterable[Operation], info: Info) -> Site:
    """Both paths. The document is made when it is first asked for, and kept."""
    make_document = cache(partial(document, list(operations), info))
    return {
        DOCUMENT_PATH: lambda: HttpResponse(200, [("content-type", JSON_TYPE)], make_document()),
        DOCS_PATH: lambda: HttpResponse(200, [*page().headers], page().body),
    }
