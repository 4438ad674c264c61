"""What docs/rpcfront.md shows is run, and what it lists is what there is."""

import asyncio
import http.client
import inspect
import json
import os
import re
import signal
import ssl
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import rpcfront
from rpcfront import ConnectionLimits, Gateway, HttpRequest, HttpResponse, Limits, Server
from tests.support.clients.http import ask
from tests.support.programs import PATH
from tests.support.servers.faces import listener
from tests.support.servers.ports import free_port
from tests.support.targets.certificates import Authority

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
    async with listener(run()["gateway"]) as port:
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
    async with listener(names["gateway"]) as port:
        for path, response in shown:
            assert (await ask(port, "GET", path)).body.decode().rstrip() == response.rstrip()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            messages = names["greeter_pb2"]
            codec = (messages.GreetRequest.SerializeToString, messages.GreetResponse.FromString)
            people = [messages.GreetRequest(name=name) for name in ("Ada", "Grace")]
            greet_all = channel.stream_unary("/greeter.Greeter/GreetAll", *codec)
            chat = channel.stream_stream("/greeter.Greeter/Chat", *codec)
            assert (await greet_all(iter(people))).text == "Hello, Ada and Grace"
            assert [response.text async for response in chat(iter(people))] == ["Hello, Ada", "Hello, Grace"]


async def test_the_page_serves_in_an_event_loop_that_runs_already(
    run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = run()
    listens, listen = asyncio.Event(), names["gateway"].listen

    async def listen_and_tell(*address: Any) -> Server:
        server: Server = await listen(*address)
        listens.set()
        return server

    names["gateway"].listen = listen_and_tell
    stop = asyncio.Event()
    serving = asyncio.ensure_future(names["serve"](stop))
    await listens.wait()
    assert await _check(int(capsys.readouterr().out.split()[-1])) == b'{"status":"SERVING"}'
    stop.set()
    await serving


async def test_the_page_serves_every_protocol_over_tls(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    authority.server_pair().write(tmp_path, "server")
    trusted = authority.pem.encode()
    monkeypatch.chdir(tmp_path)
    names = run("TLS")
    server = await names["gateway"].listen(ssl=names["files"].load().context)
    credentials = grpc.ssl_channel_credentials(trusted)
    async with grpc.aio.secure_channel(f"localhost:{server.port}", credentials) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1

    def ask_over_http1() -> bytes:
        context = ssl.create_default_context(cadata=trusted.decode())
        connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=20)
        with closing(connection):
            connection.request("POST", _CHECK, b"{}")
            return connection.getresponse().read()

    assert await asyncio.to_thread(ask_over_http1) == b'{"status":"SERVING"}'
    await server.drain(1)


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
    async with listener(run("Authenticate")["gateway"]) as port:
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
        async with listener(Gateway(services=services, translate=names["translate"])) as port:
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
    async with listener(run("Interceptors")["gateway"]) as port:
        refused = await ask(port, "POST", _CHECK, b'{"service":"secret"}')
        without_field = await ask(port, "POST", "/grpc.health.v1.Health/List", b"{}")
    assert refused.body == b'{"code":"permission_denied","message":"not this one"}'
    assert without_field.body == b'{"code":"unimplemented","message":"Method not implemented!"}'
    assert "grpc.health.v1.Health.Check took" in caplog.text


async def test_the_pages_interceptor_around_a_stream_shortens_it(run: Callable[..., dict[str, Any]]) -> None:
    names = run("Interceptors")
    gateway = Gateway(services=[(names["descriptor"], Servicer())], interceptors=[names["first_two"]])
    async with listener(gateway) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert [response.status async for response in stub.Watch(health_pb2.HealthCheckRequest())] == [1, 1]
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1


async def test_the_pages_grpc_aio_interceptor_is_turned_into_one_of_the_gateways(
    run: Callable[..., dict[str, Any]],
) -> None:
    async with listener(run("An interceptor written for grpc.aio")["gateway"]) as port:
        refused = await ask(port, "POST", _CHECK, b"{}")
        accepted = await ask(port, "POST", _CHECK, b"{}", {"x-tenant": "a"})
    assert refused.body == b'{"code":"invalid_argument","message":"x-tenant is missing"}'
    assert accepted.body == b'{"status":"SERVING"}'


async def test_the_pages_observer_logs_a_line_for_each_call(
    run: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with listener(run("Observers")["gateway"]) as port:
        await ask(port, "POST", _CHECK, b"{}")
        await ask(port, "POST", "/nowhere", b"{}")
    assert re.search(r"connect grpc\.health\.v1\.Health/Check OK \d+\.\d ms", caplog.text)
    assert re.search(r"http - NOT_FOUND \d+\.\d ms", caplog.text)


async def test_what_the_pages_observer_sets_reaches_the_servicer(run: Callable[..., dict[str, Any]]) -> None:
    names = run("Observers")
    seen: list[str] = []
    servicer = Servicer(lambda: seen.append(names["request_id"].get()))
    gateway = Gateway(services=[(names["descriptor"], servicer)], observers=[names["LogCalls"]()])
    async with listener(gateway) as port:
        await ask(port, "POST", _CHECK, b"{}", {"x-request-id": "given"})
    assert seen == ["given"]


def _server(command: str) -> str:
    """Return the name of what a command runs: `python serve.py`, `uvicorn …`, `python -m cheroot …`."""
    return command.removeprefix("python -m ").split()[0]


def _commands() -> list[str]:
    sections = _section("Run it in production") + _section("With a server of your own")
    return re.findall(r"^\$ (.*serve.*)$", sections, re.MULTILINE)


_NOT_INSTALLED = {"hypercorn", "gunicorn"}
"""No other test needs them."""


def test_the_page_shows_how_to_run_it_in_production() -> None:
    assert [_server(command) for command in _commands()] == ["python", "uvicorn", "hypercorn", "gunicorn", "cheroot"]


@pytest.mark.parametrize(
    "command",
    [command for command in _commands() if _server(command) not in _NOT_INSTALLED],
    ids=_server,
)
async def test_the_pages_production_commands_serve(command: str, tmp_path: Path) -> None:
    port = free_port()
    program = _blocks("Serve your own servicer")[0]
    program = program.replace("\nif __name__", "\napplication = gateway.wsgi\n\nif __name__")  # for WSGI servers
    (tmp_path / "serve.py").write_text(program.replace("8000", str(port)))
    python_path = os.pathsep.join([str(_ROOT / "server"), str(_ROOT / "generated")])
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
            server.terminate()
            code = await server.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
    assert body == b'{"status":"SERVING"}'
    if _server(command) == "python":
        assert code == 0  # other servers end as they like


async def _check(port: int) -> bytes | None:
    """Return the body of a call, or None while nobody listens."""
    try:
        return (await ask(port, "POST", _CHECK, b"{}")).body
    except OSError:
        return None


async def test_the_pages_grpc_server_serves(run: Callable[..., dict[str, Any]]) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = await run("With a server of your own")["serve_grpc"](address)
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1
    await server.stop(None)


def test_the_page_serves_a_servicer_in_ten_lines() -> None:
    assert len([line for line in _blocks("Serve your own servicer")[0].splitlines() if line]) <= 10


def test_the_reference_has_the_arguments_of_the_gateway() -> None:
    arguments, _, _ = _section("Reference").partition("| attribute or method |")
    assert [name.strip("`") for name, _ in _rows(arguments)] == list(inspect.signature(Gateway).parameters)


def test_the_reference_has_the_arguments_of_listen_and_run() -> None:
    arguments, _, _ = _after("The arguments of `listen`").partition("| attribute or method of `Server` |")
    named = [name for cell, _ in _rows(arguments) for name in re.findall(r"`(\w+)`", cell)]
    assert named == [name for name in inspect.signature(Gateway.listen).parameters if name != "self"]
    signature = inspect.signature(Gateway.run)
    shown = re.search(r"`run\((\S.*?)\)`", _section("Reference"))
    assert shown is not None
    assert re.findall(r"(\w+)=(\S+?)(?:,|$)", shown[1]) == [
        (name, json.dumps(parameter.default).replace("null", "None"))
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]


def _after(text: str) -> str:
    """Return what follows a text in the reference."""
    _, found, rest = _section("Reference").partition(text)
    assert found
    return rest


def test_the_reference_has_the_methods_of_a_server() -> None:
    table = f"| head |{_after('| attribute or method of `Server` |')}"
    named = {name for names, _ in _rows(table) for name in re.findall(r"`(\w+)", names)}
    assert named
    assert all(hasattr(Server, name) for name in named)


async def test_the_page_serves_reflection(run: Callable[..., dict[str, Any]]) -> None:
    async with listener(run("Server reflection")["gateway"]) as port:

        def ask_for_services() -> list[str]:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                return list(ProtoReflectionDescriptorDatabase(channel).get_services())

        services = await asyncio.to_thread(ask_for_services)
    assert services == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


async def test_the_page_shows_what_grpcurl_prints(run: Callable[..., dict[str, Any]]) -> None:
    (session,) = re.findall(r"```console\n(.*?)```", _section("Server reflection"), re.DOTALL)
    shown = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE)
    assert shown
    async with listener(run("Server reflection")["gateway"]) as port:
        for command, output in shown:
            grpcurl = await asyncio.create_subprocess_exec(
                *command.replace("8000", str(port)).split(),
                env={**os.environ, "PATH": PATH},
                stdout=asyncio.subprocess.PIPE,
            )
            printed, _ = await grpcurl.communicate()
            assert printed.decode() == output


def test_the_reference_has_the_attributes_of_the_gateway() -> None:
    attributes, _, _ = _after("\n\n| attribute or method |").partition("The arguments of `listen`")
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
    assert all(hasattr(HttpRequest, name) or hasattr(request, name) for name in named)
    assert [field.name for field in fields(HttpResponse)] == ["status", "headers", "body"]


def test_the_page_has_the_limits_that_there_are() -> None:
    calls, connections = _section("Limits").split("| setting |")[1:]
    for table, limits in ((calls, Limits), (connections, ConnectionLimits)):
        defaults = [(f"`{limit.name}`", str(limit.default)) for limit in fields(limits)]
        assert [(setting, default) for setting, default, *_ in _rows(f"| head |{table}")] == defaults


def test_the_list_of_contents_is_that_of_the_headings() -> None:
    headings = re.findall(r"^## (.*)$", _PAGE, re.MULTILINE)
    assert re.findall(r"^- \[(.*)\]\(#", _PAGE, re.MULTILINE) == headings
