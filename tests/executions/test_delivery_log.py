"""What the log says of deliveries and their targets."""

import logging

import pytest

from actiond.actions.deliveries import DeathReason
from actiond.actions.target_health import TargetHealth
from actiond.actions.use_cases.delivering import Exchanged
from actiond.executions.delivery_log import log_exchange

FAILING = TargetHealth("17", "owner", failures=10, reason="status 503")

LINES = {
    "nothing happened": (Exchanged(), []),
    "a target was paused": (
        Exchanged(turned=[FAILING.paused(5, 1.0)]),
        ["WARNING target 17 is paused; failures in a row: 10, the last one: status 503"],
    ),
    "a target asked for no more": (
        Exchanged(turned=[TargetHealth("17", "owner", failures=1, reason="status 410").held()]),
        ["WARNING target 17 is paused until somebody resumes it; failures in a row: 1, the last one: status 410"],
    ),
    "a target was resumed": (Exchanged(turned=[FAILING.resumed()]), ["INFO target 17 is resumed"]),
    "deliveries died": (
        Exchanged(dead=[DeathReason.AGE, DeathReason.ATTEMPTS, DeathReason.AGE]),
        ["WARNING 2 deliveries are dead: age", "WARNING 1 deliveries are dead: attempts"],
    ),
    "attempts were lost": (
        Exchanged(leases_lost=3),
        ["WARNING 3 attempts were lost with their worker and are made again"],
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_what_becomes_of_deliveries_is_logged(case: str, caplog: pytest.LogCaptureFixture) -> None:
    exchanged, lines = LINES[case]
    caplog.set_level(logging.INFO)
    log_exchange(exchanged)
    assert [f"{record.levelname} {record.message}" for record in caplog.records] == lines
