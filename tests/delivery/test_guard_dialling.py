"""What a name resolves to at the time of the call is what is checked: on the very address that is dialled."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pytest
import uvloop

from actiond.delivery.egress.dialler import Dialler
from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard
from actiond.delivery.egress.resolver import MAX_LOOKUPS, SystemResolver
from actiond.delivery.egress.url import HostAddress
from actiond.delivery.http1.connection import Connection
from tests.delivery.calls import outcome, post
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
        assert GUARD.endpoint_problem(url) is None
        for address in await resolver.look_up(HOST):
            GUARD.check(address)
        assert await outcome(GUARD, url, resolver=resolver) == "denied"
        assert server.asked == [HOST, HOST]
    assert listener.connections == 0


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
        async def resolve(self, host: str) -> list[str]:
            return [*await super().resolve(host), "::1"]

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
    async with dns_server({HOST: [["127.0.0.1"]]}) as server:
        dialler = Dialler(GUARD, StubResolver(server))
        address = HostAddress(HOST, listener.port, ())
        results = await asyncio.gather(
            *(dialler.connect(address, "1", asyncio.Protocol, None) for _ in range(10)), return_exceptions=True
        )
        dialler.close()
        assert server.asked == [HOST]
    assert [type(result) for result in results] == [AddressDeniedError] * 10
    assert listener.connections == 0


@pytest.mark.parametrize("addresses", [1, 2])
async def test_the_dial_itself_refuses_what_the_check_before_let_through(addresses: int, listener: Listener) -> None:
    class Hasty(AddressGuard):
        """Denies nothing until the dial."""

        def dial_denial(self, text: str) -> str | None:
            return None

        def check(self, address: str) -> None:
            reason = super().dial_denial(address)
            if reason is not None:
                raise AddressDeniedError(reason)

    async with dns_server({HOST: [["127.0.0.1", "127.0.0.2"][:addresses]]}) as server:
        assert await outcome(Hasty(), f"http://{HOST}:{listener.port}/", resolver=StubResolver(server)) == "denied"
    assert listener.connections == 0


async def test_an_address_that_is_silent_holds_up_the_next_one_for_a_moment_only(listener: Listener) -> None:
    with socket.socket() as silent:
        # A queue of one that is full: further connections are not even refused.
        silent.bind(("127.0.0.2", listener.port))
        silent.listen(0)
        filling = [socket.socket() for _ in range(3)]
        for client in filling:
            client.setblocking(False)
            client.connect_ex(("127.0.0.2", listener.port))
        guard = AddressGuard(allow=(ip_network("127.0.0.0/8"),))
        async with dns_server({HOST: [["127.0.0.2", "127.0.0.1"]]}) as server:
            assert await outcome(guard, f"http://{HOST}:{listener.port}/", resolver=StubResolver(server)) == "204"
        for client in filling:
            client.close()


@pytest.mark.parametrize(("guard", "expected"), [(GUARD, "denied"), (LOOPBACK, "204")])
def test_the_guard_holds_on_uvloop(guard: AddressGuard, expected: str) -> None:
    async def call() -> None:
        listener = Listener()
        server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, dns_server({HOST: [["127.0.0.1"]]}) as names:
            assert await outcome(guard, f"http://127.0.0.1:{port}/") == expected
            assert await outcome(guard, f"http://{HOST}:{port}/", resolver=StubResolver(names)) == expected

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())


async def test_the_error_of_a_denied_call_says_why(listener: Listener) -> None:
    with pytest.raises(AddressDeniedError, match=r"^127\.0\.0\.1 is loopback \(127\.0\.0\.0/8\)$"):
        await post(GUARD, f"http://127.0.0.1:{listener.port}/")


async def test_a_dialler_closes_its_resolver() -> None:
    async with dns_server({}) as server:
        resolver = StubResolver(server)
        Dialler(GUARD, resolver).close()
    assert resolver.closed


@pytest.mark.parametrize("host", ["localhost", "localhost.", "api.localhost", "LOCALHOST."])
async def test_localhost_is_loopback_whatever_the_systems_resolver_says(
    host: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert await outcome(LOOPBACK, f"http://{host}:{listener.port}/") == "204"


class HangingResolver:
    """Never finds a name that begins with `hangs`, and finds any other at once. Knows who was looked up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = asyncio.Event()

    async def resolve(self, host: str) -> list[str]:
        self.asked.append(host)
        if host.startswith("hangs"):
            await self.released.wait()
        return ["127.0.0.1"]

    def close(self) -> None:
        self.released.set()


async def test_an_owner_whose_names_hang_leaves_look_ups_for_others(listener: Listener) -> None:
    resolver = HangingResolver()
    dialler = Dialler(LOOPBACK, resolver)

    def connect(host: str, owner: str) -> "asyncio.Task[Connection]":
        address = HostAddress(host, listener.port, ())
        return asyncio.ensure_future(dialler.connect(address, owner, Connection, None))

    hanging = [connect(f"hangs-{number}.example", "B") for number in range(5 * MAX_LOOKUPS)]
    async with asyncio.timeout(20):
        # Look-ups begin in turn, so those of the first owner have begun when this one ends.
        (await connect("answers.example", "A")).abort()
    assert MAX_LOOKUPS // 2 < len(resolver.asked) < MAX_LOOKUPS
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    # Those that had begun still hold what they took, for a thread cannot be stopped; the others are forgotten.
    begun = len(resolver.asked)
    dialler.close()
    await asyncio.sleep(0)
    assert len(resolver.asked) == begun


async def with_system_resolver(use: Callable[[SystemResolver], Awaitable[None]]) -> None:
    resolver = SystemResolver()
    try:
        await use(resolver)
    finally:
        resolver.close()


async def test_the_system_resolves_localhost() -> None:
    async def use(resolver: SystemResolver) -> None:
        assert {"127.0.0.1", "::1"} & set(await resolver.resolve("localhost"))

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
        assert await resolver.resolve("router.example") == ["fe80::1%2"]

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
