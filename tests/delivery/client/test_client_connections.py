"""Connections: used again, never for a POST that may have been acted on, and closed when they are of no more use."""

import asyncio
import socket
import ssl
import threading
from contextlib import suppress

import pytest

from actiond.delivery.client import DeliveryLimits
from actiond.delivery.http1 import pool
from tests.delivery.client.callers import Caller, MakeCaller, target
from tests.support.targets.answers import close_after, leave, ok, reset
from tests.support.targets.certificates import Authority
from tests.support.targets.exchanges import Answer, Exchange, head
from tests.support.targets.server import PATIENCE, TargetServer

ALONE = DeliveryLimits(concurrent=1, concurrent_per_target=1)


async def test_a_connection_is_used_again(caller: Caller, server: TargetServer) -> None:
    for path in ("/ok", "/chunked", "/status/404", "/empty", "/echo"):
        await caller.outcome(target(server.url(path)))
    assert [request.connection for request in server.requests] == [1] * 5


async def test_over_tls_too(make_caller: MakeCaller, authority: Authority) -> None:
    caller = await make_caller(ssl_context=authority.trust())
    async with TargetServer(tls=authority.good()) as server:
        for _ in range(3):
            assert await caller.outcome(target(server.url("/ok"))) == "ok"
        assert server.accepted == 1


@pytest.mark.parametrize("is_seen_by_the_loop", [False, True])
async def test_a_kept_connection_that_the_target_has_closed_costs_no_call(
    is_seen_by_the_loop: bool, caller: Caller, server: TargetServer
) -> None:
    called = target(server.url("/x"))
    server.script("/x", close_after, ok(b"again"))
    await caller.call(called)
    if is_seen_by_the_loop:
        await server.until(lambda: server.open == 0)
    else:
        # The loop stands still meanwhile: it still believes in the connection when the next call comes.
        server.wait_until(lambda: server.open == 0)

    assert await caller.call(called) == b"again"

    assert [request.connection for request in server.requests] == [1, 2]


async def test_any_number_of_closed_connections_costs_no_call(caller: Caller, server: TargetServer) -> None:
    async def answer_and_leave_together(exchange: Exchange) -> None:
        await exchange.hold()
        await exchange.answer(200)
        await exchange.close()

    called = target(server.url("/x"))
    server.script("/x", answer_and_leave_together)
    calls = [asyncio.ensure_future(caller.outcome(called)) for _ in range(10)]
    await server.until(lambda: len(server.requests) == 10)
    server.release()
    assert await asyncio.gather(*calls) == ["ok"] * 10
    server.wait_until(lambda: server.open == 0)
    server.script("/x", ok())

    assert await caller.outcome(called) == "ok"

    assert server.accepted == 11


@pytest.mark.parametrize("end", [leave, reset])
async def test_a_request_that_was_lost_on_a_kept_connection_is_not_sent_again(
    end: Answer, caller: Caller, server: TargetServer
) -> None:
    called = target(server.url("/x"))
    server.script("/x", ok(), end, ok())
    outcomes = [await caller.outcome(called) for _ in range(3)]
    assert outcomes == ["ok", "connect", "ok"]
    assert [request.connection for request in server.requests] == [1, 1, 2]


@pytest.mark.parametrize("path", ["/hold", "/drip", "/half_body", "/half_head"])
async def test_a_cancelled_call_closes_its_connection_and_gives_its_slot_back(
    path: str, make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=ALONE)
    call = asyncio.ensure_future(caller.call(target(server.url(path))))
    await server.until(lambda: len(server.requests) == 1)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await server.until(lambda: server.open == 0)
    assert await caller.outcome(target(server.url("/ok"))) == "ok"
    assert caller.outcomes() == ["cancelled", "ok"]
    assert not caller.told[0].is_ignored


async def test_a_call_that_is_cancelled_before_it_has_a_slot_sends_nothing(
    make_caller: MakeCaller, server: TargetServer
) -> None:
    caller = await make_caller(limits=ALONE)
    first = asyncio.ensure_future(caller.outcome(target(server.url("/hold"))))
    second = asyncio.ensure_future(caller.call(target(server.url("/ok"))))
    await server.until(lambda: len(server.requests) == 1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    server.release()
    assert await first == "ok"
    assert await caller.outcome(target(server.url("/echo"))) == "ok"
    assert server.paths() == ["/hold", "/echo"]


async def test_an_answer_that_comes_before_the_body_is_read_counts_and_ends_the_connection(caller: Caller) -> None:
    connections = 0
    is_over = asyncio.Event()

    async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head(200, [("content-length", "2")]) + b"{}")
        await is_over.wait()
        writer.transport.abort()

    async with await asyncio.start_server(answer_at_once, "127.0.0.1", 0, limit=1024) as server:
        called = target(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        for _ in range(2):
            assert await caller.call(called, body=bytes(16_000_000)) == b"{}"
        is_over.set()
    assert connections == 2


async def test_a_target_that_freezes_under_tls_keeps_no_connection(
    make_caller: MakeCaller, authority: Authority
) -> None:
    """One that does not answer the polite end of TLS would keep it for half a minute."""
    caller = await make_caller(ssl_context=authority.trust())
    has_ended = threading.Event()

    def freeze(listener: socket.socket, context: ssl.SSLContext) -> None:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)
            with socket.socket(fileno=wrapped.detach()) as frozen:
                frozen.settimeout(PATIENCE)
                try:
                    while frozen.recv(65_536):
                        """Bytes of TLS that nobody answers."""
                except ConnectionError:
                    """An end, too."""
        has_ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=freeze, args=(listener, authority.good()), daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        assert await caller.outcome(target(url, seconds=2)) == "timeout"
        assert await asyncio.to_thread(has_ended.wait, PATIENCE)
        await asyncio.to_thread(thread.join)


async def test_what_runs_is_cut_when_the_client_closes(caller: Caller, server: TargetServer) -> None:
    call = asyncio.ensure_future(caller.outcome(target(server.url("/hold"))))
    await server.until(lambda: len(server.requests) == 1)
    await caller.client.close()
    assert await call == "cancelled"
    assert await caller.outcome(target(server.url("/ok"))) == "cancelled"
    await server.until(lambda: server.open == 0)
    assert server.paths() == ["/hold"]


async def test_an_idle_connection_is_closed_after_a_while(
    caller: Caller, server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "KEEPALIVE_SECONDS", 0.2)
    assert await caller.outcome(target(server.url("/ok"))) == "ok"
    assert server.open == 1
    await server.until(lambda: server.open == 0)
    assert await caller.outcome(target(server.url("/ok"))) == "ok"


async def test_no_more_than_so_many_idle_connections_are_kept(
    caller: Caller, server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_CONNECTIONS", 2)
    for host in ("127.0.0.1", "localhost", "a.localhost", "b.localhost"):
        assert await caller.outcome(target(server.url("/ok", host=host))) == "ok"
    await server.until(lambda: server.open == 2)
    # Those that were used last are kept.
    for host in ("b.localhost", "a.localhost", "127.0.0.1"):
        assert await caller.outcome(target(server.url("/ok", host=host))) == "ok"
    assert [request.connection for request in server.requests] == [1, 2, 3, 4, 4, 3, 5]


async def test_a_tls_handshake_that_hangs_leaves_no_connection_behind(caller: Caller) -> None:
    ended = asyncio.Event()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        ended.set()
        writer.close()

    async with await asyncio.start_server(read, "127.0.0.1", 0) as silent:
        url = f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"
        assert await caller.outcome(target(url, seconds=0.3)) == "timeout"
        await asyncio.wait_for(ended.wait(), PATIENCE)
