"""What docs/rpcfront.md shows is run, and what it lists is what there is."""

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import rpcfront
from rpcfront import Gateway, HttpRequest, HttpResponse, Limits
from tests.support.clients.http import ask
from tests.support.programs import PATH
from tests.support.servers.faces import asgi_server, grpc_server
from tests.support.servers.ports import free_port

_ROOT = Path(__file__).parents[1]
_PAGE = (_ROOT / "docs" / "rpcfront.md").read_text()
_CHECK = "/grpc.health.v1.Health/Check"
_START_SECONDS = 30.0


def _section(heading: str) -> str:
    """Return the text between a heading and the next one."""
    section = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", _PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None, f"no heading {heading!r}"
    return section[1]


def _blocks(heading: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", _section(heading), re.DOTALL)


def _rows(table: str) -> list[list[str]]:
    """Return the cells of a table, without its head."""
    return [line.split(" | ") for line in re.findall(r"^\| (.*) \|$", table, re.MULTILINE)[1:]]


@pytest.fixture
def run() -> Callable[..., dict[str, Any]]:
    """Run the page's first block, which serves, and the blocks below a heading; return the names that they define."""
    names: dict[str, Any] = {"__name__": "page"}

    def run_blocks(*headings: str) -> dict[str, Any]:
        for heading in headings:
            for block in _blocks(heading):
                exec(block, names)  # noqa: S102  # that is the point
        return names

    run_blocks("Serve your own servicer")
    return run_blocks


async def test_the_page_shows_the_responses_that_curl_gets(run: Callable[..., dict[str, Any]]) -> None:
    shown = re.findall(r"\$ curl -d '(.*?)' http://127.0.0.1:8000(\S+)\n(.*)\n", _PAGE)
    assert shown
    async with asgi_server(run()["gateway"]) as port:
        for body, path, response in shown:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            assert (await ask(port, "POST", path, body.encode(), headers)).body.decode() == response


async def test_the_pages_own_proto_is_compiled_and_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = _section("Your own proto")
    (proto,) = re.findall(r"```proto\n(.*?)```", section, re.DOTALL)
    (tmp_path / "greeter.proto").write_text(proto)
    commands = re.findall(r"^\$ ((?!curl).*)$", section, re.MULTILINE)
    script = ["bash", "-eu", "-c", "\n".join(commands)]
    await asyncio.to_thread(subprocess.run, script, cwd=tmp_path, env={**os.environ, "PATH": PATH}, check=True)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    (served,) = _blocks("Your own proto")
    exec(served, names)  # noqa: S102  # that is the point
    shown = re.findall(r"^\$ curl (?:-N )?http://127.0.0.1:8000(\S+)\n((?:\{.*\n)+)", section, re.MULTILINE)
    assert len(shown) == 2
    async with asgi_server(names["gateway"]) as port:
        for path, response in shown:
            assert (await ask(port, "GET", path)).body.decode().rstrip() == response.rstrip()


@pytest.mark.parametrize(
    ("authorization", "status", "body"),
    [
        ("Bearer a long random secret", 200, b'{"status":"SERVING"}'),
        ("Bearer another secret", 401, b'{"code":"unauthenticated","message":"unknown token"}'),
        ("Basic a long random secret", 401, b'{"code":"unauthenticated","message":"unknown token"}'),
        ("", 401, b'{"code":"unauthenticated","message":"unknown token"}'),
    ],
)
async def test_the_pages_authentication_accepts_its_token_alone(
    run: Callable[..., dict[str, Any]], authorization: str, status: int, body: bytes
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    async with asgi_server(run("Authenticate")["gateway"]) as port:
        reply = await ask(port, "POST", _CHECK, b"{}", headers)
    assert (reply.status, reply.body) == (status, body)


class Servicer(health_pb2_grpc.HealthServicer):
    """Call `check` for each unary call, and stream five responses."""

    def __init__(self, check: Callable[[], object] = lambda: None) -> None:
        self._check = check

    async def Check(self, request: Any, context: Any) -> Any:
        self._check()
        return health_pb2.HealthCheckResponse(status="SERVING")

    async def Watch(self, request: Any, context: Any) -> Any:
        for _ in range(5):
            yield health_pb2.HealthCheckResponse(status="SERVING")


def _raise(error: Exception) -> Callable[[], object]:
    def check() -> object:
        raise error

    return check


async def test_the_pages_translation_makes_a_status_of_its_own_error_alone(
    run: Callable[..., dict[str, Any]],
) -> None:
    names = run("Translate errors")
    bodies = []
    for error in (names["NoSuchUser"](), RuntimeError()):
        services = [(names["descriptor"], Servicer(_raise(error)))]
        async with asgi_server(Gateway(services=services, translate=names["translate"])) as port:
            bodies.append(json.loads((await ask(port, "POST", _CHECK, b"{}")).body))
    translated, unexpected = bodies
    [info] = translated.pop("details")
    assert translated == {"code": "not_found", "message": "Check: no such user"}
    assert info["type"] == "google.rpc.ErrorInfo"
    assert info["debug"] == {"reason": "NO_SUCH_USER", "domain": "example.com"}
    assert unexpected == {"code": "internal", "message": "internal error"}


async def test_the_pages_interceptors_do_what_it_says(
    run: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with asgi_server(run("Interceptors")["gateway"]) as port:
        refused = await ask(port, "POST", _CHECK, b'{"service":"secret"}')
        without_field = await ask(port, "POST", "/grpc.health.v1.Health/List", b"{}")
    assert refused.body == b'{"code":"permission_denied","message":"not this one"}'
    assert without_field.body == b'{"code":"unimplemented","message":"Method not implemented!"}'
    assert "grpc.health.v1.Health.Check took" in caplog.text


async def test_the_pages_interceptor_around_a_stream_shortens_it(run: Callable[..., dict[str, Any]]) -> None:
    names = run("Interceptors")
    gateway = Gateway(services=[(names["descriptor"], Servicer())], interceptors=[names["first_two"]])
    async with grpc_server(gateway) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert [response.status async for response in stub.Watch(health_pb2.HealthCheckRequest())] == [1, 1]
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1


async def test_the_pages_grpc_aio_interceptor_is_turned_into_one_of_the_gateways(
    run: Callable[..., dict[str, Any]],
) -> None:
    async with asgi_server(run("An interceptor written for grpc.aio")["gateway"]) as port:
        refused = await ask(port, "POST", _CHECK, b"{}")
        accepted = await ask(port, "POST", _CHECK, b"{}", {"x-tenant": "a"})
    assert refused.body == b'{"code":"invalid_argument","message":"x-tenant is missing"}'
    assert accepted.body == b'{"status":"SERVING"}'


async def test_the_pages_observer_logs_a_line_for_each_call(
    run: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with asgi_server(run("Observers")["gateway"]) as port:
        await ask(port, "POST", _CHECK, b"{}")
        await ask(port, "POST", "/nowhere", b"{}")
    assert re.search(r"connect grpc\.health\.v1\.Health/Check OK \d+\.\d ms", caplog.text)
    assert re.search(r"http - NOT_FOUND \d+\.\d ms", caplog.text)


async def test_what_the_pages_observer_sets_reaches_the_servicer(run: Callable[..., dict[str, Any]]) -> None:
    names = run("Observers")
    seen: list[str] = []
    servicer = Servicer(lambda: seen.append(names["request_id"].get()))
    gateway = Gateway(services=[(names["descriptor"], servicer)], observers=[names["LogCalls"]()])
    async with asgi_server(gateway) as port:
        await ask(port, "POST", _CHECK, b"{}", {"x-request-id": "given"})
    assert seen == ["given"]


def _commands() -> list[str]:
    return re.findall(r"^\$ (.*serve:gateway.*)$", _section("Run it in production"), re.MULTILINE)


def test_the_page_shows_how_to_run_it_in_production() -> None:
    assert [command.split()[0] for command in _commands()] == ["uvicorn", "granian"]


@pytest.mark.parametrize("command", _commands(), ids=lambda command: command.split()[0])
async def test_the_pages_production_commands_serve(command: str, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(_blocks("Serve your own servicer")[0])
    port = free_port()
    python_path = os.pathsep.join([str(_ROOT / "server"), str(_ROOT / "generated"), str(tmp_path)])
    arguments = command.replace("0.0.0.0", "127.0.0.1").replace("8000", str(port)).split()  # noqa: S104
    server = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=tmp_path,
        env={**os.environ, "PATH": PATH, "PYTHONPATH": python_path},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            while (body := await _check(port)) is None:
                assert server.returncode is None, "the server ended"
                await asyncio.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        await server.wait()
    assert body == b'{"status":"SERVING"}'


async def _check(port: int) -> bytes | None:
    """Return the body of a call, or None while nobody listens."""
    try:
        return (await ask(port, "POST", _CHECK, b"{}")).body
    except OSError:
        return None


async def test_the_pages_grpc_server_serves(run: Callable[..., dict[str, Any]]) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = await run("Run it in production")["serve_grpc"](address)
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1
    await server.stop(None)


def test_the_page_serves_a_servicer_in_ten_lines() -> None:
    assert len([line for line in _blocks("Serve your own servicer")[0].splitlines() if line]) <= 10


def test_the_reference_has_the_arguments_of_the_gateway() -> None:
    arguments, _, _ = _section("Reference").partition("| attribute or method |")
    assert [name.strip("`") for name, _ in _rows(arguments)] == list(inspect.signature(Gateway).parameters)


async def test_the_page_serves_reflection(run: Callable[..., dict[str, Any]]) -> None:
    async with grpc_server(run("Server reflection")["gateway"]) as port:

        def ask_for_services() -> list[str]:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                return list(ProtoReflectionDescriptorDatabase(channel).get_services())

        services = await asyncio.to_thread(ask_for_services)
    assert services == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


def test_the_reference_has_the_attributes_of_the_gateway() -> None:
    _, _, attributes = _section("Reference").partition("\n\n| attribute or method |")
    named = {name for names, _ in _rows(f"| head |{attributes}") for name in re.findall(r"`(\w+)(?:\(\))?`", names)}
    assert named == {name for name in vars(Gateway) if not name.startswith("_")}


def test_the_reference_has_every_public_name() -> None:
    names, _, _ = _section("Public names").partition("A handler uses")
    named = [name for cell, _ in _rows(names) for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(rpcfront.__all__)


def test_a_handlers_request_and_response_have_what_the_reference_lists() -> None:
    _, _, attributes = _section("Public names").partition("A handler uses")
    named = [name for cell, _ in _rows(attributes) for name in re.findall(r"`(\w+)", cell)]
    request = HttpRequest("GET", "/", [])
    assert named
    assert all(hasattr(request, name) for name in named)
    assert [field.name for field in fields(HttpResponse)] == ["status", "headers", "body"]


def test_the_page_has_the_limits_that_there_are() -> None:
    defaults = {f"`{limit.name}`": str(limit.default) for limit in fields(Limits)}
    assert {setting: default for setting, default, *_ in _rows(_section("Limits"))} == defaults


def test_the_list_of_contents_is_that_of_the_headings() -> None:
    headings = re.findall(r"^## (.*)$", _PAGE, re.MULTILINE)
    assert re.findall(r"^- \[(.*)\]\(#", _PAGE, re.MULTILINE) == headings
