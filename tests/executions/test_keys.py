"""Signing keys that are rotated beside a running server."""

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListTargetsRequest

from actiond.client.signature import HEADER, SignatureError, verify
from tests.executions.api import Api, condition
from tests.executions.signatures import digest_by, signature_of
from tests.support.servers.commands import rotate
from tests.support.targets.server import TargetServer

LIST = ListTargetsRequest()


@pytest.mark.parametrize("overlap", [(), ("--overlap", "24h")], ids=["by default", "24h"])
async def test_while_keys_overlap_either_verifies_the_call(
    overlap: tuple[str, ...], api: Api, receiver: TargetServer
) -> None:
    created = await api.target(receiver.url("/ok"))
    await api.set(condition("request", "ListTargets"), created)
    assert (await api.call(LIST)).code == 0
    new = await rotate(api.server, api.owner, created.id, *overlap)
    assert (await api.call(LIST)).code == 0
    before, after = receiver.requests
    assert signature_of(before).digests == [digest_by(created.key, before)]
    assert signature_of(after).digests == [digest_by(new, after), digest_by(created.key, after)]
    for key in (new, created.key):
        verify(after.header(HEADER), after.body, key)


async def test_without_an_overlap_the_old_key_signs_no_more(api: Api, receiver: TargetServer) -> None:
    created = await api.target(receiver.url("/ok"))
    await api.set(condition("request", "ListTargets"), created)
    new = await rotate(api.server, api.owner, created.id, "--overlap", "0s")
    assert (await api.call(LIST)).code == 0
    (received,) = receiver.requests
    assert signature_of(received).digests == [digest_by(new, received)]
    verify(received.header(HEADER), received.body, new)
    with pytest.raises(SignatureError):
        verify(received.header(HEADER), received.body, created.key)
