"""SIGTERM in the middle of the work."""

import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.durability.clients import steady_clients
from tests.durability.ledger import Ledger
from tests.support.database import Content, assert_whole, read, says
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

GRACE = 6.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop left behind. That each client ended with an answer or a clean refusal, the clients have seen to."""

    ledger: Ledger
    content: Content
    exit_code: int
    seconds: float
    stderr: str


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    directory, ledger = tmp_path_factory.mktemp("stopped"), Ledger()
    server = ServerProcess(directory, "--shutdown-grace-period", str(GRACE), workers=request.param).start()
    with steady_clients(server, ADMIN_TOKEN, ledger):
        ledger.wait_until(lambda now: len(now.promised) >= 200)
        server.signal(signal.SIGTERM)
        begun = time.monotonic()
        exit_code = server.wait()
        seconds = time.monotonic() - begun
    return Stopped(ledger, read(Path(directory, "actiond.db")), exit_code, seconds, server.stderr)


def test_it_ends_with_exit_code_0_long_before_the_grace_is_over(stopped: Stopped) -> None:
    assert stopped.exit_code == 0
    assert stopped.seconds < GRACE / 2


def test_every_acknowledged_target_is_there(stopped: Stopped) -> None:
    rows = stopped.content.by_name()
    for name, response in stopped.ledger.promised.items():
        assert rows[name]["id"] == response.id
        assert says(rows[name], stopped.ledger.asked[name])


def test_a_call_that_was_cancelled_has_not_been_done(stopped: Stopped) -> None:
    assert not stopped.content.by_name().keys() & set(stopped.ledger.cancelled)


def test_nothing_is_half_written_or_written_twice(stopped: Stopped) -> None:
    assert_whole(stopped.content)


def test_the_log_holds_no_fault(stopped: Stopped) -> None:
    assert "Traceback" not in stopped.stderr
    assert "ERROR" not in stopped.stderr
