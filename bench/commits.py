"""The limit of the disk: SQLite, with a commit for each target."""

import time
from array import array
from dataclasses import replace
from pathlib import Path

from actiond.actions.events import Event
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.storage.sqlite.batch import Batch
from actiond.storage.sqlite.connection import connect, create_privately
from actiond.storage.sqlite.schema import migrations, prepare
from actiond.storage.sqlite.transaction import SqliteTransaction
from bench.constants import OWNER
from bench.load import Sample

_SEALED_BYTES = 80
"""The approximate size of a signing key as it is stored."""


class CommitLoad:
    """Writes on one connection, target after target, the rows that actiond writes for a new one, then commits."""

    def __init__(self, directory: Path) -> None:
        path = directory / "commits.db"
        create_privately(path)
        self._connection = connect(path)
        prepare(self._connection, path, migrations())
        self._number = 0
        # The values that all targets share.
        now = time.time_ns()
        endpoint = "https://example.com/hook"
        self._target = Target("", OWNER, "", TargetType.WEBHOOK, True, 10_000_000_000, endpoint, 1, now, now)
        self._keys = (SigningKey(bytes(_SEALED_BYTES)),)
        payload = {"type": "webhook", "interrupt_on_error": True, "timeout_ns": "10000000000", "endpoint": endpoint}
        self._event = Event(OWNER, "target", "", 1, "target.added", payload, "admin", now)

    def open(self) -> None:
        """Do nothing: the database is open from the start, as the servers are."""

    def run(self, seconds: float) -> Sample:
        latencies: array[float] = array("d")
        begun = sent = time.perf_counter()
        while sent < begun + seconds:
            self._insert()
            now = time.perf_counter()
            latencies.append(now - sent)
            sent = now
        return Sample(sent - begun, sorted(latencies))

    def _insert(self) -> None:
        self._number += 1
        target_id, name = f"{383270916982837248 + self._number}", f"bench-{self._number:08}"
        event = replace(self._event, aggregate_id=target_id, payload={"name": name, **self._event.payload})
        cursor = self._connection.execute("BEGIN IMMEDIATE")
        transaction = SqliteTransaction(cursor, Batch())
        transaction.targets.insert(replace(self._target, id=target_id, name=name), self._keys)
        transaction.append(event)
        cursor.execute("COMMIT")

    def close(self) -> None:
        """Do nothing: further rounds use the same database."""
