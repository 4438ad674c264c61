"""Reads the SQLite file directly, without the server, and compares its rows with requests."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest

Row = dict[str, Any]

_TYPES = {"rest_webhook": "webhook", "rest_call": "call", "rest_async": "async"}


@dataclass(frozen=True, slots=True)
class Content:
    """A consistent snapshot of the file's content."""

    integrity: str
    default_owner: str
    targets: list[Row]
    events: list[Row]
    """The events of targets."""

    def by_name(self) -> dict[str, Row]:
        return {row["name"]: row for row in self.targets}


def read(path: Path) -> Content:
    """Return a snapshot; a server may be running on the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        [[integrity]] = connection.execute("PRAGMA integrity_check").fetchall()
        [[owner]] = connection.execute("SELECT default_owner FROM instance").fetchall()
        targets = [dict(row) for row in connection.execute("SELECT * FROM targets")]
        events = connection.execute("SELECT * FROM events WHERE aggregate_type = 'target' ORDER BY position")
        return Content(integrity, owner, targets, [dict(row) for row in events])


def assert_whole(content: Content) -> None:
    """Assert that nothing is stored twice, and that every row has its event and every event its row."""
    assert content.integrity == "ok"
    for unique in ("id", "name", "name_key"):
        counts = Counter(row[unique] for row in content.targets)
        assert [value for value, count in counts.items() if count > 1] == []
    assert sorted(_event_of(row) for row in content.targets) == sorted(map(_facts, content.events))


def _event_of(row: Row) -> tuple[Any, ...]:
    """Return the only event of a target that was created and never changed."""
    assert row["sequence"] == 1
    payload = {
        "name": row["name"],
        "type": row["type"],
        "interrupt_on_error": bool(row["interrupt_on_error"]),
        "timeout_ns": str(row["timeout_seconds"] * 1_000_000_000 + row["timeout_nanos"]),
        "endpoint": row["endpoint"],
        "payload_type": row["payload_type"],
    }
    return row["owner"], row["id"], 1, "target.added", row["changed_at_ns"], json.dumps(payload, sort_keys=True)


def _facts(event: Row) -> tuple[Any, ...]:
    payload = json.dumps(json.loads(event["payload"]), sort_keys=True)
    return event["owner"], event["aggregate_id"], event["sequence"], event["type"], event["created_at_ns"], payload


def says(row: Row, request: CreateTargetRequest) -> bool:
    """Return whether a target is what the request asked for."""
    member = request.WhichOneof("target_type")
    assert member is not None
    return (
        row["name"],
        row["type"],
        bool(row["interrupt_on_error"]),
        row["timeout_seconds"],
        row["timeout_nanos"],
        row["endpoint"],
    ) == (
        request.name,
        _TYPES[member],
        getattr(getattr(request, member), "interrupt_on_error", False),
        request.timeout.seconds,
        request.timeout.nanos,
        request.endpoint,
    )
