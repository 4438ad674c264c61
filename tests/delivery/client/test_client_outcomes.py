"""What each kind of target makes of a call."""

import asyncio
import gzip
import socket

import pytest

from actiond.actions.targets import TargetType
from actiond.delivery.client import FORWARDED_BYTES, DeliveryLimits
from actiond.delivery.egress.dialler import Dialler
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.outcomes import CallFailedError, Outcome
from tests.delivery.client.callers import Caller, MakeCaller, request_to, target
from tests.support.targets.answers import ok, raw_and_stay, repeated
from tests.support.targets.certificates import Authority
from tests.support.targets.exchanges import Exchange
from tests.support.targets.server import TargetServer

ONE_AT_A_TIME = DeliveryLimits(concurrent=1, concurrent_per_target=1, response_bytes=1000)
SHORT = 0.3
"""Seconds of a timeout that is to pass."""

ANSWERED = {
    "/ok": "ok",
    "/echo": "ok",
    "/empty": "ok",
    "/chunked": "ok",
    "/http10": "ok",
    "/gzip": "too_large 200",
    "/size/1000": "ok",
    "/size/1001": "too_large 200",
    "/endless": "too_large 200",
    "/status/201": "ok",
    "/status/299": "ok",
    "/status/300": "status 300",
    "/status/304": "status 304",
    "/status/404": "status 404",
    "/status/503": "status 503",
    "/redirect": "status 307",
    "/reset": "connect",
    "/leave": "connect",
    "/cut_body": "protocol",
    "/cut_chunk": "protocol",
    "/garbage": "protocol",
    "/bad_chunk": "protocol",
    "/bad_length": "protocol",
    "/two_lengths": "protocol",
    "/endless_head": "protocol",
    "/endless_line": "protocol",
    "/continue": "protocol",
}
NEVER_ANSWERED = ["/hold", "/half_head", "/half_body", "/drip", "/drip_head"]
UNUSED = {"/size/1001": "ok", "/endless": "ok", "/gzip": "ok"}
"""Where an answer's body is of no use, it does not matter how long it is."""


@pytest.mark.parametrize("path", ANSWERED)
async def test_each_answer_has_its_outcome_and_leaves_nothing_behind(
    path: str, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)

    assert await caller.outcome(target(server.url(path))) == ANSWERED[path]

    await _is_as_before(caller, server, path)


@pytest.mark.parametrize("path", NEVER_ANSWERED)
async def test_the_timeout_is_over_the_whole_call(path: str, make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)

    assert await caller.outcome(target(server.url(path), seconds=SHORT)) == "timeout"

    await _is_as_before(caller, server, path)


@pytest.mark.parametrize("path", ANSWERED)
async def test_a_webhooks_body_is_read_and_of_no_use(path: str, make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)
    webhook = target(server.url(path), TargetType.WEBHOOK)

    assert await caller.outcome(webhook) == UNUSED.get(path, ANSWERED[path])

    await _is_as_before(caller, server, path)


async def test_a_webhooks_answer_is_kept_only_if_it_may_forward_an_error(caller: Caller, server: TargetServer) -> None:
    assert await caller.call(target(server.url("/ok"), TargetType.WEBHOOK, interrupts=False)) == b""
    assert await caller.call(target(server.url("/ok"), TargetType.WEBHOOK)) == b"{}"


async def test_of_a_webhooks_answer_no_more_is_kept_than_an_error_may_have(
    caller: Caller, server: TargetServer
) -> None:
    kept = await caller.call(target(server.url(f"/size/{FORWARDED_BYTES + 1}"), TargetType.WEBHOOK))
    assert len(kept) <= FORWARDED_BYTES


async def test_a_webhook_that_drips_is_cut_by_its_timeout(caller: Caller, server: TargetServer) -> None:
    assert await caller.outcome(target(server.url("/drip"), TargetType.WEBHOOK, seconds=SHORT)) == "timeout"


async def _is_as_before(caller: Caller, server: TargetServer, path: str) -> None:
    """The one slot is free, no connection is left but the one that can be used again, and nothing was sent twice."""
    assert await caller.outcome(target(server.url("/ok"))) == "ok"
    assert server.paths() == [path, "/ok"]
    await server.until(lambda: server.open == 1)
    await caller.client.close()
    await server.until(lambda: server.open == 0)
    assert len(caller.told) == 2


async def test_the_answers_body_comes_back_as_it_was_sent(caller: Caller, server: TargetServer) -> None:
    body = bytes(range(256)) * 4096
    assert await caller.call(target(server.url("/echo")), body=body) == body
    assert gzip.decompress(await caller.call(target(server.url("/gzip")))) == bytes(10_000_000)


async def test_what_use_makes_of_the_body_is_the_calls_result(caller: Caller, server: TargetServer) -> None:
    async def length(answer: bytes) -> int:
        return len(answer)

    assert await caller.client.call(request_to(target(server.url("/size/12"))), length) == 12


async def test_a_body_that_is_of_no_use_is_an_outcome_of_its_own(caller: Caller, server: TargetServer) -> None:
    called = target(server.url("/invalid_json"))

    async def number(answer: bytes) -> int:
        return int(answer)

    with pytest.raises(Exception, match=r"^bad_response 200$") as failure:
        await caller.client.call(request_to(called), number)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert [(call.outcome, call.status) for call in caller.told] == [(Outcome.BAD_RESPONSE, 200)]


async def test_a_body_is_used_within_the_timeout_too(make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(limits=ONE_AT_A_TIME)

    async def never(_answer: bytes) -> None:
        await asyncio.Event().wait()

    with pytest.raises(CallFailedError, match=r"^timeout 200$"):
        await caller.client.call(request_to(target(server.url("/ok"), seconds=SHORT)), never)
    assert [(call.outcome, call.status) for call in caller.told] == [(Outcome.TIMEOUT, 200)]
    assert await caller.outcome(target(server.url("/ok"))) == "ok"


FLOODS = {
    "interim responses": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "empty lines": (b"", b"\r\n"),
    "chunks of a byte": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk's extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_target_that_never_stops_sending_is_cut_long_before_its_timeout(
    flood: str, caller: Caller, server: TargetServer
) -> None:
    start, again = FLOODS[flood]
    server.script("/flood", repeated(start, again * 3_000))
    assert await caller.outcome(target(server.url("/flood"))) == "protocol"
    await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("rest", [b"", b"null"])
async def test_a_204_with_a_body_succeeds_and_ends_its_connection(
    rest: bytes, caller: Caller, server: TargetServer
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n" + rest)

    server.script("/none", answer)
    for kind in (TargetType.CALL, TargetType.WEBHOOK):
        assert await caller.outcome(target(server.url("/none"), kind)) == "ok"
    assert [request.connection for request in server.requests] == [1, 2]


async def test_bytes_after_a_complete_answer_end_the_connection_and_fail_no_call(
    caller: Caller, server: TargetServer
) -> None:
    server.script("/more", raw_and_stay(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}xx"))
    for _ in range(3):
        assert await caller.call(target(server.url("/more"))) == b"{}"
    assert [request.connection for request in server.requests] == [1, 2, 3]


async def test_bytes_that_come_late_on_an_idle_connection_fail_no_call(caller: Caller, server: TargetServer) -> None:
    async def late(exchange: Exchange) -> None:
        await exchange.answer(200, b"{}")
        await exchange.hold()
        await exchange.send(b"xx")

    server.script("/late", late)
    assert await caller.call(target(server.url("/late"))) == b"{}"
    server.release()
    await server.until(lambda: server.open == 0)
    assert await caller.call(target(server.url("/ok"))) == b"{}"


async def test_a_header_line_may_have_64_kib(caller: Caller, server: TargetServer) -> None:
    server.script("/policy", ok(b"{}", ("content-security-policy", "a" * 60_000)))
    assert await caller.call(target(server.url("/policy"))) == b"{}"


async def test_an_error_that_nobody_foresaw_fails_the_call_alone_and_is_logged_without_its_text(
    caller: Caller, server: TargetServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_arguments: object) -> None:
        raise RuntimeError(server.url("/secret"))

    with monkeypatch.context() as patched:
        patched.setattr(Dialler, "connect", fail)
        assert await caller.outcome(target(server.url("/ok"), interrupts=False)) == "connect"
    assert "an unexpected RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    assert [call.is_ignored for call in caller.told] == [True]
    assert await caller.outcome(target(server.url("/ok"))) == "ok"


@pytest.mark.parametrize(
    ("certificate", "outcome"),
    [("good", "ok"), ("expired", "tls"), ("of_another_host", "tls"), ("self_signed", "tls")],
)
async def test_a_certificate_has_to_convince(
    certificate: str, outcome: str, authority: Authority, make_caller: MakeCaller
) -> None:
    caller = await make_caller(ssl_context=authority.trust())
    async with TargetServer(tls=getattr(authority, certificate)()) as server:
        assert await caller.outcome(target(server.url("/ok"))) == outcome
        assert server.paths() == (["/ok"] if outcome == "ok" else [])


async def test_an_authority_that_the_system_does_not_trust_does_not_convince(
    authority: Authority, caller: Caller
) -> None:
    async with TargetServer(tls=authority.good()) as server:
        assert await caller.outcome(target(server.url("/ok"))) == "tls"


async def test_https_to_a_port_that_speaks_http_is_a_fault_of_tls(caller: Caller, server: TargetServer) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        assert await caller.outcome(target(f"https://127.0.0.1:{port}/")) == "tls"


async def test_a_tls_handshake_that_hangs_is_cut_by_the_timeout(caller: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert await caller.outcome(target(url, seconds=SHORT)) == "timeout"


async def test_a_port_on_which_nobody_listens_is_no_connection(caller: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert await caller.outcome(target(f"http://127.0.0.1:{port}/")) == "connect"


async def test_a_name_that_does_not_resolve_is_no_connection(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_arguments: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert await caller.outcome(target("http://nowhere.example/")) == "connect"


async def test_a_denied_address_is_never_connected_to(make_caller: MakeCaller, server: TargetServer) -> None:
    caller = await make_caller(guard=AddressGuard())
    assert await caller.outcome(target(server.url("/ok"))) == "address_denied"
    assert await caller.outcome(target(server.url("/ok", host="localhost"))) == "address_denied"
    assert server.accepted == 0


@pytest.mark.parametrize(
    "endpoint", ["http://2130706433/", "http://127.1/", "http://x:99999/", "http:///x", "http://[::1/", "ftp://x/", ""]
)
async def test_an_endpoint_that_leads_nowhere_is_an_outcome_too(endpoint: str, caller: Caller) -> None:
    assert await caller.outcome(target(endpoint)) == "address_denied"


@pytest.mark.parametrize("kind", TargetType)
@pytest.mark.parametrize("interrupts", [True, False])
async def test_a_failure_is_ignored_unless_it_interrupts(
    kind: TargetType, interrupts: bool, caller: Caller, server: TargetServer
) -> None:
    for path in ("/ok", "/status/500"):
        await caller.outcome(target(server.url(path), kind, interrupts=interrupts))
    assert [call.is_ignored for call in caller.told] == [False, kind is TargetType.ASYNC or not interrupts]


async def test_a_call_is_told_of_with_all_that_the_log_needs(caller: Caller, server: TargetServer) -> None:
    called = target(server.url("/status/503"), target_id="17")
    assert await caller.outcome(called) == "status 503"
    (told,) = caller.told
    assert (told.target_id, told.execution, told.outcome, told.status, told.request_id) == (
        "17",
        "request",
        Outcome.STATUS,
        503,
        "r-1",
    )
    assert told.seconds > 0


async def test_an_error_says_nothing_of_the_address(caller: Caller, server: TargetServer) -> None:
    called = target(server.url("/reset").replace("//", "//user:secret@"))
    with pytest.raises(Exception, match=r"^connect$") as failure:
        await caller.call(called)
    assert failure.value.__suppress_context__
    assert "127.0.0.1" not in repr(caller.told)
