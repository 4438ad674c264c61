"""What observers of the client see, and what they may do."""

import logging
from typing import Any

import pytest

from actiond.actions.ports import TargetRequest
from actiond.actions.targets import TargetType
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.outcomes import TargetCall
from actiond.delivery.signer import Signer
from tests.delivery.client.callers import AGENT, LOOPBACK, SEALER, request_to, target, whole
from tests.support.targets.server import TargetServer


class Watching:
    """Keeps what it sees; adds a header if it was given one."""

    def __init__(self, header: str = "") -> None:
        self.seen: list[object] = []
        self._header = header

    def started(self, request: TargetRequest, headers: dict[str, str]) -> str:
        self.seen.append(("started", request.target.id))
        if self._header:
            headers["traceparent"] = self._header
        return f"token {len(self.seen)}"

    def ended(self, token: str, call: TargetCall) -> None:
        self.seen.append(("ended", token, call.outcome.value))


class Failing:
    """Raises from both of its methods."""

    def started(self, request: TargetRequest, headers: dict[str, str]) -> None:
        raise RuntimeError("at the beginning")

    def ended(self, token: object, call: TargetCall) -> None:
        raise RuntimeError("at the end")


def client(*observers: Any, limits: DeliveryLimits | None = None) -> TargetClient:
    return TargetClient(Egress(LOOPBACK, Signer(SEALER), AGENT), limits or DeliveryLimits(), observers)


async def test_each_call_is_seen_to_begin_and_to_end(server: TargetServer) -> None:
    watching = Watching()
    calling = client(watching)
    await calling.call(request_to(target(server.url("/ok"))), whole)
    calling.start(request_to(target(server.url("/status/500"), TargetType.ASYNC)))
    await calling.wait_idle()
    await calling.close()
    assert watching.seen == [
        ("started", "1"),
        ("ended", "token 1", "ok"),
        ("started", "1"),
        ("ended", "token 3", "status"),
    ]


async def test_a_call_in_the_background_is_seen_to_begin_when_it_is_asked_for(server: TargetServer) -> None:
    watching = Watching()
    calling = client(watching)
    calling.start(request_to(target(server.url("/hold"), TargetType.ASYNC)))
    assert watching.seen == [("started", "1")]
    await calling.close()
    assert watching.seen[1:] == [("ended", "token 1", "cancelled")]


async def test_a_refused_call_is_seen_to_begin_and_to_end_too(server: TargetServer) -> None:
    watching = Watching()
    calling = client(watching, limits=DeliveryLimits(background=0))
    calling.start(request_to(target(server.url("/ok"), TargetType.ASYNC)))
    await calling.close()
    assert watching.seen == [("started", "1"), ("ended", "token 1", "busy")]
    assert server.paths() == []


@pytest.mark.parametrize("in_background", [False, True])
async def test_headers_that_an_observer_adds_are_sent(server: TargetServer, in_background: bool) -> None:
    calling = client(Watching("00-trace"))
    request = request_to(target(server.url("/ok"), TargetType.ASYNC if in_background else TargetType.CALL))
    if in_background:
        calling.start(request)
        await calling.wait_idle()
    else:
        await calling.call(request, whole)
    await calling.close()
    assert server.requests[0].header("traceparent") == "00-trace"
    assert server.requests[0].header("content-type") == "application/json"


async def test_an_observer_that_fails_harms_no_call_and_is_logged_once(
    server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    watching = Watching()
    calling = client(Failing(), watching)
    for _ in range(3):
        await calling.call(request_to(target(server.url("/ok"))), whole)
    await calling.close()
    assert len(watching.seen) == 6
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 1
