"""`actiond delivery` and `actiond target resume`: what they print and change in the database itself."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from actiond.actions.deliveries import AttemptKind, DeathReason, Delivery, DeliveryState
from actiond.actions.events import Event, qualified_id
from actiond.actions.ids import first_id
from actiond.actions.ports import Store, Transaction
from actiond.actions.target_health import TargetHealth
from actiond.storage.sqlite import SqliteStore
from tests.process.commands import refused
from tests.process.conftest import Run
from tests.support.delivery_samples import an_attempt, put
from tests.support.samples import a_target, insert

T = TypeVar("T")
NOW = time.time_ns() // 1_000_000
HOUR_MS = 3_600_000
IDS = {
    name: first_id(NOW - hours * HOUR_MS) for name, hours in (("dead", 30), ("parked", 3), ("running", 2), ("ok", 1))
}
DEAD_ID, PARKED_ID, RUNNING_ID, DELIVERED_ID = IDS.values()
CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class Database:
    """The database of the test's directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(self, use: Callable[[Store], Awaitable[T]]) -> T:
        async def with_store() -> T:
            store = SqliteStore.open(self._path)
            try:
                return await use(store)
            finally:
                await store.close()

        return asyncio.run(with_store())

    def rows(self) -> dict[int, Delivery]:
        found = self.run(lambda store: store.write(lambda transaction: transaction.deliveries.after(0, 100)))
        return {row.id: row for row in found}


def _seed(transaction: Transaction) -> None:
    transaction.instance.set_default_owner("42")
    insert(a_target("7", "name", "42"))(transaction)
    rows = []
    for number, one in enumerate((DEAD_ID, PARKED_ID, RUNNING_ID, DELIVERED_ID), 1):
        order = qualified_id("42", "order", f"47{number}")
        event = Event("42", "order", order, 1, "order.placed", {"text": f"ä\u202e{number}"}, "editor", 1)
        position = transaction.append(event)
        new = Delivery(one, "42", "7", position, "event/order.*", event.aggregate, 1, NOW, DeliveryState.WAITING, NOW)
        rows.append(new)
    failed = an_attempt(2, DEAD_ID, owner="42", target_id="7", outcome="status", status=503, at_ms=NOW - HOUR_MS)
    lost = an_attempt(1, DEAD_ID, owner="42", target_id="7", outcome="lost", status=None, duration_ms=0)
    done = an_attempt(
        1, DELIVERED_ID, owner="42", target_id="7", kind=AttemptKind.PROBE, event_position=rows[3].event_position
    )
    dead = (
        rows[0].claimed(1, NOW, NOW).claimed(2, NOW, NOW).attempted("status", 503, NOW).dead(DeathReason.ATTEMPTS, NOW)
    )
    put(dead, rows[1].parked(), rows[2].claimed(7, NOW, NOW + HOUR_MS))(transaction)
    transaction.deliveries.log([failed, lost, done])
    transaction.deliveries.put_health([TargetHealth("7", "42", is_held=True)])


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "data" / "actiond.db")
    database.run(lambda store: store.write(_seed))
    return database


def listed(run: Run, *arguments: str) -> list[int]:
    """The ids in the rows of a list."""
    done = run("delivery", "list", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.startswith("ID ")
    return [int(row.split()[0]) for row in rows]


def test_the_list_tells_what_becomes_of_each_delivery(run: Run, database: Database) -> None:
    done = run("delivery", "list")
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["ID", "STATE", "REASON", "EVENT", "AGGREGATE", "TARGET", "ATTEMPTS", "LAST", "DUE", "CREATED"]
    created = [row.pop() for row in rows]
    assert all(map(CREATED.fullmatch, created))
    assert created == sorted(created, reverse=True)
    assert rows == [
        [str(DELIVERED_ID), "delivered", "-", "order.placed", "order/474", "7", "1", "ok", "200", "-"],
        [str(RUNNING_ID), "running", "-", "order.placed", "order/473", "7", "1", "-", "-"],
        [str(PARKED_ID), "parked", "-", "order.placed", "order/472", "7", "0", "-", "-"],
        [str(DEAD_ID), "dead", "attempts", "order.placed", "order/471", "7", "2", "status", "503", "-"],
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], "ok running parked dead"),
        (["--limit", "2"], "ok running"),
        (["--state", "dead"], "dead"),
        (["--state", "parked", "--state", "waiting"], "running parked"),
        (["--target", "7"], "ok running parked dead"),
        (["--target", "8"], ""),
        (["--event-type", "order.placed", "--limit", "1"], "ok"),
        (["--event-type", "order.paid"], ""),
        (["--aggregate", "order/472"], "parked"),
        (["--since", "1d"], "ok running parked"),
        (["--since", "150m", "--state", "waiting"], "running"),
        (["--owner", "43"], ""),
    ],
    ids=str,
)
def test_the_list_has_what_all_filters_match(run: Run, database: Database, filters: list[str], expected: str) -> None:
    assert listed(run, *filters) == [IDS[name] for name in expected.split()]


def test_a_delivery_is_shown_with_its_attempts(run: Run, database: Database) -> None:
    done = run("delivery", "show", str(DEAD_ID))
    fields, attempts = done.stdout.split("\n\n")
    shown = dict(line.split(maxsplit=1) for line in fields.splitlines())
    assert shown.pop("FIELD") == "VALUE"
    for name in ("created", "updated"):
        assert CREATED.fullmatch(shown.pop(name))
    assert shown == {
        "id": str(DEAD_ID),
        "state": "dead",
        "reason": "attempts",
        "target": "7",
        "event": "order.placed",
        "aggregate": "order/471",
        "sequence": "1",
        "editor": "editor",
        "execution": "event/order.*",
        "attempts": "2",
        "tries": "2",
        "last": "status 503",
        "due": "-",
    }
    head, *rows = [line.split() for line in attempts.splitlines()]
    assert head == ["ATTEMPT", "KIND", "BEGAN", "DURATION", "OUTCOME", "STATUS", "WORKER"]
    assert [[*row[:2], *row[3:]] for row in rows] == [
        ["1", "queued", "0ms", "lost", "-", "3"],
        ["2", "queued", "5ms", "status", "503", "3"],
    ]


def test_the_payload_is_shown_only_where_it_is_asked_for(run: Run, database: Database) -> None:
    assert "text" not in run("delivery", "show", str(PARKED_ID)).stdout
    done = run("delivery", "show", str(PARKED_ID), "--payload")
    *_, payload = done.stdout.splitlines()
    assert json.loads(payload) == {"text": "ä\u202e2"}
    assert payload.isascii()


def test_a_dead_delivery_is_retried(run: Run, database: Database) -> None:
    done = run("delivery", "retry", str(DEAD_ID))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"delivery {DEAD_ID} is retried\n")
    row = database.rows()[DEAD_ID]
    assert (row.state, row.kind, row.tries) == (DeliveryState.WAITING, AttemptKind.MANUAL, 0)
    refused(run("delivery", "retry", str(DEAD_ID)), f"{DEAD_ID} is neither dead nor waiting", code=1)


def test_an_unfinished_delivery_is_cancelled(run: Run, database: Database) -> None:
    done = run("delivery", "cancel", str(RUNNING_ID))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"delivery {RUNNING_ID} is cancelled\n")
    assert database.rows()[RUNNING_ID].reason is DeathReason.CANCELLED
    for one in (RUNNING_ID, DELIVERED_ID):
        refused(run("delivery", "cancel", str(one)), f"{one} is delivered or dead", code=1)


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
@pytest.mark.parametrize("wanted", ["1", "order/471", "0", f"{2**70}", "²"])
def test_a_delivery_that_is_not_there_is_exit_code_1(run: Run, database: Database, command: str, wanted: str) -> None:
    refused(run("delivery", command, wanted), "there is no delivery", code=1)


def test_another_owners_delivery_is_not_there(run: Run, database: Database) -> None:
    for command in ("show", "retry", "cancel"):
        refused(run("delivery", command, str(DEAD_ID), "--owner", "43"), str(DEAD_ID), code=1)


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (["retry", "--all"], "dead", "1 delivery is retried"),
        (["retry", "--all", "--state", "parked"], "", "0 deliveries are retried"),
        (["retry", "--all", "--since", "1d"], "", "0 deliveries are retried"),
        (["cancel", "--all"], "parked running", "2 deliveries are cancelled"),
        (["cancel", "--all", "--aggregate", "order/473"], "running", "1 delivery is cancelled"),
        (["cancel", "--all", "--state", "parked"], "parked", "1 delivery is cancelled"),
    ],
    ids=str,
)
def test_all_that_match_are_changed_or_counted(
    run: Run, database: Database, arguments: list[str], changed: str, said: str
) -> None:
    before = database.rows()
    counted = run("delivery", *arguments, "--count")
    assert (counted.returncode, counted.stdout, counted.stderr) == (0, f"{len(changed.split())}\n", "")
    assert database.rows() == before
    done = run("delivery", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{said}\n")
    assert [one for one, row in database.rows().items() if row != before[one]] == [
        IDS[name] for name in changed.split()
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["list", "--aggregate", "order/\udcff"], "--aggregate"),
        (["show", "\udcff"], "ID"),
        (["list", "--state", "lost"], "--state"),
        (["list", "--aggregate", "order"], "--aggregate"),
        (["list", "--aggregate", "/1"], "--aggregate"),
        (["list", "--since", "yesterday"], "--since"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "many"], "--limit"),
        (["list", "--limit", "1000000"], "--limit"),
        (["list", "--target", " "], "--target"),
        (["list", "--event-type", ""], "--event-type"),
        (["retry"], "--all"),
        (["cancel"], "--all"),
        (["retry", "1", "--all"], "--all"),
        (["retry", "1", "--count"], "--count"),
        (["cancel", "1", "--target", "7"], "filters"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_exit_code_2(run: Run, database: Database, arguments: list[str], word: str) -> None:
    before = database.rows()
    refused(run("delivery", *arguments), word)
    assert database.rows() == before


def test_a_list_that_takes_too_long_is_exit_code_1(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actiond.storage.sqlite.reader.MAX_SECONDS", -1.0)
    monkeypatch.setattr("actiond.storage.sqlite.reader._INSTRUCTIONS", 10)
    refused(run("delivery", "list"), "takes too long", code=1)


def test_no_more_are_retried_than_may_be_unfinished(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actiond.actions.use_cases.fan_out.MAX_WAITING", 2)
    refused(run("delivery", "retry", "--all"), "more than 2 unfinished deliveries", code=1)


def test_a_target_that_is_held_is_resumed(run: Run, database: Database) -> None:
    done = run("target", "resume", "7")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "target 7 is resumed\n")
    assert database.rows()[PARKED_ID].state is DeliveryState.WAITING
    assert run("target", "resume", "7").stderr == "target 7 was not paused\n"
    refused(run("target", "resume", "8"), "there is no target '8'", code=1)
    refused(run("target", "resume", "7", "--owner", "43"), "there is no target '7'", code=1)
