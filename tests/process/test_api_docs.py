"""Who reads the descriptions of the API of a running server: /openapi.json, /docs and server reflection."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from tests.process.conftest import Run, Start
from tests.support.clients.http import ask
from tests.support.servers.actiond import ServerProcess

VERSIONS = ("v1", "v1alpha")
LIST_SERVICES = b"\x3a\x00"
"""A ServerReflectionRequest: field 7, list_services, empty."""

UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED = (
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
)


@dataclass(frozen=True)
class Seen:
    """The HTTP statuses of the document and of the page, and the codes of each version of reflection."""

    document: int
    page: int
    reflection: set[grpc.StatusCode]


async def look(server: ServerProcess, token: str | None = None) -> Seen:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    document, page = [await ask(server.http_port, "GET", path, headers=headers) for path in ("/openapi.json", "/docs")]
    assert (document.status == 200) == (b'"openapi"' in document.body)
    return Seen(document.status, page.status, {reflect(server, version, token) for version in VERSIONS})


def reflect(server: ServerProcess, version: str, token: str | None) -> grpc.StatusCode:
    with grpc.insecure_channel(server.grpc_target) as channel:
        info: Any = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        call = info(iter([LIST_SERVICES]), metadata=[("authorization", f"Bearer {token}")] if token else [])
        try:
            assert any(b"ActionService" in response for response in call)
        except grpc.RpcError:
            """The code says it."""
        code: grpc.StatusCode = call.code()
        return code


async def test_anyone_reads_them_by_default(start: Start) -> None:
    assert await look(start()) == Seen(200, 200, {grpc.StatusCode.OK})


async def test_private_ones_are_for_holders_of_the_permission(start: Start, run: Run) -> None:
    server = start("--api-docs", "private")
    # The command has an event loop of its own.
    reader, other = [
        await asyncio.to_thread(secret_of, run, server, permission) for permission in ("docs.read", "metrics.read")
    ]
    assert await look(server) == Seen(401, 200, {UNAUTHENTICATED})
    assert await look(server, "none-of-ours") == Seen(401, 200, {UNAUTHENTICATED})
    assert await look(server, other) == Seen(403, 200, {PERMISSION_DENIED})
    assert await look(server, reader) == Seen(200, 200, {grpc.StatusCode.OK})
    assert await look(server, server.token) == Seen(200, 200, {grpc.StatusCode.OK})


async def test_health_stays_public_where_they_are_private(start: Start) -> None:
    server = start("--api-docs", "private")
    body, headers = b"{}", {"content-type": "application/json"}
    assert (await ask(server.http_port, "POST", "/grpc.health.v1.Health/Check", body, headers)).status == 200


async def test_those_that_nobody_may_read_are_not_served(start: Start) -> None:
    server = start("--api-docs", "none")
    assert await look(server, server.token) == Seen(404, 404, {UNIMPLEMENTED})


@pytest.mark.parametrize("access", ["public", "private"])
async def test_no_execution_runs_for_reflection(start: Start, access: str) -> None:
    server = start("--api-docs", access, "--allow-address", "127.0.0.0/8")
    headers = {"authorization": f"Bearer {server.token}", "content-type": "application/json"}
    # Nothing listens there: every call that runs executions fails.
    target = {"name": "t", "restCall": {"interruptOnError": True}, "timeout": "1s", "endpoint": "http://127.0.0.1:9/"}
    created = await ask(server.http_port, "POST", "/v3alpha/targets", json.dumps(target).encode(), headers)
    steps = {"condition": {"request": {"all": True}}, "targets": [{"target": json.loads(created.body)["id"]}]}
    set_execution = await ask(server.http_port, "PUT", "/v3alpha/executions", json.dumps(steps).encode(), headers)
    assert set_execution.status == 200
    assert (await ask(server.http_port, "GET", "/v3alpha/executions/methods", headers=headers)).status == 400
    assert await look(server, server.token) == Seen(200, 200, {grpc.StatusCode.OK})


def secret_of(run: Run, server: ServerProcess, permission: str) -> str:
    made = run("token", "create", "--name", permission, "--permission", permission, ACTIOND_DATABASE=server.database)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()
