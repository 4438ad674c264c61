"""What ends in the middle: clients, targets and actiond itself. A call that actiond has not let pass does not pass."""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2

from tests.gates.ways import Way, open_ways
from tests.support.proxied.clients import Outcome, channel
from tests.support.proxied.shop import PLACE, WATCH, order, order_class
from tests.support.proxied.system import System
from tests.support.targets.answers import ok
from tests.support.targets.exchanges import Exchange
from tests.support.waiting import until

NATIVE = ("envoy, gRPC", "interceptor")
"""The ways whose clients call the shop's own methods over gRPC."""
ASKING = ("asking, gRPC", "asking, gRPC-Web", "asking, JSON")
FAILED = (9, "Execution failed (EXEC-dra6yamk98)")
REFUSED = {code_pb2.UNAVAILABLE, code_pb2.UNKNOWN}
"""How a call ends whose actiond is gone. UNKNOWN is what Envoy makes of a stream that breaks off."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, dict[str, Way]]]:
    with open_ways(tmp_path_factory.mktemp("ways"), is_restarted=True) as started:
        yield started


@pytest.fixture
def system(started: tuple[System, dict[str, Way]]) -> Iterator[System]:
    yield started[0]
    started[0].forget()


@pytest.fixture
def ways(started: tuple[System, dict[str, Way]]) -> dict[str, Way]:
    return started[1]


def port_of(system: System, way: Way) -> int:
    return system.port if way.shop is system.shop else way.shop.port


def held(system: System, count: int = 1) -> None:
    """Wait until so many calls wait for a target."""
    system.targets.wait_until(lambda: system.targets.paths()[-count:] == ["/hold"] * count)


def wait_for_actiond(way: Way) -> None:
    """Wait until calls pass: a test before this one may have restarted actiond."""
    until(lambda: _call_or_break(way, order()).code == 0, "a call passes")


def begin(connection: grpc.Channel, one: Any) -> Any:
    method: Any = connection.unary_unary(PLACE, request_serializer=order_class().SerializeToString)
    return method.future(one, timeout=60)


@pytest.mark.parametrize("name", NATIVE)
def test_a_call_that_its_client_cancels_cuts_the_targets_call_and_never_reaches_the_shop(
    system: System, ways: dict[str, Way], name: str
) -> None:
    way = ways[name]
    system.set("request", PLACE, system.target("/hold"))
    way.settle()
    with channel(port_of(system, way)) as connection:
        running = begin(connection, order(id="cancelled"))
        held(system)
        running.cancel()
        system.targets.wait_until(lambda: not system.targets.open)
    assert "cancelled" not in [one.id for one in way.shop.orders]


@pytest.mark.parametrize("name", NATIVE)
def test_a_client_that_leaves_cuts_the_targets_call_and_its_call_never_reaches_the_shop(
    system: System, ways: dict[str, Way], name: str
) -> None:
    way = ways[name]
    system.set("request", PLACE, system.target("/hold"))
    way.settle()
    connection = channel(port_of(system, way))
    begin(connection, order(id="left"))
    held(system)
    connection.close()
    system.targets.wait_until(lambda: not system.targets.open)
    assert "left" not in [one.id for one in way.shop.orders]


@pytest.mark.parametrize("name", [*NATIVE, *ASKING])
def test_a_target_where_nobody_listens_interrupts(system: System, ways: dict[str, Way], name: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        system.set("request", PLACE, system.target("", endpoint=f"http://127.0.0.1:{bound.getsockname()[1]}/"))
        outcome = ways[name].call(PLACE, order(id="dead end"))
    assert (outcome.code, outcome.message) == FAILED
    assert "dead end" not in [one.id for one in ways[name].shop.orders]


@pytest.mark.parametrize("name", [*NATIVE, *ASKING])
def test_a_call_whose_actiond_is_killed_while_a_target_decides_fails_and_the_next_one_after_a_restart_does_not(
    system: System, ways: dict[str, Way], name: str
) -> None:
    way = ways[name]
    wait_for_actiond(way)
    system.set("request", PLACE, system.target("/hold"))
    way.settle()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_call_or_break, way, order(id="killed"))
        held(system)
        system.server.kill()
        outcome = running.result()
        assert outcome.code in REFUSED, outcome
        gone = _call_or_break(way, order(id="while it is gone"))
        assert gone.code in REFUSED, gone
        system.start_actiond()
    reached = [one.id for one in way.shop.orders]
    assert "killed" not in reached
    assert "while it is gone" not in reached
    system.forget()
    system.targets.script("/change", ok(b'{"count": "7"}'))
    system.set("request", PLACE, system.target("/change"))
    wait_for_actiond(way)
    assert way.call(PLACE, order(id="afterwards")).code == 0
    assert {one.count for one in way.shop.orders if one.id == "afterwards"} == {7}


def _call_or_break(way: Way, one: Any, path: str = PLACE) -> Outcome:
    """Call; a connection of HTTP's that breaks is an end, too."""
    try:
        return way.call(path, one)
    except OSError:
        return Outcome(code_pb2.UNAVAILABLE)


@pytest.mark.parametrize("name", [*NATIVE, *ASKING])
def test_no_call_passes_while_the_types_of_its_messages_are_not_known(
    system: System, ways: dict[str, Way], name: str
) -> None:
    way = ways[name]
    wait_for_actiond(way)
    system.set("request", PLACE, system.target("/ok"))
    command = system.server.command
    system.server.stop()
    system.server.command = [word for word in command if word not in system.descriptors]
    system.start_actiond()
    try:
        # Nothing is set for this method, so that it tells when actiond is there.
        until(lambda: _call_or_break(way, order(), WATCH).code == 0, "a call passes")
        outcome = way.call(PLACE, order(id="unknown"))
    finally:
        system.server.stop()
        system.server.command = command
        system.start_actiond()
    assert outcome.code in {code_pb2.UNAVAILABLE, code_pb2.NOT_FOUND}
    assert "unknown" not in [one.id for one in way.shop.orders]


@pytest.mark.parametrize("name", NATIVE)
def test_calls_under_way_at_sigterm_end_well_and_none_passes_unexecuted(
    system: System, ways: dict[str, Way], name: str
) -> None:
    way = ways[name]
    wait_for_actiond(way)
    system.targets.script("/slowly", _slowly)
    system.set("request", PLACE, system.target("/slowly"))
    way.settle()
    ended: list[Outcome] = []
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            ended.append(way.call(PLACE, order(id="under load")))

    already = len(system.targets.requests)
    with ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load) for _ in range(8)]
        system.targets.wait_until(lambda: len(system.targets.requests) > already + 50)
        system.server.signal(signal.SIGTERM)
        assert system.server.wait() == 0
        is_over.set()
        for one in loads:
            one.result()
        system.start_actiond()
    assert {outcome.code for outcome in ended} <= {0} | REFUSED
    passed = [one for one in way.shop.orders if one.id == "under load"]
    assert {one.count for one in passed} == {7}
    # Whatever a target has decided has reached the shop, too.
    assert len(passed) == len([path for path in system.targets.paths()[already:] if path == "/slowly"])


async def _slowly(exchange: Exchange) -> None:
    await asyncio.sleep(0.02)
    await exchange.answer(200, b'{"count": "7"}', (("content-type", "application/json"),))
