"""What the page makes of anchors, and of documents, that it does not expect."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rpcfront import Gateway
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Site, open_operation, served
from tests.support.clients.devtools import Tab
from tests.support.services import fixture_service

POST_SUB = "t.v1.T.PostSub"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page() -> AsyncIterator[str]:
    async with served(Site(Gateway(services=fixture_service.services(), openapi=INFO))) as url:
        yield url


async def count(tab: Tab, selector: str) -> int:
    found: int = await tab.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length")
    return found


ANCHORS = ["%", "%E0%A4%A", "%FF", "nothing", "token", "operations", "__proto__", ""]


@pytest.mark.parametrize("anchor", ANCHORS)
async def test_an_anchor_that_names_no_operation_is_ignored(tab: Tab, page: str, anchor: str) -> None:
    await tab.open(f"{page}#{anchor}")
    await tab.until("document.querySelector('.operation')")
    assert await count(tab, ".operation[open], .failed") == 0
    await tab.evaluate(f"location.hash = 'x'; location.hash = {json.dumps(anchor)}")
    await tab.evaluate("new Promise((done) => setTimeout(done))")
    assert tab.complaints == []


async def test_a_link_opens_its_operation_again(tab: Tab, page: str) -> None:
    operation = await open_operation(tab, page, POST_SUB)
    await tab.evaluate(f"{operation.element}.open = false")
    await tab.evaluate(f"document.querySelector('nav a[href=\"#{POST_SUB}\"]').click()")
    assert await tab.evaluate(f"{operation.element}.open")
    assert await count(tab, f"[id='{POST_SUB}'] form") == 1


STRANGE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Strange"},
    "tags": [{"name": "unused"}, {"name": "b"}],
    "paths": {
        "/v1/files/{name-1}/{name}": {
            "summary": "What is common to all of them.",
            "parameters": [{"name": "name-1", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"operationId": "One", "tags": ["b"]},
            "x-additional-operations": {
                "get": [{"operationId": "Two", "tags": ["a"]}, {"tags": ["a"]}],
                "PURGE": {"operationId": "One"},
            },
            "x-other": {"operationId": "NotAnOperation"},
        },
        "/v1/broken": {
            "get": {"operationId": "Broken", "requestBody": {"$ref": "#/components/requestBodies/none"}},
        },
    },
}


async def test_it_shows_every_operation_of_a_document_that_it_does_not_expect(tab: Tab) -> None:
    site = Site(Gateway(services=fixture_service.services(), openapi=INFO), document=STRANGE)
    async with served(site) as url:
        operation = await open_operation(tab, url, "Two")
        assert await tab.evaluate("[...document.querySelectorAll('h2')].map((each) => each.textContent)") == [
            "b",
            "a",
            "Others",
        ]
        ids = await tab.evaluate("[...document.querySelectorAll('.operation')].map(({ id }) => id)")
        assert sorted(ids) == ["Broken", "One", "One.2", "Two", "get /v1/files/{name-1}/{name}"]
        await operation.fill(["a", "b"])
        await operation.send()
        await operation.ended()
        purge = await open_operation(tab, url, "One.2")
        await purge.fill(["c", "d"])
        await purge.send()
        await purge.ended()
        await open_operation(tab, url, "Broken")
    assert site.requests == ["GET /v1/files/a/b", "PURGE /v1/files/c/d"]
    assert tab.complaints == []
