"""The page where the document needs a token, which a browser cannot send when it opens a page."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from google.rpc import code_pb2

from rpcfront import Gateway, HttpRequest, status_error
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Site, open_operation, served
from tests.support.clients.devtools import Tab
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import fixture_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def readers_alone(request: HttpRequest) -> None:
    token = request.header("authorization")
    if token is None:
        raise status_error(code_pb2.UNAUTHENTICATED, "auth header missing")
    if token != "Bearer reader":
        raise status_error(code_pb2.PERMISSION_DENIED, "not for this token")


def private() -> Gateway:
    return Gateway(services=fixture_service.services(), openapi=INFO, authorize_openapi=readers_alone)


@pytest.mark.parametrize("face", HTTP_FACES)
async def test_the_document_is_for_those_who_may_read_it_and_the_page_for_anyone(face: str) -> None:
    async with HTTP_FACES[face](private()) as port:
        for token, status in ((None, 401), ("Bearer other", 403), ("Bearer reader", 200)):
            headers = {"authorization": token} if token else {}
            for method in ("GET", "HEAD"):
                reply = await ask(port, method, "/openapi.json", headers=headers)
                assert (reply.status, b"openapi" in reply.body) == (status, status == 200 and method == "GET")
            page = await ask(port, "GET", "/docs", headers=headers)
            assert page.status == 200
            assert b"t.v1" not in page.body


async def test_a_document_says_that_it_is_nothing_but_json() -> None:
    async with HTTP_FACES["listener"](Gateway(services=fixture_service.services(), openapi=INFO)) as port:
        reply = await ask(port, "GET", "/openapi.json")
    assert (reply.header("content-type"), reply.header("x-content-type-options")) == ("application/json", "nosniff")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page(tab: Tab) -> AsyncIterator[str]:
    async with served(Site(private())) as url:
        yield url


async def enter(tab: Tab, token: str) -> None:
    await tab.evaluate(f"document.getElementById('token').value = {json.dumps(token)}")
    await tab.press("Enter")


async def said(tab: Tab) -> str:
    text: str = await tab.evaluate("document.getElementById('loading').textContent")
    return text


async def test_the_page_asks_for_a_token_and_opens_with_it(tab: Tab, page: str) -> None:
    await tab.open(f"{page}#t.v1.T.GetQ")
    await tab.until("document.activeElement.id === 'token'")
    assert await said(tab) == "The description of this API is not public. Enter a token that may read it."
    assert await tab.evaluate("document.getElementById('document').hidden")
    await enter(tab, "other")
    await tab.until("document.querySelector('.failed')")
    assert await said(tab) == "This token does not open the description of the API: 403 not for this token"
    await enter(tab, "reader")
    await tab.until("document.querySelector('details.operation[open] form')")
    assert not await tab.evaluate("Boolean(document.querySelector('#loading, #unlock:not([hidden])'))")
    # The link would be followed without the token.
    opened = await tab.evaluate("fetch(document.getElementById('document').href, {}).then((it) => it.text(), String)")
    assert await tab.evaluate("document.getElementById('document').download") == "openapi.json"
    assert not await tab.evaluate("document.getElementById('document').hidden")
    assert "TypeError" in opened  # its policy lets it save the document, not fetch it
    tab.complaints.clear()


async def test_a_token_that_no_header_can_carry_is_told_beside_its_field(tab: Tab, page: str) -> None:
    await tab.open(page)
    await tab.until("document.activeElement.id === 'token'")
    await enter(tab, "€")
    problem = "document.getElementById('token-problem').textContent"
    await tab.until(problem)
    assert await tab.evaluate(problem) == "A token has ASCII characters only, and no spaces."


async def test_a_page_that_is_open_to_anyone_asks_for_nothing(tab: Tab) -> None:
    async with served(Site(Gateway(services=fixture_service.services(), openapi=INFO))) as url:
        await open_operation(tab, url, "t.v1.T.GetQ")
        assert await tab.evaluate("document.getElementById('access').hidden")
