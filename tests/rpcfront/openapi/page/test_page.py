"""The page of /docs in a real browser: what a reader sees and sends, with nothing from elsewhere."""

import asyncio
import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor

from rpcfront import Gateway, ServicerContext
from rpcfront.openapi.docs import docs_page
from tests.rpcfront.openapi.documented import INFO
from tests.support.clients.browser import UnavailableError, Visit, find_chromium, visit
from tests.support.servers.faces import asgi_server
from tests.support.servers.pages import PageServer
from tests.support.services import fixture_service

DRIVER = Path(__file__).with_name("driver.html")
OPERATION = "t.v1.T.PostSub"
VALUES = {
    "token": "a token",
    f"{OPERATION}/path/id": "a/b c",
    f"{OPERATION}/query/i64": "9007199254740993",
    f"{OPERATION}/query/rs": "one\ntwo&three",
    f"{OPERATION}/body": '{"s": "<b>", "tags": []}',
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return find_chromium()
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the page must be seen: {lack}", pytrace=False)
        pytest.skip(f"the page is not seen here: {lack}")


@dataclass(frozen=True)
class Seen:
    """What the browser saw, and the Authorization headers that the server did."""

    visit: Visit
    tokens: list[list[str]]

    @property
    def report(self) -> dict[str, Any]:
        return self.visit.report


@dataclass(frozen=True)
class Driven:
    """A gateway with the driver's page beside it, which must be of the same origin."""

    gateway: Gateway

    @property
    def asgi(self) -> Any:
        """A plain function: uvicorn takes a bound method for ASGI 2."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope.get("path") != "/driver.html":
                await self.gateway.asgi(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": DRIVER.read_bytes()})

        return answer


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    scratch = tmp_path_factory.mktemp("docs")
    tokens: list[list[str]] = []

    async def authenticate(_method: MethodDescriptor, context: ServicerContext) -> None:
        tokens.append(context.authorization())

    comments = {"t.v1.T.PostSub": "Posts a `Sub`.\n\n- one\n- <i>two</i>"}
    info = replace(INFO, is_secure=True, comments=comments)
    gateway = Gateway(services=fixture_service.services(), authenticate=authenticate, openapi=info)
    async with asgi_server(cast("Gateway", Driven(gateway))) as port:
        with PageServer(scratch) as reports:
            arguments = {"operation": OPERATION, "values": json.dumps(VALUES), "report": reports.origin("localhost")}
            url = f"http://127.0.0.1:{port}/driver.html?{urlencode(arguments)}"
            yield Seen(await asyncio.to_thread(visit, chromium, reports, url, scratch / "profile"), tokens)


async def test_it_shows_the_operations_of_each_service(seen: Seen) -> None:
    assert seen.report["title"] == "The title"
    assert seen.report["headings"] == ["The title", "T", "More"]
    assert {"GET/v1/get/{id}", "POST/v1/sub/{id}", "PURGE/v1/purge/{id}"} <= set(seen.report["links"])


async def test_it_shows_parameters_schemas_and_errors_of_an_operation(seen: Seen) -> None:
    shown = seen.report["operation"]
    for text in ("id (path) string required", "i64 (query) integer (int64)", "rc (query) list of Color"):
        assert text in shown
    assert re.search(r"application/json\s+Sub\b", shown)
    assert {"200", "400", "401", "429", "default"} <= set(re.findall(r"^\w+$", shown, re.MULTILINE))


async def test_a_comment_is_text_and_never_html(seen: Seen) -> None:
    assert "Posts a Sub." in seen.report["operation"]
    assert "<i>two</i>" in seen.report["operation"]


async def test_every_input_has_a_label(seen: Seen) -> None:
    assert seen.report["unlabelled"] == []


async def test_it_sends_what_was_filled_in(seen: Seen) -> None:
    assert seen.report["call"].startswith("POST http://127.0.0.1:")
    assert seen.report["call"].endswith("/v1/sub/a%2Fb%20c?i64=9007199254740993&rs=one&rs=two%26three")
    assert seen.tokens == [["Bearer a token"]]


async def test_it_shows_the_answer_to_the_digit(seen: Seen) -> None:
    assert seen.report["status"].startswith("200 OK in ")
    assert json.loads(seen.report["body"]) == {
        "id": "a/b c",
        "i64": "9007199254740993",
        "rs": ["one", "two&three"],
        "sub": {"s": "<b>"},
    }
    assert '\n  "rs": [\n    "one",\n' in seen.report["body"]


async def test_it_needs_nothing_but_its_document(seen: Seen) -> None:
    assert set(seen.report["resources"]) == {"/openapi.json", "/v1/sub/a%2Fb%20c"}


async def test_its_policy_is_kept(seen: Seen) -> None:
    assert seen.report["violations"] == []
    assert "Content Security Policy" not in seen.visit.console
    assert "Uncaught" not in seen.visit.console


async def test_its_policy_allows_its_own_style_and_script_alone() -> None:
    policy = dict(docs_page().headers)["content-security-policy"]
    html = docs_page().body.decode()
    for name, tag in (("style-src", "style"), ("script-src", 'script type="module"')):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag.split()[0]}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; ")
