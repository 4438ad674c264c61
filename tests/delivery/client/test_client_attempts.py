"""Attempts to deliver messages: what their receiver gets, and what becomes of them."""

import asyncio
import logging
import socket
import time
from dataclasses import replace

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from actiond.actions.ports import AttemptResult
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import TargetType
from actiond.client.signature import HEADER, verify, whsec
from actiond.delivery.client import DeliveryLimits
from actiond.delivery.outcomes import Outcome
from tests.delivery.client.callers import AGENT, SEALER, Caller, MakeCaller, request_to, target
from tests.support.targets.answers import ok, raw_and_stay
from tests.support.targets.exchanges import Exchange, Received
from tests.support.targets.server import TargetServer

ONE_AT_A_TIME = DeliveryLimits(concurrent=1, concurrent_per_target=1, response_bytes=1000)
SHORT = 0.3
"""Seconds of a timeout that is to pass."""
BODY = '{"event_type":"target.added","ä":1}'.encode()

ENDED = {
    "/ok": ("ok", 200),
    "/status/202": ("ok", 202),
    "/status/204": ("ok", 204),
    "/size/1001": ("ok", 200),
    "/endless": ("ok", 200),
    "/redirect": ("status", 307),
    "/status/410": ("status", 410),
    "/status/500": ("status", 500),
    "/reset": ("connect", None),
    "/garbage": ("protocol", None),
    "/cut_body": ("protocol", None),
}


def _key(text: str, *, expires_in: float | None = None) -> SigningKey:
    expires_at = None if expires_in is None else time.time_ns() + int(expires_in * 1e9)
    return SigningKey(SEALER.seal("1", text), expires_at)


def _webhook_headers(received: Received) -> dict[str, str]:
    return {name: value for name, value in received.headers if name.startswith("webhook-")}


def _verify(received: Received, key: str) -> None:
    """Verify as a receiver does that has the library."""
    Webhook(whsec(key)).verify(received.body, dict(received.headers), json_parse=False)


@pytest.mark.parametrize("path", ENDED)
@pytest.mark.parametrize("kind", TargetType)
async def test_every_end_is_a_result_and_no_body_is_used_whatever_the_targets_type(
    path: str, kind: TargetType, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)
    result = await caller.attempt(target(server.url(path), kind))
    assert (result.outcome, result.status) == ENDED[path]
    assert await caller.outcome(target(server.url("/ok"))) == "ok", "its place is free again"
    assert server.paths() == [path, "/ok"]


async def test_a_timeout_is_a_result(caller: Caller, server: TargetServer) -> None:
    result = await caller.attempt(target(server.url("/hold"), seconds=SHORT))
    assert (result.outcome, result.status) == ("timeout", None)
    assert SHORT <= result.seconds < 10


async def test_no_place_in_time_is_a_result(make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)
    slow = asyncio.ensure_future(caller.attempt(target(server.url("/hold"))))
    await server.until(lambda: len(server.requests) == 1)
    assert (await caller.attempt(target(server.url("/ok"), seconds=SHORT))).outcome == "busy"
    server.release()
    assert (await slow).outcome == "ok"


async def test_what_cannot_be_sent_is_a_result(caller: Caller, server: TargetServer) -> None:
    assert (await caller.attempt(target("http://10.0.0.1/"))).outcome == "address_denied"
    assert (await caller.attempt(target(server.url("/ok")), keys=[])).outcome == "key_unavailable"
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert (await caller.attempt(target(f"http://127.0.0.1:{port}/"))).outcome == "connect"
    assert server.accepted == 0


async def test_an_attempt_that_the_client_cuts_as_it_closes_is_a_result(caller: Caller, server: TargetServer) -> None:
    running = asyncio.ensure_future(caller.attempt(target(server.url("/hold"))))
    await server.until(lambda: len(server.requests) == 1)
    await caller.client.close()
    assert (await running).outcome == "cancelled"
    assert (await caller.attempt(target(server.url("/ok")))).outcome == "cancelled"
    assert server.paths() == ["/hold"]


async def test_a_cancelled_attempt_is_over_at_once_and_raises(caller: Caller, server: TargetServer) -> None:
    running = asyncio.ensure_future(caller.attempt(target(server.url("/hold"))))
    await server.until(lambda: len(server.requests) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await server.until(lambda: server.open == 0)
    assert caller.outcomes() == ["cancelled"]


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (429, "120", 120.0),
        (503, "0", 0.0),
        (503, "1000000", 86_400.0),
        (503, "Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        (503, "soon", None),
        (500, "120", None),
        (200, "120", None),
    ],
)
async def test_the_time_to_wait_that_a_receiver_asks_for_is_in_the_result(
    status: int, value: str, seconds: float | None, caller: Caller, server: TargetServer
) -> None:
    server.script("/later", ok(b"", ("retry-after", value), status=status))
    result = await caller.attempt(target(server.url("/later")))
    assert (result.status, result.retry_after) == (status, seconds)


async def test_a_date_to_wait_for_is_compared_with_this_servers_clock(caller: Caller, server: TargetServer) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1_000))
    server.script("/later", ok(b"", ("retry-after", date), status=429))
    result = await caller.attempt(target(server.url("/later")))
    assert result.retry_after is not None
    assert 900 < result.retry_after <= 1_000


async def test_the_body_of_a_response_is_not_waited_for_to_see_when_to_retry(
    caller: Caller, server: TargetServer
) -> None:
    response = b"HTTP/1.1 503 -\r\nRetry-After: 5\r\nContent-Length: 1000000\r\n\r\n"
    server.script("/later", raw_and_stay(response))
    result = await caller.attempt(target(server.url("/later")))
    assert replace(result, seconds=0) == AttemptResult("status", 503, 0, 5.0)


async def test_a_delivery_has_the_headers_that_are_promised_and_no_others(caller: Caller, server: TargetServer) -> None:
    request = request_to(target(server.url("/ok")), body=BODY, message_id="17", attempt=3)
    assert (await caller.client.attempt(request)).outcome == "ok"
    (received,) = server.requests
    headers = dict(received.headers)
    assert received.body == BODY
    time_sent = headers.pop(HEADER.lower()).partition(",")[0].removeprefix("t=")
    assert headers.pop("webhook-signature").startswith("v1,")
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "webhook-id": "17",
        "webhook-timestamp": time_sent,
        "actiond-attempt": "3",
    }


async def test_a_message_that_is_sent_just_once_has_no_number_of_an_attempt(
    caller: Caller, server: TargetServer
) -> None:
    await caller.client.attempt(request_to(target(server.url("/ok")), message_id="17"))
    (received,) = server.requests
    assert received.header("webhook-id") == "17"
    assert received.header("actiond-attempt") is None


async def test_a_library_for_standard_webhooks_verifies_a_delivery(caller: Caller, server: TargetServer) -> None:
    await caller.client.attempt(request_to(target(server.url("/ok")), body=BODY, keys=[_key("one")], message_id="17"))
    (received,) = server.requests
    _verify(received, "one")
    verify(received.header(HEADER), received.body, "one")
    with pytest.raises(WebhookVerificationError):
        _verify(received, "another")


async def test_while_keys_are_rotated_a_library_verifies_with_either(caller: Caller, server: TargetServer) -> None:
    keys = [_key("new"), _key("old", expires_in=3600), _key("expired", expires_in=-1)]
    await caller.client.attempt(request_to(target(server.url("/ok")), body=BODY, keys=keys, message_id="17"))
    (received,) = server.requests
    _verify(received, "new")
    _verify(received, "old")
    with pytest.raises(WebhookVerificationError):
        _verify(received, "expired")


async def test_a_message_keeps_its_id_and_each_attempt_is_signed_anew(
    caller: Caller, server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_to(target(server.url("/status/500")), body=BODY, keys=[_key("one")], message_id="17", attempt=1)
    now = time.time_ns()
    for seconds, each in ((0, request), (5, replace(request, attempt=2))):
        monkeypatch.setattr(time, "time_ns", lambda moment=now + seconds * 1_000_000_000: moment)
        await caller.client.attempt(each)
    first, second = server.requests
    assert first.body == second.body
    assert [each.header("actiond-attempt") for each in (first, second)] == ["1", "2"]
    _verify(first, "one")
    _verify(second, "one")
    changed = dict(set(_webhook_headers(second).items()) - set(_webhook_headers(first).items()))
    assert changed.keys() == {"webhook-timestamp", "webhook-signature"}


async def test_observers_see_an_attempt_as_they_see_a_call_and_no_failure_of_one_is_ignored(
    caller: Caller, server: TargetServer
) -> None:
    called = target(server.url("/status/503"), TargetType.ASYNC, target_id="17", interrupts=False)
    result = await caller.attempt(called)
    (told,) = caller.told
    assert (told.target_id, told.execution, told.outcome, told.status, told.is_ignored, told.request_id) == (
        "17",
        "request",
        Outcome.STATUS,
        503,
        False,
        "r-1",
    )
    assert 0 < told.seconds <= result.seconds


async def test_an_error_that_nobody_foresaw_is_a_result(
    caller: Caller, server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    # A line break in an id would end the header.
    request = request_to(target(server.url("/ok")), message_id="1\r\nx: y", attempt=1)
    assert (await caller.client.attempt(request)).outcome == "connect"
    assert "an unexpected ValueError" in caplog.text
    assert server.accepted == 0


async def test_the_log_holds_neither_body_nor_address_of_an_attempt(
    caller: Caller, server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    results = [await caller.attempt(target(server.url(path))) for path in ("/ok", "/status/500", "/reset")]
    assert "127.0.0.1" not in f"{caplog.text}{results}{caller.told}"


async def test_connections_are_shared_with_calls(caller: Caller, server: TargetServer) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(200, b'{"a": 1}')

    server.script("/both", answer)
    assert await caller.call(target(server.url("/both"))) == b'{"a": 1}'
    assert (await caller.attempt(target(server.url("/both")))).outcome == "ok"
    assert await caller.call(target(server.url("/both"))) == b'{"a": 1}'
    assert {request.connection for request in server.requests} == {1}
