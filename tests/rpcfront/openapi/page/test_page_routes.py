"""Every route that the server takes is called from the page: at its own origin, below its base, and nowhere else."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from rpcfront import Gateway
from tests.rpcfront.openapi.documented import INFO
from tests.rpcfront.openapi.page.reader import Operation, Site, open_operation, served
from tests.support.clients.devtools import Tab
from tests.support.protos import compile_proto

PROTO = """
syntax = "proto3";
package page.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Note { string name = 1; string id = 2; Note inner = 3; }
service Routes {
  rpc Root(Note) returns (Note) { option (google.api.http) = { get: "/" }; }
  rpc First(Note) returns (Note) { option (google.api.http) = { get: "/{name}" }; }
  rpc FirstRest(Note) returns (Note) { option (google.api.http) = { put: "/{name=**}" }; }
  rpc FirstPattern(Note) returns (Note) { option (google.api.http) = { get: "/{name=shelves/*/books/*}" }; }
  rpc FirstTail(Note) returns (Note) { option (google.api.http) = { patch: "/{name=shelves/**}" }; }
  rpc FirstAny(Note) returns (Note) { option (google.api.http) = { delete: "/*/notes/{id}" }; }
  rpc FirstVerb(Note) returns (Note) { option (google.api.http) = { post: "/{name}:run" body: "*" }; }
  rpc RestVerb(Note) returns (Note) { option (google.api.http) = { put: "/{name=**}:run" }; }
  rpc LiteralVerb(Note) returns (Note) { option (google.api.http) = { post: "/v1:run:twice" body: "*" }; }
  rpc Bound(Note) returns (Note) { option (google.api.http) = {
    get: "/v1/{name}/x/{id}"
    additional_bindings { get: "/v2/{name}" }
    additional_bindings { post: "/v3/{id}" body: "inner" }
  }; }
  rpc Deep(Note) returns (Note) { option (google.api.http) = { get: "/v1/deep/{inner.name=**}" }; }
  rpc Literal(Note) returns (Note) { option (google.api.http) = { get: "/v1/a%2Fb/~'!$&()+,;=@/{name}" }; }
  rpc Whole(Note) returns (Note) { option (google.api.http) = { get: "/v1/whole" body: "*" }; }
  rpc Any(Note) returns (Note) { option (google.api.http) = { custom { kind: "*" path: "/v1/any/{name}" } body: "*" }; }
  rpc Purge(Note) returns (Note) { option (google.api.http) = { custom { kind: "PURGE" path: "/v1/purge/{name}" } }; }
  rpc Query(Note) returns (Note) {
    option (google.api.http) = { custom { kind: "QUERY" path: "/v1/search" } body: "*" };
  }
  rpc Head(Note) returns (Note) { option (google.api.http) = { custom { kind: "HEAD" path: "/v1/head/{name}" } }; }
  rpc Upload(google.api.HttpBody) returns (google.api.HttpBody) {
    option (google.api.http) = { post: "/v1/upload" body: "*" };
  }
  rpc Trace(Note) returns (Note) { option (google.api.http) = { custom { kind: "TRACE" path: "/v1/trace" } }; }
  rpc Dots(Note) returns (Note) { option (google.api.http) = { get: "/v1/../x" }; }
  rpc EncodedDots(Note) returns (Note) { option (google.api.http) = { get: "/v1/%2E%2e/{name}" }; }
}
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Echo:
    """Answers every method by its request."""

    def __getattr__(self, _name: str) -> Any:
        async def echo(request: Any, _context: Any) -> Any:
            return request

        return echo


@dataclass(frozen=True)
class Page:
    site: Site
    url: str
    tab: Tab

    async def operation(self, name: str) -> Operation:
        self.site.requests.clear()
        return await open_operation(self.tab, self.url, f"page.v1.Routes.{name}")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["", "/a%20b/c"])
async def page(request: pytest.FixtureRequest, tab: Tab) -> AsyncIterator[Page]:
    service = compile_proto(PROTO).FindServiceByName("page.v1.Routes")
    site = Site(Gateway(services=[(service, Echo())], openapi=INFO), request.param)
    async with served(site) as url:
        yield Page(site, url, tab)


@dataclass(frozen=True)
class Call:
    """What is filled in, and the request and the JSON of the response that it makes."""

    operation: str
    path: list[str]
    request: str
    response: dict[str, Any] | None = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)


EMPTY_BODY = {"body": "{}"}

CALLS = [
    Call("Root", [], "GET /"),
    Call("First", ["a b/c"], "GET /a%20b%2Fc", {"name": "a b/c"}),
    Call("First", ["//other.example"], "GET /%2F%2Fother.example", {"name": "//other.example"}),
    Call("First", ["http:"], "GET /http%3A", {"name": "http:"}),
    Call("First", ["x:run"], "GET /x%3Arun", {"name": "x:run"}),
    Call("First", ["\\\\h"], "GET /%5C%5Ch", {"name": "\\\\h"}),
    Call("First", ["..."], "GET /...", {"name": "..."}),
    Call("First", ["%2e%2e"], "GET /%252e%252e", {"name": "%2e%2e"}),
    Call("First", ["?a#b"], "GET /%3Fa%23b", {"name": "?a#b"}),
    Call("First", ["{name}$&"], "GET /%7Bname%7D%24%26", {"name": "{name}$&"}),
    Call("First", ["ü🎯"], "GET /%C3%BC%F0%9F%8E%AF", {"name": "ü🎯"}),
    Call("FirstRest", ["other.example/x"], "PUT /other.example/x", {"name": "other.example/x"}),
    Call("FirstRest", ["http:/x"], "PUT /http%3A/x", {"name": "http:/x"}),
    Call("FirstRest", [""], "PUT /"),
    Call("FirstPattern", ["1", "a/b"], "GET /shelves/1/books/a%2Fb", {"name": "shelves/1/books/a%2Fb"}),
    Call("FirstTail", ["a/b"], "PATCH /shelves/a/b", {"name": "shelves/a/b"}),
    Call("FirstTail", [""], "PATCH /shelves", {"name": "shelves"}),
    Call("FirstAny", ["x", "7"], "DELETE /x/notes/7", {"id": "7"}),
    Call("FirstVerb", ["x"], "POST /x:run", {"name": "x"}, EMPTY_BODY),
    Call("FirstVerb", [".."], "POST /..:run", {"name": ".."}, EMPTY_BODY),
    Call("RestVerb", ["a/.b"], "PUT /a/.b:run", {"name": "a/.b"}),
    Call("RestVerb", ["a/.."], "PUT /a/..:run", {"name": "a/.."}),
    Call("RestVerb", [""], "PUT /:run"),
    Call("LiteralVerb", [], "POST /v1:run:twice", {}, EMPTY_BODY),
    Call("Bound", ["a", "b"], "GET /v1/a/x/b", {"name": "a", "id": "b"}),
    Call("Bound.2", ["a"], "GET /v2/a?id=b", {"name": "a", "id": "b"}, {"id": "b"}),
    Call("Bound.3", ["a"], "POST /v3/a", {"id": "a", "inner": {"name": "n"}}, {"body": '{"name":"n"}'}),
    Call("Deep", ["a/b%2Fc"], "GET /v1/deep/a/b%252Fc", {"inner": {"name": "a/b%2Fc"}}),
    Call("Deep", [""], "GET /v1/deep", {"inner": {}}),
    Call("Literal", ["x"], "GET /v1/a%2Fb/~'!$&()+,;=@/x", {"name": "x"}),
    Call("Whole", [], "GET /v1/whole"),
    Call("Any", ["x"], "POST /v1/any/x", {"name": "x"}, EMPTY_BODY),
    Call("Any", ["x"], "GET /v1/any/x", {"name": "x"}, {"method": "GET"}),
    Call("Any", ["x"], "PATCH /v1/any/x", {"name": "x"}, {"method": "PATCH", **EMPTY_BODY}),
    Call("Purge", ["x"], "PURGE /v1/purge/x?id=b", {"name": "x", "id": "b"}, {"id": "b"}),
    Call("Query", [], "QUERY /v1/search", {"id": "b"}, {"body": '{"id":"b"}'}),
    Call("Head", ["x"], "HEAD /v1/head/x", None),
    Call("First", ["x"], "GET /x?inner.inner.name=a%3Db+c&id=%26", {
        "name": "x", "id": "&", "inner": {"inner": {"name": "a=b c"}}}, {"more": "inner.inner.name=a=b c\nid=&\n"}),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation}-{call.request}")
async def test_each_route_is_called(page: Page, call: Call) -> None:
    operation = await page.operation(call.operation)
    await operation.fill(call.path, **call.others)
    await operation.send()
    assert (await operation.ended()).startswith("200 OK in ")
    method, _, path = call.request.partition(" ")
    assert page.site.requests == [f"{method} {page.site.prefix}{path}"]
    body = await operation.body()
    assert (json.loads(body) if body else None) == call.response
    assert page.tab.complaints == []


NO_SEGMENT = "A segment of a path needs at least one character."
NO_STEP = "A browser cannot send . or .. as a segment of a path. Other clients can."

BLAMED = [
    ("First", [""], 0, NO_SEGMENT),
    ("First", ["."], 0, NO_STEP),
    ("First", [".."], 0, NO_STEP),
    ("FirstRest", ["/other.example/x"], 0, NO_SEGMENT),
    ("FirstRest", ["a//b"], 0, NO_SEGMENT),
    ("FirstRest", ["a/../b"], 0, NO_STEP),
    ("FirstRest", ["."], 0, NO_STEP),
    ("FirstTail", [".."], 0, NO_STEP),
    ("FirstPattern", ["1", "."], 1, NO_STEP),
    ("Bound", ["..", "b"], 0, NO_STEP),
    ("Deep", [".."], 0, NO_STEP),
    ("First", ["\ud800"], 0, "This is not valid Unicode: there is half of a character in it."),
]


@pytest.mark.parametrize(("name", "path", "index", "reason"), BLAMED)
async def test_what_a_url_cannot_say_is_told_beside_its_field(
    page: Page, name: str, path: list[str], index: int, reason: str
) -> None:
    operation = await page.operation(name)
    await operation.fill(path)
    await operation.send()
    await page.tab.until(operation.within("[aria-invalid]"))
    blamed = await page.tab.evaluate(f"""(() => {{
        const inputs = [...{operation.element}.querySelectorAll("input")].filter(({{ id }}) => id.includes("/path/"));
        const said = (input) => document.getElementById(input.getAttribute("aria-describedby")).textContent;
        return [inputs.findIndex((input) => input === document.activeElement), inputs.map(said)];
    }})()""")
    assert blamed == [index, [reason if place == index else "" for place in range(len(path))]]
    # Mended, it is sent, and nothing is said any more.
    await operation.fill(["x"] * len(path))
    await operation.send()
    await operation.ended()
    assert len(page.site.requests) == 1
    assert not await page.tab.evaluate(f"Boolean({operation.within('[aria-invalid]')})")


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("Dots", [], "A browser cannot send .. as a part of a path. Other clients can."),
        ("EncodedDots", ["x"], "A browser cannot send %2E%2e as a part of a path. Other clients can."),
    ],
)
async def test_a_template_that_a_url_cannot_say_is_not_sent(
    page: Page, name: str, path: list[str], reason: str
) -> None:
    operation = await page.operation(name)
    await operation.fill(path)
    await operation.send()
    assert await operation.text("fieldset > .problem") == reason
    assert page.site.requests == []


async def test_a_method_that_a_browser_does_not_send_is_named_on_the_page(page: Page) -> None:
    operation = await page.operation("Trace")
    assert await operation.text("fieldset > .problem") == "A browser cannot send TRACE. Other clients can."
    assert await page.tab.evaluate(f"{operation.within('button')}.disabled")


@pytest.mark.parametrize(("name", "method"), [("Whole", None), ("Any", "GET"), ("Any", "HEAD")])
async def test_a_body_that_a_browser_does_not_send_is_named_on_the_page(
    page: Page, name: str, method: str | None
) -> None:
    operation = await page.operation(name)
    await operation.fill(["x"] if name == "Any" else [], **({"method": method} if method else {}))
    shown = await page.tab.evaluate(f"{operation.within('fieldset')}.innerText")
    assert "A browser sends no body with this method, so none is sent. Other clients can." in shown
    assert "Body" not in shown


async def test_bytes_are_sent_with_the_content_type_that_is_filled_in(page: Page) -> None:
    operation = await page.operation("Upload")
    await operation.fill([], body="{]", type="text/x-own")
    await operation.send()
    await operation.ended()
    assert await operation.body() == "{]"
    assert "content-type: text/x-own" in await operation.text("[aria-label='Response headers']")


@pytest.mark.parametrize(("field", "value"), [("type", "€"), ("type", "a\u0000b")])
async def test_a_content_type_that_no_header_can_carry_is_told_beside_its_field(
    page: Page, field: str, value: str
) -> None:
    operation = await page.operation("Upload")
    await operation.fill([], **{field: value})
    await operation.send()
    await page.tab.until(operation.within("[aria-invalid]"))
    assert page.site.requests == []


@pytest.mark.parametrize("value", ["€", "two words"])
async def test_a_token_that_no_header_can_carry_is_told_beside_its_field(page: Page, value: str) -> None:
    operation = await page.operation("Root")
    await page.tab.evaluate(f"document.getElementById('token').value = {json.dumps(value)}")
    await operation.send()
    assert await page.tab.evaluate("document.getElementById('token-problem').textContent") == (
        "A token has ASCII characters only, and no spaces."
    )
    assert page.site.requests == []
