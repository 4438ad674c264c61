"""What stands in the way of a call that is not made."""

import pytest

from actiond.actions.ports import ObstacleKind
from actiond.actions.signing_keys import SigningKey
from actiond.secrets.sealing import Sealer
from tests.delivery.client.callers import SEALER, Caller, target
from tests.support.targets.server import TargetServer

GOOD = SigningKey(SEALER.seal("1", "a key"))
LOST = SigningKey(Sealer([b"x" * 32]).seal("1", "a key"))
EXPIRED = SigningKey(SEALER.seal("1", "a key"), expires_at_ns=1)
KEY, DENIED = ObstacleKind.KEY_UNREADABLE, ObstacleKind.ADDRESS_DENIED


async def test_nothing_stands_in_the_way_of_a_call_that_would_be_made_and_none_is(
    caller: Caller, server: TargetServer
) -> None:
    assert await caller.client.obstacles(target(server.url("/ok")), [GOOD]) == []
    assert await caller.client.obstacles(target(server.url("/ok")), [LOST, GOOD]) == []
    assert (server.paths(), caller.told) == ([], [])


@pytest.mark.parametrize("keys", [[], [LOST], [EXPIRED]])
async def test_a_target_without_a_key_that_can_be_used_is_named(caller: Caller, keys: list[SigningKey]) -> None:
    assert [found.kind for found in await caller.client.obstacles(target("http://127.0.0.1/"), keys)] == [KEY]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://10.0.0.1/", "must not be called"),
        ("http://[::1]/", "must not be called"),
        ("http://name.invalid/", "has no address"),
        ("ftp://127.0.0.1/", ""),
    ],
)
async def test_an_endpoint_that_cannot_be_dialled_is_named_without_its_address(
    caller: Caller, url: str, text: str
) -> None:
    (found,) = await caller.client.obstacles(target(url), [GOOD])
    assert found.kind is DENIED
    assert text in found.text
    assert "10.0.0.1" not in found.text
