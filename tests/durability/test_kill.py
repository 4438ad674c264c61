"""kill -9 of the whole server in the middle of the work, again and again on one growing database."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import GetTargetByIDResponse
from actiond_protos.zitadel.action.v3alpha.target_pb2 import Target

from tests.durability.clients import ports_of, steady_clients
from tests.durability.ledger import Ledger, target_of, worker_of
from tests.support.action_service import expect
from tests.support.action_service.drivers import Grpc
from tests.support.action_service.requests import create, get
from tests.support.database import Content, assert_whole, read, says
from tests.support.servers.actiond import ServerProcess

KILL_AFTER = (0, 1, 0, 7, 2, 50, 20, 120, 300)
"""Each round is killed after so many acknowledgements; 0 is when the first request is on its way."""
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was found after a kill, by the server that was started next."""

    ledger: Ledger
    """Of all rounds so far."""
    content: Content
    found: dict[str, Target]
    """What GetTargetByID said of each acknowledged target, by name."""
    asked_again: dict[str, int]
    """The codes of the unacknowledged requests, sent once more."""


@pytest.fixture(scope="module")
def aftermaths(tmp_path_factory: pytest.TempPathFactory) -> list[Aftermath]:
    """One for each kill, in order."""
    return list(_kill_and_look(tmp_path_factory.mktemp("killed"), Ledger()))


def _kill_and_look(directory: Path, ledger: Ledger) -> Iterator[Aftermath]:
    # The admin token is the one that the first start made: that it goes on working is shown by every later round.
    server = ServerProcess(directory, workers=WORKERS, token=None).start()
    token = (directory / "admin-token").read_text().strip()
    for acknowledgements in KILL_AFTER:
        _kill_at_work(server, token, ledger, acknowledgements)
        server = ServerProcess(directory, workers=WORKERS, token=None).start()
        try:
            yield _look(server, token, ledger)
        except BaseException:
            server.kill()
            raise
    assert server.stop() == 0


def _kill_at_work(server: ServerProcess, token: str, ledger: Ledger, acknowledgements: int) -> None:
    asked, promised = len(ledger.asked), len(ledger.promised)
    with steady_clients(server, token, ledger):
        ledger.wait_until(lambda now: len(now.asked) > asked and len(now.promised) >= promised + acknowledgements)
        server.kill()


def _look(server: ServerProcess, token: str, ledger: Ledger) -> Aftermath:
    content = read(server.directory / "actiond.db")
    before = ledger.copy()
    found = {}
    asked_again = {}
    with closing(Grpc(ports_of(server).grpc, token)) as driver:
        for name, response in ledger.promised.items():
            answer = driver(get(response.id)).response
            assert isinstance(answer, GetTargetByIDResponse), name
            found[name] = answer.target
        for name, request in before.unanswered().items():
            asked_again[name] = driver(create(request)).code
    return Aftermath(before, content, found, asked_again)


def test_every_acknowledged_target_is_in_the_file_as_it_was_asked_for(aftermaths: list[Aftermath]) -> None:
    for aftermath in aftermaths:
        rows = aftermath.content.by_name()
        for name, response in aftermath.ledger.promised.items():
            assert rows[name]["id"] == response.id
            assert says(rows[name], aftermath.ledger.asked[name])


def test_every_acknowledged_target_is_answered_by_the_api_with_the_details_of_the_acknowledgement(
    aftermaths: list[Aftermath],
) -> None:
    for aftermath in aftermaths:
        ledger = aftermath.ledger
        assert aftermath.found == {
            name: target_of(ledger.asked[name], response) for name, response in ledger.promised.items()
        }


def test_nothing_is_there_twice_and_every_row_has_its_one_event(aftermaths: list[Aftermath]) -> None:
    for aftermath in aftermaths:
        assert_whole(aftermath.content)


def test_what_was_not_acknowledged_is_there_whole_or_not_at_all(aftermaths: list[Aftermath]) -> None:
    for aftermath in aftermaths:
        for name, row in aftermath.content.by_name().items():
            assert says(row, aftermath.ledger.asked[name])


def test_what_was_not_acknowledged_can_be_asked_for_again_and_is_made_only_once(aftermaths: list[Aftermath]) -> None:
    for aftermath in aftermaths:
        there = aftermath.content.by_name()
        assert aftermath.asked_again == {
            name: expect.ALREADY_EXISTS if name in there else 0 for name in aftermath.ledger.unanswered()
        }


def test_every_acknowledgement_is_of_sequence_1_and_of_the_one_default_owner(aftermaths: list[Aftermath]) -> None:
    [owner] = {aftermath.content.default_owner for aftermath in aftermaths}
    promised = aftermaths[-1].ledger.promised.values()
    assert {(response.details.sequence, response.details.resource_owner) for response in promised} == {(1, owner)}


def test_ids_stay_unique_over_all_workers_that_ever_served(aftermaths: list[Aftermath]) -> None:
    promised = aftermaths[-1].ledger.promised.values()
    assert len({response.id for response in promised}) == len(promised)
    # More workers than one server has: it is restarted ones, too, whose ids were compared.
    assert len({worker_of(response) for response in promised}) > WORKERS
