"""What becomes of calls through the real Envoy when somebody leaves: the client, or actiond itself."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.proxied.clients import Outcome, call, channel
from tests.support.proxied.shop import PLACE, order, order_class
from tests.support.proxied.system import System
from tests.support.targets.answers import held
from tests.support.waiting import until


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """One of its own, for a target that holds what it is asked."""
    with System(tmp_path, "--shutdown-grace-period", "20") as system:
        system.targets.script("/held", held)
        system.set("request", PLACE, system.target("/held"))
        yield system


class Calling:
    """A call in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run, args=(port,))
        self._thread.start()

    def _run(self, port: int) -> None:
        self.outcome = call(port, PLACE, order(id="1"))

    def ended(self) -> Outcome:
        self._thread.join(30)
        assert self.outcome is not None, "the call has not ended"
        return self.outcome


def _is_held(system: System) -> bool:
    return system.targets.paths()[-1:] == ["/held"]


def test_an_actiond_that_is_killed_while_a_target_decides_lets_nothing_pass(system: System) -> None:
    calling = Calling(system.port)
    until(lambda: _is_held(system), "the target was called")
    system.server.kill()
    assert calling.ended().code != 0
    assert system.shop.orders == []
    assert call(system.port, PLACE, order(id="2")).code == 14


def test_an_actiond_that_is_ended_finishes_the_calls_that_it_has_begun(system: System) -> None:
    calling = Calling(system.port)
    until(lambda: _is_held(system), "the target was called")
    system.server.signal(signal.SIGTERM)
    system.targets.release()
    assert calling.ended().code == 0
    assert [one.id for one in system.shop.orders] == ["1"]


def test_a_client_that_leaves_cuts_the_call_of_the_target(system: System) -> None:
    with channel(system.port) as connection:
        method: Any = connection.unary_unary(PLACE, request_serializer=order_class().SerializeToString)
        running = method.future(order(id="1"), timeout=30)
        until(lambda: _is_held(system), "the target was called")
        assert system.targets.open == 1
        running.cancel()
        system.targets.wait_until(lambda: system.targets.open == 0)
        with pytest.raises(grpc.FutureCancelledError):
            running.result()
    assert system.shop.orders == []
