"""Any request on any edge gets a well-formed answer of its protocol, and nothing is said aside.

A modest share of what `python -m tests.fuzz` does; a failure names the command that shows its case again.
"""

import pytest

from tests.fuzz import garbage, http2_connections
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.runs import Tally, faces, run, styles_of
from tests.fuzz.senders.sockets import SENDERS, http_senders

SEED = 1
IN_PROCESS = 800
CONNECTIONS = 400
OVER_SOCKETS = 60
GARBAGE = {"http1": 200, "http2": 40}


def assert_clean(tally: Tally) -> None:
    assert not tally.failures, "\n".join(str(failures[0]) for failures in tally.failures.values())


@pytest.mark.parametrize("edge", GENERATORS)
async def test_every_answer_of_a_face_is_well_formed(edge: str) -> None:
    async with faces(edge, styles_of(SEED)) as senders:
        tally = await run(edge, SEED, range(IN_PROCESS), senders)
    assert_clean(tally)
    # The cases must not all end at the door.
    assert len(tally.kinds) > 8
    assert sum(count for kind, count in tally.kinds.items() if kind.endswith(" 0")) > IN_PROCESS / 10


@pytest.mark.parametrize("edge", GENERATORS)
async def test_every_answer_of_a_server_is_well_formed(edge: str) -> None:
    async with SENDERS.get(edge, http_senders)() as senders:
        tally = await run(edge, SEED, range(OVER_SOCKETS), senders)
    assert_clean(tally)


@pytest.mark.parametrize("kind", garbage.VICTIMS)
async def test_garbage_leaves_a_server_as_it_was(kind: str) -> None:
    assert (await garbage.run(kind, SEED, range(GARBAGE[kind]))).inputs == GARBAGE[kind]


async def test_hostile_connections_over_http2_end_and_others_notice_nothing() -> None:
    tally = await http2_connections.run(SEED, range(CONNECTIONS), patience=5)
    assert_clean(tally)
    # Not all of them may end at the first frame.
    assert sum(count for kind, count in tally.kinds.items() if kind.startswith("alive")) > CONNECTIONS / 10
