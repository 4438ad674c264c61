"""Routes whose path is always the same are found without the table: with the same answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rpcfront import Gateway
from tests.support.clients.http import Reply, ask
from tests.support.protos import compile_proto
from tests.support.servers.faces import HTTP_FACES

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROTO = """
syntax = "proto3";
package literal.v1;
import "google/api/annotations.proto";
message M { string id = 1; }
service S {
  rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/things/{id}" }; }
  rpc All(M) returns (M) { option (google.api.http) = { get: "/v1/things/all" }; }
  rpc Verb(M) returns (M) { option (google.api.http) = { post: "/v1/things/all:count" body: "*" }; }
  rpc Star(M) returns (M) { option (google.api.http) = { get: "/v1/stars/*" }; }
  rpc Any(M) returns (M) { option (google.api.http) = { custom: { kind: "*" path: "/v1/any" } }; }
  rpc Options(M) returns (M) { option (google.api.http) = { custom: { kind: "OPTIONS" path: "/v1/options" } }; }
}
"""


class Servicer:
    """Each method answers its own name, and the id that it was given."""

    def __getattr__(self, name: str) -> Any:
        async def method(request: Any, _context: Any) -> Any:
            return type(request)(id=f"{name} {request.id}".strip())

        return method


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    service = compile_proto(PROTO).FindServiceByName("literal.v1.S")
    async with HTTP_FACES[request.param](Gateway(services=[(service, Servicer())])) as port:
        yield port


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        ("GET /v1/things/all", "All"),
        ("GET /v1/things/some", "Get some"),
        ("HEAD /v1/things/all", ""),
        ("POST /v1/things/all:count", "Verb"),
        ("GET /v1/stars/*", "Star"),
        ("GET /v1/stars/one", "Star"),
        ("GET /v1/any", "Any"),
        ("REPORT /v1/any", "Any"),
    ],
)
async def test_a_path_that_is_a_template_reaches_its_method(port: int, request_line: str, answer: str) -> None:
    reply = await asked(port, request_line)
    assert reply.status == 200
    assert reply.body == (f'{{"id":"{answer}"}}'.encode() if answer else b"")


async def test_options_is_no_call_whatever_the_routes_say(port: int) -> None:
    reply = await asked(port, "OPTIONS /v1/options")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("allow") == "OPTIONS"


async def test_another_method_of_a_literal_path_is_not_allowed(port: int) -> None:
    reply = await asked(port, "POST /v1/things/all")
    assert reply.status == 405
    assert reply.header("allow") == "GET, HEAD, OPTIONS"


async def asked(port: int, request_line: str) -> Reply:
    method, path = request_line.split()
    return await ask(port, method, path)
