"""Two workers that share one store."""

import asyncio

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListTargetsRequest, UpdateTargetRequest

from actiond.client.signature import HEADER, verify
from tests.executions.api import ELSEWHERE, Api, condition, new_owner, of_all
from tests.executions.protocols import PROTOCOLS
from tests.executions.signatures import digest_by, signature_of
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.commands import rotate
from tests.support.targets.server import TargetServer

LIST = ListTargetsRequest()


@pytest.fixture
def shared(two_workers: ServerProcess) -> Api:
    """A client of two workers: each call is a connection of its own, which either of them may take."""
    return new_owner(two_workers)


def callers(receiver: TargetServer) -> int:
    """How many clients have called: each keeps a connection, and uses it again for a call after the other."""
    return len({received.connection for received in receiver.requests})


async def test_what_one_worker_has_acknowledged_holds_for_the_next_call_in_any(
    shared: Api, receiver: TargetServer
) -> None:
    ok, bad = [await shared.target(receiver.url(path)) for path in ("/ok", "/status/500")]
    for number in range(10):
        step, code = (bad, 9) if number % 2 else (ok, 0)
        await shared.set(condition("request", "ListTargets"), step)
        assert {(await shared.over(protocol).call(LIST)).code for protocol in PROTOCOLS} == {code}
    assert callers(receiver) >= 2, "both workers have called"


async def test_a_target_that_one_worker_has_changed_is_called_so_by_any(shared: Api, receiver: TargetServer) -> None:
    created = await shared.target(receiver.url("/ok/0"))
    await shared.set(condition("request", "ListTargets"), created)
    for number in range(1, 6):
        endpoint = receiver.url(f"/ok/{number}")
        await shared.look(UpdateTargetRequest(target_id=created.id, endpoint=endpoint))
        for protocol in PROTOCOLS:
            assert (await shared.over(protocol).call(LIST)).code == 0
    assert receiver.paths() == [f"/ok/{number}" for number in range(1, 6) for _ in PROTOCOLS]


async def test_a_key_that_one_worker_has_made_signs_the_calls_of_any(shared: Api, receiver: TargetServer) -> None:
    created = await shared.target(receiver.url("/ok"))
    await shared.set(condition("request", "ListTargets"), created)
    for protocol in PROTOCOLS * 5:
        assert (await shared.over(protocol).call(LIST)).code == 0
    assert callers(receiver) >= 2, "both workers have called"
    for received in receiver.requests:
        verify(received.header(HEADER), received.body, created.key)


async def test_a_key_that_is_rotated_signs_the_next_calls_of_any_worker(shared: Api, receiver: TargetServer) -> None:
    created = await shared.target(receiver.url("/ok"))
    await shared.set(condition("request", "ListTargets"), created)
    for protocol in PROTOCOLS * 3:
        await shared.over(protocol).call(LIST)
    seen = len(receiver.requests)
    new = await rotate(shared.server, shared.owner, created.id, "--overlap", "0s")
    for protocol in PROTOCOLS * 3:
        await shared.over(protocol).call(LIST)
    for received in receiver.requests[seen:]:
        assert signature_of(received).digests == [digest_by(new, received)]


async def test_changes_and_calls_at_once_never_meet_half_an_execution(shared: Api, receiver: TargetServer) -> None:
    one, two, mark = [await shared.target(receiver.url(f"/ok/{name}")) for name in ("one", "two", "mark")]
    pairs = {False: (one, mark), True: (two, mark)}
    await shared.set(of_all("request"), *pairs[False])

    async def change() -> None:
        for number in range(1, 21):
            await shared.set(of_all("request"), *pairs[bool(number % 2)])

    async def call(protocol: str) -> None:
        for _ in range(8):
            assert (await shared.over(protocol).call(LIST)).code == 0

    await asyncio.gather(change(), *map(call, PROTOCOLS))
    paths = receiver.paths()
    assert paths.count("/ok/mark") == 8 * len(PROTOCOLS)
    assert paths.count("/ok/one") + paths.count("/ok/two") == 8 * len(PROTOCOLS)


async def test_a_target_made_by_one_worker_is_taken_by_an_execution_in_any(shared: Api) -> None:
    for protocol in PROTOCOLS * 3:
        created = await shared.over(protocol).target(ELSEWHERE)
        await shared.over(protocol).set(condition("response", "ListTargets"), created)
