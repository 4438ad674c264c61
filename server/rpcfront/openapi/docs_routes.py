"""The handlers of the OpenAPI document, for programs, and of the page that shows it, for people."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

from google.protobuf.descriptor import Descriptor

from rpcfront.openapi.docs import docs_page
from rpcfront.openapi.document import Info, document, with_server
from rpcfront.openapi.operations import Operation
from rpcfront.openapi.schemas import never
from rpcfront.protocols.http import JSON_TYPE, Authorize, Handler, HttpRequest, HttpResponse

DOCUMENT_PATH = "/openapi.json"
DOCS_PATH = "/docs"


def docs_handlers(
    operations: Iterable[Operation],
    info: Info,
    authorize: Authorize | None = None,
    is_strict: Callable[[Descriptor], bool] = never,
) -> dict[str, Handler]:
    """Return the handlers by path. The document is made on the first request for it, in a thread, and kept.

    `authorize` is asked before the document is served; None lets anyone read it. The page is served to anyone: a
    browser has no token to send when it opens a page. `is_strict` tells whether a message in a request must have no
    unknown fields.
    """
    listed = list(operations)

    @cache
    def making() -> Future[bytes]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="openapi")
        made = pool.submit(document, listed, info, is_strict)
        pool.shutdown(wait=False)
        return made

    async def serve_document(request: HttpRequest) -> HttpResponse:
        if authorize is not None:
            await authorize(request)
        # Another request waits for the same document when this one is cancelled.
        made = await asyncio.shield(asyncio.wrap_future(making()))
        return HttpResponse(200, [("content-type", JSON_TYPE)], with_server(made, info.prefix + request.root_path))

    async def serve_page(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [*docs_page().headers], docs_page().body)

    return {DOCUMENT_PATH: serve_document, DOCS_PATH: serve_page}
