"""The page for readers with any eyes and hands: axe-core finds nothing, and the keyboard alone sends a request."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from google.rpc import code_pb2

from rpcfront import Gateway, HttpRequest, status_error
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Site, open_operation, served
from tests.support.clients.browser import UnavailableError
from tests.support.clients.devtools import Tab
from tests.support.npm import PACKAGES, install_packages
from tests.support.services import fixture_service

OPERATION = "t.v1.T.PostSub"
KINDS = ("GetDeep", "Stream", "Upload", "Opt")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    try:
        install_packages()
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI axe-core must run: {lack}", pytrace=False)
        pytest.skip(f"axe-core does not run here: {lack}")
    return (PACKAGES / "axe-core" / "axe.min.js").read_text()


async def nobody(_request: HttpRequest) -> None:
    raise status_error(code_pb2.UNAUTHENTICATED, "auth header missing")


@dataclass(frozen=True)
class Sites:
    public: Site
    public_url: str
    private_url: str


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sites() -> AsyncIterator[Sites]:
    services, info = fixture_service.services(), replace(INFO, is_secure=True, description="All of `it`.")
    public = Site(Gateway(services=services, openapi=info))
    private = Site(Gateway(services=services, openapi=info, authorize_openapi=nobody))
    async with served(public) as public_url, served(private) as private_url:
        yield Sites(public, public_url, private_url)


async def closed(tab: Tab, sites: Sites) -> None:
    await tab.open(sites.public_url)
    await tab.until("document.querySelector('.operation')")


async def opened(tab: Tab, sites: Sites) -> None:
    """With an operation of each kind open, and the fields of their messages."""
    await open_operation(tab, sites.public_url, OPERATION)
    for selector in (*(f"[id='t.v1.T.{name}']" for name in KINDS), "details[open] > div details"):
        await tab.evaluate(
            f"document.querySelectorAll({json.dumps(selector)}).forEach((each) => {{ each.open = true; }})"
        )
        await tab.evaluate("new Promise((done) => setTimeout(done))")


async def answered(tab: Tab, sites: Sites) -> None:
    operation = await open_operation(tab, sites.public_url, OPERATION)
    await operation.fill(["a"])
    await operation.send()
    await operation.ended()
    await tab.evaluate(
        f"{operation.element}.querySelectorAll('form details').forEach((each) => {{ each.open = true; }})"
    )


async def refused(tab: Tab, sites: Sites) -> None:
    operation = await open_operation(tab, sites.public_url, "t.v1.T.PathTypes")
    await operation.fill(["a", "b", "c", "d"])
    await operation.send()
    await operation.ended()


async def blamed(tab: Tab, sites: Sites) -> None:
    operation = await open_operation(tab, sites.public_url, OPERATION)
    await operation.fill([".."])
    await operation.send()
    await tab.until(operation.within("[aria-invalid]"))


async def locked(tab: Tab, sites: Sites) -> None:
    await tab.open(sites.private_url)
    await tab.until("document.activeElement.id === 'token'")
    await tab.press("Enter")
    await tab.until("document.querySelector('.failed')")


STATES = {each.__name__: each for each in (closed, opened, answered, refused, blamed, locked)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("state", STATES)
async def test_axe_finds_nothing(  # they are fixtures
    tab: Tab, sites: Sites, axe: str, state: str, width: int, scheme: str
) -> None:
    await tab.look(width=width, scheme=scheme)
    await STATES[state](tab, sites)
    assert await tab.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    await tab.evaluate(axe)
    found: dict[str, Any] = await tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert len(found["passes"]) > 15
    assert "color-contrast" in {each["id"] for each in found["passes"]}


@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("state", STATES)
async def test_nothing_is_wider_than_the_window(tab: Tab, sites: Sites, state: str, width: int) -> None:
    await tab.look(width=width)
    await STATES[state](tab, sites)
    assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def tab_to(tab: Tab, condition: str) -> None:
    """Press Tab until the element with the focus fulfils a condition."""
    for _ in range(200):
        await tab.press("Tab")
        if await tab.evaluate(f"((at) => {condition})(document.activeElement)"):
            outline = await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
            return
    raise AssertionError(f"Tab never leads to {condition}")


async def test_the_keyboard_alone_sends_a_request(tab: Tab, sites: Sites) -> None:
    await tab.look()
    await closed(tab, sites)
    sites.public.requests.clear()
    await tab_to(tab, "at.matches('.skip')")
    await tab.press("Enter")
    await tab_to(tab, f"at.parentElement.id === {json.dumps(OPERATION)}")
    await tab.press("Enter")
    await tab.until(f"document.getElementById({json.dumps(OPERATION)}).querySelector('form')")
    await tab_to(tab, f"at.id === {json.dumps(f'{OPERATION}/path/id')}")
    await tab.type("a b")
    await tab_to(tab, "at.textContent === 'Send'")
    await tab.press("Enter")
    await tab.until("document.querySelector('.done')")
    assert sites.public.requests == ["POST /v1/sub/a%20b"]
    await tab_to(tab, "at.getAttribute('aria-label') === 'Response body'")
    assert json.loads(await tab.evaluate("document.activeElement.textContent"))["id"] == "a b"


async def test_the_keyboard_alone_mends_what_is_wrong(tab: Tab, sites: Sites) -> None:
    await closed(tab, sites)
    sites.public.requests.clear()
    await tab_to(tab, f"at.getAttribute('href') === {json.dumps(f'#{OPERATION}')}")
    await tab.press("Enter")
    await tab_to(tab, f"at.id === {json.dumps(f'{OPERATION}/path/id')}")
    await tab.press("Enter")
    await tab.until("document.querySelector('[aria-invalid]') === document.activeElement")
    assert sites.public.requests == []
    await tab.type("x")
    await tab.press("Enter")
    await tab.until("document.querySelector('.done')")
    assert sites.public.requests == ["POST /v1/sub/x"]
