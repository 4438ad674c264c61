"""What a name resolves to at the time of the call is what is checked: on the very address that is dialled."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp.abc import ResolveResult

from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.egress.resolver import SystemResolver
from tests.delivery.calls import denial, outcome, outcome_through
from tests.delivery.conftest import Listener
from tests.delivery.dns_server import StubResolver, dns_server

GUARD = AddressGuard()
LOOPBACK = AddressGuard(allow=(ip_network("127.0.0.1/32"),))
HOST = "rebinds.example"
# A global address that nobody dials: it is only ever looked up.
PUBLIC = "93.184.215.14"


async def test_a_name_that_rebinds_between_look_up_and_call_is_not_called(listener: Listener) -> None:
    url = f"http://{HOST}:{listener.port}/"
    async with dns_server({HOST: [[PUBLIC], ["127.0.0.1"]]}) as server:
        resolver = StubResolver(server)
        assert GUARD.deny_reason(url) is None
        for address in await resolver.look_up(HOST):
            GUARD.check(address)
        assert await outcome(GUARD, url, resolver=resolver) == "denied"
        assert server.asked == [HOST, HOST]
    assert listener.connections == 0


async def test_a_client_without_a_guard_calls_the_name_that_rebinds(listener: Listener) -> None:
    async with dns_server({HOST: [[PUBLIC], ["127.0.0.1"]]}) as server:
        resolver = StubResolver(server)
        assert await resolver.look_up(HOST) == [PUBLIC]
        connector = aiohttp.TCPConnector(resolver=resolver)
        assert await outcome_through(connector, f"http://{HOST}:{listener.port}/") == "204"
    assert listener.connections == 1


async def test_a_name_that_resolves_to_an_allowed_address_is_called(listener: Listener) -> None:
    async with dns_server({HOST: [["127.0.0.1"]]}) as server:
        assert await outcome(LOOPBACK, f"http://{HOST}:{listener.port}/", resolver=StubResolver(server)) == "204"


async def test_a_call_goes_on_to_the_next_address_of_a_name(listener: Listener) -> None:
    async with dns_server({HOST: [["10.0.0.1", "127.0.0.2", "127.0.0.1"]]}) as server:
        assert await outcome(LOOPBACK, f"http://{HOST}:{listener.port}/", resolver=StubResolver(server)) == "204"


async def test_a_name_of_denied_addresses_alone_is_told_from_one_that_does_not_answer(listener: Listener) -> None:
    async with dns_server({HOST: [["10.0.0.1", "169.254.169.254", "127.0.0.1"]]}) as server:
        assert await outcome(GUARD, f"http://{HOST}:{listener.port}/", resolver=StubResolver(server)) == "denied"


async def test_a_name_of_denied_addresses_of_both_families_is_told_as_denied(listener: Listener) -> None:
    class BothFamilies(StubResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            four = (await super().resolve(host, port, family))[0]
            return [four, {**four, "host": "::1", "family": socket.AF_INET6}]

    async with dns_server({HOST: [["127.0.0.1"]]}) as server:
        assert await outcome(GUARD, f"http://{HOST}:{listener.port}/", resolver=BothFamilies(server)) == "denied"


async def test_an_allowed_address_that_does_not_answer_is_not_called_denied() -> None:
    with socket.socket() as bound:
        # Bound and not listening: the port refuses connections for as long as this holds.
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with dns_server({HOST: [["127.0.0.2", "127.0.0.1"]]}) as server:
            assert await outcome(LOOPBACK, f"http://{HOST}:{port}/", resolver=StubResolver(server)) == "unreachable"


@pytest.mark.parametrize("host", ["unknown.example", "empty.example"])
async def test_a_name_without_an_address_is_unreachable(host: str) -> None:
    async with dns_server({"empty.example": [[]]}) as server:
        assert await outcome(GUARD, f"http://{host}/", resolver=StubResolver(server)) == "unreachable"


async def test_calls_that_share_a_look_up_are_all_denied(listener: Listener) -> None:
    async with (
        dns_server({HOST: [["127.0.0.1"]]}) as server,
        aiohttp.ClientSession(connector=GUARD.connector(resolver=StubResolver(server))) as session,
    ):
        results = await asyncio.gather(
            *(session.post(f"http://{HOST}:{listener.port}/") for _ in range(10)), return_exceptions=True
        )
    assert all(isinstance(result, aiohttp.ClientError) and denial(result) for result in results)
    assert listener.connections == 0


async def test_the_dial_itself_refuses_what_a_look_up_let_through(listener: Listener) -> None:
    class Rebinding(StubResolver):
        """Changes its answer after it was given."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            results = await super().resolve(host, port, family)

            def rebind() -> None:
                results[0]["host"] = "127.0.0.1"

            loop.call_soon(rebind)
            return results

    loop = asyncio.get_running_loop()
    async with dns_server({HOST: [[PUBLIC]]}) as server:
        connector = GUARD.connector(resolver=Rebinding(server))
        # aiohttp starts a task of its own for a look-up: by the time it goes on, the answer has changed.
        assert await outcome_through(connector, f"http://{HOST}:{listener.port}/") == "denied"
    assert listener.connections == 0


@pytest.mark.parametrize(("guard", "expected"), [(GUARD, "denied"), (LOOPBACK, "204")])
def test_the_guard_holds_on_uvloop(guard: AddressGuard, expected: str) -> None:
    async def call() -> None:
        listener = Listener()
        server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, dns_server({HOST: [["127.0.0.1"]]}) as names:
            assert await outcome(guard, f"http://127.0.0.1:{port}/") == expected
            assert await outcome(guard, f"http://0x7f.1:{port}/") == expected
            assert await outcome(guard, f"http://{HOST}:{port}/", resolver=StubResolver(names)) == expected

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())


async def test_the_error_of_a_denied_call_says_why(listener: Listener) -> None:
    async with aiohttp.ClientSession(connector=GUARD.connector()) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as raised:
            await session.post(f"http://127.0.0.1:{listener.port}/")
    assert str(denial(raised.value)) == "127.0.0.1 is loopback (127.0.0.0/8)"


async def test_a_connector_closes_its_resolver() -> None:
    async with dns_server({}) as server:
        resolver = StubResolver(server)
        await GUARD.connector(resolver=resolver).close()
    assert resolver.closed


async def test_options_are_those_of_the_connector() -> None:
    connector = LOOPBACK.connector(limit=7, limit_per_host=3)
    assert (connector.limit, connector.limit_per_host) == (7, 3)
    await connector.close()


async def test_the_check_at_the_dial_cannot_be_replaced() -> None:
    with pytest.raises(TypeError):
        GUARD.connector(socket_factory=lambda info: socket.socket())


async def with_system_resolver(use: Callable[[SystemResolver], Awaitable[None]]) -> None:
    resolver = SystemResolver()
    try:
        await use(resolver)
    finally:
        await resolver.close()


async def test_the_system_resolves_localhost() -> None:
    async def use(resolver: SystemResolver) -> None:
        hosts = {result["host"] for result in await resolver.resolve("localhost", 80, socket.AF_UNSPEC)}
        assert hosts & {"127.0.0.1", "::1"}

    await with_system_resolver(use)


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example"])
async def test_a_name_that_cannot_be_written_is_an_os_error(host: str) -> None:
    async def use(resolver: SystemResolver) -> None:
        with pytest.raises(socket.gaierror):
            await resolver.resolve(host)

    await with_system_resolver(use)


async def test_a_link_local_address_keeps_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    info = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 80, 0, 2))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: [info])

    async def use(resolver: SystemResolver) -> None:
        assert [result["host"] for result in await resolver.resolve("router.example", 80)] == ["fe80::1%2"]

    await with_system_resolver(use)


async def test_names_that_do_not_resolve_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def look_up(host: str, *args: Any, **options: Any) -> list[Any]:
        if host.startswith("hangs"):
            released.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 80))]

    async def use(resolver: SystemResolver) -> None:
        hanging = [asyncio.ensure_future(resolver.resolve(f"hangs-{number}.example")) for number in range(16)]
        try:
            assert await asyncio.wait_for(resolver.resolve("answers.example"), 60)
            assert not any(task.done() for task in hanging)
        finally:
            released.set()
            await asyncio.gather(*hanging)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    await with_system_resolver(use)
