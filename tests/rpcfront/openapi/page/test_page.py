"""The page of /docs in a real browser: what a reader sees and sends, with nothing from elsewhere."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor

from rpcfront import Gateway, ServicerContext
from rpcfront.openapi.docs import docs_page
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Operation, Site, open_operation, served
from tests.support.clients.devtools import Tab
from tests.support.services import fixture_service

POST_SUB = "t.v1.T.PostSub"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Seen:
    """The page after a call, and the Authorization headers that the server saw."""

    tab: Tab
    operation: Operation
    tokens: list[list[str]]

    async def texts(self, selector: str) -> list[str]:
        script = f"[...document.querySelectorAll({json.dumps(selector)})].map((each) => each.textContent)"
        found: list[str] = await self.tab.evaluate(script)
        return found

    async def shown(self) -> str:
        text: str = await self.tab.evaluate(f"{self.operation.element}.innerText")
        return text


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(tab: Tab) -> AsyncIterator[Seen]:
    tokens: list[list[str]] = []

    async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> None:
        tokens.append(context.authorization())

    comments = {POST_SUB: "Posts a `Sub`.\n\n- one\n- <i>two</i>"}
    info = replace(INFO, is_secure=True, comments=comments)
    gateway = Gateway(services=fixture_service.services(), authenticate=authenticate, openapi=info)
    async with served(Site(gateway)) as url:
        operation = await open_operation(tab, url, POST_SUB)
        await tab.evaluate("document.getElementById('token').value = ' a-token '")
        others = {"i64": "9007199254740993", "rs": "one\ntwo&three", "body": '{"s": "<b>", "tags": []}'}
        await operation.fill(["a/b c"], **others)
        await operation.send()
        await operation.ended()
        await tab.evaluate(
            f"{operation.element}.querySelectorAll('details').forEach((each) => {{ each.open = true; }})"
        )
        yield Seen(tab, operation, tokens)


async def test_it_shows_the_operations_of_each_service(seen: Seen) -> None:
    assert await seen.tab.evaluate("document.title") == "The title"
    assert await seen.texts("h1, h2") == ["The title", "T", "More"]
    links = await seen.texts("nav a")
    assert {"GET /v1/get/{id}", "POST /v1/sub/{id}", "PURGE /v1/purge/{id}"} <= set(links)


async def test_it_shows_parameters_schemas_and_errors_of_an_operation(seen: Seen) -> None:
    shown = await seen.shown()
    for text in ("id (path) string required", "i64 (query) integer (int64)", "rc (query) list of Color"):
        assert text in shown
    assert re.search(r"application/json\s+Sub\b", shown)
    assert {"200", "400", "401", "429", "default"} <= set(re.findall(r"^\w+$", shown, re.MULTILINE))


async def test_a_comment_is_text_and_never_html(seen: Seen) -> None:
    shown = await seen.shown()
    assert "Posts a Sub." in shown
    assert "<i>two</i>" in shown


async def test_it_sends_what_was_filled_in(seen: Seen) -> None:
    call = await seen.operation.text("[role=status] ~ div code")
    assert call.startswith("POST http://127.0.0.1:")
    assert call.endswith("/v1/sub/a%2Fb%20c?i64=9007199254740993&rs=one&rs=two%26three")
    assert seen.tokens == [["Bearer a-token"]]


async def test_it_shows_the_answer_to_the_digit(seen: Seen) -> None:
    assert (await seen.operation.ended()).startswith("200 OK in ")
    body = await seen.operation.body()
    assert json.loads(body) == {
        "id": "a/b c",
        "i64": "9007199254740993",
        "rs": ["one", "two&three"],
        "sub": {"s": "<b>"},
    }
    assert '\n  "rs": [\n    "one",\n' in body


async def test_it_needs_nothing_but_its_document(seen: Seen) -> None:
    resources: list[str] = await seen.tab.evaluate(
        "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
    )
    assert set(resources) == {"/openapi.json", "/v1/sub/a%2Fb%20c"}


async def test_nothing_breaks_its_policy_or_fails_unseen(seen: Seen) -> None:
    assert seen.tab.complaints == []


async def test_its_policy_allows_its_own_style_and_script_alone() -> None:
    headers = dict(docs_page().headers)
    policy = headers["content-security-policy"]
    html = docs_page().body.decode()
    for name, tag in (("style-src", "style"), ("script-src", 'script type="module"')):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag.split()[0]}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; ")
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "trusted-types 'none'"):
        assert directive in policy.split("; ")
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
