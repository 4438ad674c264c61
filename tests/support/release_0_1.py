"""A database that release 0.1.0 has written: see release_0_1.sql."""

import sqlite3
from contextlib import closing
from pathlib import Path

OWNER = "385563386240303104"
OF_ADDITIONS = "385563386273861632"
"""The target that the execution of `event/target.added` calls, and that of `event/execution.*`."""
OF_EVERYTHING = "385563386278055936"
"""The target that the execution of `event` calls. It has three events."""
SIGNING_KEY = "sPGbkpvH2VvUEk2gsDxiEXxJTxgdHswapeDQ6E7P1Bg"
"""That of OF_ADDITIONS."""
ENCRYPTION_KEY = "YWN0aW9uZCdzIHRlc3RzOiBubyBzZWNyZXQgYXQgYWw="
"""Under which the signing keys are sealed."""
EVENTS = 13
_ENDPOINTS = "http://127.0.0.1:9/"


def write(path: Path, endpoints: str = _ENDPOINTS) -> None:
    """Write the database to a new file. `endpoints` begins its targets' endpoints, which end with `added` and `all`."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script.replace(_ENDPOINTS, endpoints))
