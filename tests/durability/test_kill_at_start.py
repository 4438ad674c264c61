"""kill -9 while the very first start is making the database."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.durability.clients import ask, ports_of
from tests.durability.ledger import Ledger
from tests.support.action_service.drivers import Json
from tests.support.database import assert_whole, read
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess


def _the_file_is_made(database: Path) -> bool:
    return database.exists()


def _the_log_is_made(database: Path) -> bool:
    return database.with_name(f"{database.name}-wal").exists()


def _the_log_is_written(database: Path) -> bool:
    log = database.with_name(f"{database.name}-wal")
    return log.exists() and log.stat().st_size > 0


@pytest.mark.parametrize("moment", [_the_file_is_made, _the_log_is_made, _the_log_is_written])
def test_a_first_start_that_was_killed_leaves_a_database_that_the_next_start_takes(
    moment: Callable[[Path], bool], tmp_path: Path
) -> None:
    database = tmp_path / "actiond.db"
    killed = ServerProcess(tmp_path).launch()
    deadline = time.monotonic() + 20
    while not moment(database):
        assert time.monotonic() < deadline
    killed.kill()
    with ServerProcess(tmp_path) as server:
        driver = Json(ports_of(server).http, ADMIN_TOKEN)
        response = ask("json", driver, Ledger().next_request())
        driver.close()
    content = read(database)
    assert_whole(content)
    assert response.details.resource_owner == content.default_owner
