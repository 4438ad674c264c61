"""A request that is large, or wrong in a thousand places, costs its own caller and nobody else."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rpcfront import Gateway
from rpcfront.calls.offload import run_in_turn
from rpcfront.status import MAX_FIELDS
from tests.rpcfront.cases.rows import JSON
from tests.support.clients.http import ask
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import echo
from tests.support.services.fixture_service import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=list(HTTP_FACES))
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(request.param) as port:
        yield port


async def test_calls_go_on_while_a_large_request_is_read(port: int) -> None:
    # As slow as a body within the limit can be made: each list is a message of its own.
    body = b'{"val":[' + b",".join([b"[]"] * 300_000) + b"]}"
    large = asyncio.create_task(ask(port, "POST", "/v1/all", body, dict(JSON)))
    for _ in range(5):
        assert (await ask(port, "GET", "/v1/get/a")).status == 200
    assert not large.done()
    assert (await large).status == 200


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/all", b'{"ri":[' + b'"x",' * 100_000 + b'"x"]}'),
        ("POST", "/v1/all", b'{"subs":[' + b'{"i":"x"},' * 50_000 + b"{}]}"),
        ("POST", "/v1/all", b'{"m":{' + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}}"),
        ("GET", "/v1/q?" + "&".join(f"x{number}=a" for number in range(5_000)), None),
        ("GET", "/v1/q?" + "&".join(["ri=x"] * 10_000), None),
    ],
)
async def test_of_a_thousand_faults_the_first_are_named(
    port: int, method: str, target: str, body: bytes | None
) -> None:
    reply = await ask(port, method, target, body, dict(JSON))
    status = json.loads(reply.body)
    (detail,) = status["details"]
    assert (reply.status, status["code"]) == (400, 3)
    assert 10 <= len(detail["fieldViolations"]) <= MAX_FIELDS
    assert re.fullmatch(r".+, and [0-9]+ more", status["message"])
    assert len(reply.body) < 8192


class Leaving(echo.AsyncEcho):
    """Calls sys.exit(), as programs do that think that they are alone."""

    async def Say(self, request: Any, context: Any) -> Any:
        raise SystemExit(1)

    def Replace(self, request: Any, context: Any) -> Any:
        raise SystemExit(1)


@pytest.mark.parametrize("face", list(HTTP_FACES))
async def test_a_servicer_that_exits_does_not_take_the_server_with_it(
    face: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(services=[(echo.service(), Leaving())])
    async with HTTP_FACES[face](gateway) as port:
        for method, path in (("POST", "/v1/notes"), ("PUT", "/v1/notes/a")):
            reply = await ask(port, method, path, b"{}", dict(JSON))
            assert (reply.status, reply.body) == (500, b'{"code":13,"message":"internal error","details":[]}')
        assert (await ask(port, "GET", "/v1/metadata")).status == 200
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "/echo.v1.Echo/Say failed",
        "/echo.v1.Echo/Replace failed",
    ]


async def test_large_messages_of_one_user_do_not_hold_up_those_of_another() -> None:
    many, gate = 20, threading.Event()
    ended: list[str] = []

    async def work(user: str) -> None:
        await run_in_turn(user, gate.wait, 10)
        ended.append(user)

    waiting = [asyncio.create_task(work("greedy")) for _ in range(many)]
    waiting.append(asyncio.create_task(work("modest")))
    await asyncio.sleep(0)  # all have asked for their turns
    gate.set()
    await asyncio.gather(*waiting)
    assert ended.index("modest") < many // 2


async def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    gate = threading.Event()
    running = [asyncio.create_task(run_in_turn("a", gate.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    left = asyncio.create_task(run_in_turn("a", int))
    stays = asyncio.create_task(run_in_turn("b", int))
    await asyncio.sleep(0)
    left.cancel()
    running[0].cancel()  # its work goes on, and keeps its turn until it ends
    await asyncio.sleep(0)
    assert not stays.done()
    gate.set()
    assert await stays == 0
    assert await run_in_turn("a", int) == 0
