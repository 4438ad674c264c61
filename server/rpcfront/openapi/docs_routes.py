"""The handlers of the OpenAPI document, for programs, and of the page that shows it, for people."""

from collections.abc import Iterable
from functools import cache, partial

from rpcfront.openapi.docs import docs_page
from rpcfront.openapi.document import Info, document
from rpcfront.openapi.operations import Operation
from rpcfront.protocols.http import JSON_TYPE, Authorize, Handler, HttpRequest, HttpResponse

DOCUMENT_PATH = "/openapi.json"
DOCS_PATH = "/docs"


def docs_handlers(
    operations: Iterable[Operation], info: Info, authorize: Authorize | None = None
) -> dict[str, Handler]:
    """Return the handlers by path. The document is made on the first request for it, and kept.

    `authorize` is asked before the document is served; None lets anyone read it. The page is served to anyone: a
    browser has no token to send when it opens a page.
    """
    make_document = cache(partial(document, list(operations), info))

    async def serve_document(request: HttpRequest) -> HttpResponse:
        if authorize is not None:
            await authorize(request)
        return HttpResponse(200, [("content-type", JSON_TYPE)], make_document())

    async def serve_page(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [*docs_page().headers], docs_page().body)

    return {DOCUMENT_PATH: serve_document, DOCS_PATH: serve_page}
