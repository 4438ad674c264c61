"""The page: who reads it, and that asking often costs no more than asking once."""

import asyncio
import threading
import time
from contextlib import nullcontext

import pytest

from actiond.actions.errors import PermissionMissingError, TokenInvalidError, TokenMissingError
from actiond.actions.tokens import ALL_PERMISSIONS
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.authentication import permission_holders
from actiond.storage.memory import MemoryStore
from actiond.telemetry.metrics.endpoint import MetricsEndpoint
from rpcfront.protocols.http import Headers, HttpRequest
from tests.support.tokens import make_token


class Render:
    """Writes when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.may_go_on = threading.Event()

    def __call__(self) -> bytes:
        self.times += 1
        assert threading.current_thread() is not threading.main_thread()
        assert self.may_go_on.wait(20)
        return b"render %d" % self.times


@pytest.fixture
def render() -> Render:
    return Render()


REQUEST = HttpRequest("GET", "/metrics", [])


async def test_the_answer_is_written_on_a_thread(render: Render) -> None:
    render.may_go_on.set()
    response = await MetricsEndpoint(render, "text/plain")(REQUEST)
    assert (response.status, response.headers, response.body) == (200, [("content-type", "text/plain")], b"render 1")


async def test_those_who_ask_at_once_get_one_answer(render: Render) -> None:
    page = MetricsEndpoint(render, "text/plain")
    asking = [asyncio.create_task(page(REQUEST)) for _ in range(50)]
    await asyncio.sleep(0)
    render.may_go_on.set()
    assert {response.body for response in await asyncio.gather(*asking)} == {b"render 1"}
    assert (await page(REQUEST)).body == b"render 2"


async def test_one_who_leaves_takes_the_answer_from_nobody_else(render: Render) -> None:
    page = MetricsEndpoint(render, "text/plain")
    leaving, staying = (asyncio.create_task(page(REQUEST)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    render.may_go_on.set()
    assert (await staying).body == b"render 1"


async def test_whoever_may_not_read_costs_no_render(render: Render) -> None:
    async def nobody(_request: HttpRequest) -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        await MetricsEndpoint(render, "text/plain", nobody)(REQUEST)
    assert render.times == 0


async def test_a_failed_render_is_followed_by_a_new_one(render: Render) -> None:
    def fail_once() -> bytes:
        if render.times == 0:
            render.times = 1
            raise OSError("no room")
        return b"well"

    page = MetricsEndpoint(fail_once, "text/plain")
    with pytest.raises(OSError, match="no room"):
        await page(REQUEST)
    assert (await page(REQUEST)).body == b"well"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], TokenMissingError),
        ([("authorization", "Bearer unknown")], TokenInvalidError),
        ([("authorization", "Bearer reader"), ("authorization", "Bearer reader")], TokenInvalidError),
        ([("authorization", "Bearer other")], PermissionMissingError),
        ([("authorization", "Bearer reader")], None),
        ([("authorization", "Bearer admin")], None),
    ],
)
async def test_private_figures_are_for_holders_of_the_permission(
    headers: Headers, expected: type[Exception] | None
) -> None:
    tokens = Tokens(MemoryStore(), time.time_ns)
    for secret, permission in (("reader", "metrics.read"), ("other", "execution.read"), ("admin", ALL_PERMISSIONS)):
        await tokens.add(make_token(secret, "1", [permission]))
    authorize = permission_holders(tokens, "metrics.read")
    with pytest.raises(expected) if expected else nullcontext():
        await authorize(HttpRequest("GET", "/metrics", headers))
