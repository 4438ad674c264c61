"""What the documentation shows is run, and what it lists is what there is."""

import asyncio
import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rpcfront import Gateway, Limits
from tests.support.clients.http import ask
from tests.support.servers.faces import asgi_server, grpc_server

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "gateway.md"
_MODULES = _ROOT / "server" / "gateway"


def _blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL)


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its own head."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", _PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert section is not None
    lines = re.findall(r"^\| (.*) \|$", section[1], re.MULTILINE)
    return [line.split(" | ") for line in lines[1:]]


@pytest.fixture
def namespace() -> dict[str, Any]:
    """What the page's first block, which serves, has made."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(_blocks()[0], names)  # noqa: S102  # that is the point
    return names


async def test_the_page_shows_what_curl_is_answered(namespace: dict[str, Any]) -> None:
    shown = re.findall(r"\$ curl -d '(.*?)' http://127.0.0.1:8000(\S+)\n(.*)\n", _PAGE.read_text())
    assert shown
    async with asgi_server(namespace["gateway"]) as port:
        for body, path, answer in shown:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            assert (await ask(port, "POST", path, body.encode(), headers)).body.decode() == answer


async def test_the_pages_interceptors_do_what_it_says(
    namespace: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exec(_blocks()[1], namespace)  # noqa: S102  # that is the point
    async with asgi_server(namespace["gateway"]) as port:
        refused = await ask(port, "POST", "/grpc.health.v1.Health/Check", b'{"service":"secret"}')
    assert refused.body == b'{"code":7,"message":"not this one","details":[]}'
    assert "grpc.health.v1.Health.Check took" in caplog.text


class Ticking(health_pb2_grpc.HealthServicer):
    """Streams more than two."""

    async def Check(self, request: Any, context: Any) -> Any:
        return health_pb2.HealthCheckResponse(status="SERVING")

    async def Watch(self, request: Any, context: Any) -> Any:
        for _ in range(5):
            yield health_pb2.HealthCheckResponse(status="SERVING")


async def test_the_pages_interceptor_around_a_stream_shortens_it(namespace: dict[str, Any]) -> None:
    exec(_blocks()[2], namespace)  # noqa: S102  # that is the point
    gateway = Gateway(services=[(namespace["descriptor"], Ticking())], interceptors=[namespace["first_two"]])
    async with grpc_server(gateway) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert [answer.status async for answer in stub.Watch(health_pb2.HealthCheckRequest())] == [1, 1]
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == 1


async def test_the_pages_grpc_aio_interceptor_is_turned_into_one_of_the_gateways(namespace: dict[str, Any]) -> None:
    exec(_blocks()[3], namespace)  # noqa: S102  # that is the point
    async with asgi_server(namespace["gateway"]) as port:
        refused = await ask(port, "POST", "/grpc.health.v1.Health/Check", b"{}")
        taken = await ask(port, "POST", "/grpc.health.v1.Health/Check", b"{}", {"x-tenant": "a"})
    assert refused.body == b'{"code":3,"message":"x-tenant is missing","details":[]}'
    assert taken.body == b'{"status":"SERVING"}'


async def test_the_pages_access_log_has_a_line_for_a_call(
    namespace: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    exec(_blocks()[4], namespace)  # noqa: S102  # that is the point
    async with asgi_server(namespace["gateway"]) as port, asyncio.timeout(10):
        await ask(port, "POST", "/grpc.health.v1.Health/Check", b"{}")
        written = ""
        while "\n" not in written:
            await asyncio.sleep(0.01)
            written += capfd.readouterr().err
    line = json.loads(written)
    assert (line["protocol"], line["method"], line["code"]) == ("connect", "grpc.health.v1.Health/Check", "OK")


def test_the_page_serves_a_servicer_in_ten_lines() -> None:
    assert len([line for line in _blocks()[0].splitlines() if line]) <= 10


def test_the_page_names_every_argument_of_the_gateway() -> None:
    arguments = set(inspect.signature(Gateway).parameters)
    assert {name for name in arguments if not re.search(rf"[`(]{name}[`=]", _PAGE.read_text())} == set()


def test_the_page_has_the_limits_that_there_are() -> None:
    defaults = {f"`{limit.name}`": str(limit.default) for limit in fields(Limits)}
    assert {setting: unless_set for setting, unless_set, *_ in _rows("Limits")} == defaults


def test_the_page_names_every_module_of_the_gateway() -> None:
    named = set()
    for modules, _ in _rows("Its modules"):
        package = re.match(r"`(\w+/)`: ", modules)
        prefix = "" if package is None else package[1]
        named |= {prefix + name for name in re.findall(r"`(\w+\.py)`", modules)}
    there = {str(path.relative_to(_MODULES)) for path in _MODULES.rglob("*.py") if path.name != "__init__.py"}
    assert named == there
