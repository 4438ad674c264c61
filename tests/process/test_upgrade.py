"""A real server on a database of release 0.1: it delivers what happens from now on, signed with the keys of before."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiond.client import HEADER, verify
from tests.support import release_0_1
from tests.support.clients.json_api import JsonApi
from tests.support.release_0_1 import ENCRYPTION_KEY, OF_EVERYTHING, OWNER, SIGNING_KEY
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as receiver:
        yield receiver


@pytest.mark.parametrize("workers", [1, 2])
def test_what_happens_after_the_upgrade_is_delivered_and_nothing_of_before(
    tmp_path: Path, receiver: TargetServer, workers: int
) -> None:
    release_0_1.write(tmp_path / "actiond.db", receiver.url("/"))
    environment = {"ACTIOND_ENCRYPTION_KEY": ENCRYPTION_KEY}
    with ServerProcess(tmp_path, "--allow-address", "127.0.0.0/8", workers=workers, environment=environment) as server:
        api = JsonApi.of(server)
        created = api.create_target()
        api.update_target(OF_EVERYTHING, name="changed")
        receiver.wait_until(lambda: len(receiver.paths()) == 2)
    by_path = {request.path: request for request in receiver.requests}
    assert sorted(by_path) == ["/added", "/all"]
    verify(by_path["/added"].header(HEADER), by_path["/added"].body, SIGNING_KEY)
    added, changed = (json.loads(by_path[path].body) for path in ("/added", "/all"))
    assert (added["event_type"], added["aggregateID"], added["sequence"]) == ("target.added", created["id"], 1)
    assert (changed["event_type"], changed["aggregateID"], changed["sequence"]) == ("target.changed", OF_EVERYTHING, 4)
    assert added["instanceID"] == added["resourceOwner"] == OWNER
