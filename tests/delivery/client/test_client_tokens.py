"""Targets that get tokens: what is sent, and when nothing is."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe, jws
from joserfc.jwk import ECKey, import_key
from standardwebhooks import Webhook

from actiond.actions.errors import StoreUnavailableError, TargetFailedError
from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm, NewKey
from actiond.actions.ports import ObstacleKind
from actiond.actions.public_keys import PublicKey
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import PayloadType, Target, TargetType
from actiond.client.signature import verify, whsec
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.payload_encoder import OFFLOAD_BYTES, PayloadEncoder
from actiond.delivery.signer import Signer
from actiond.secrets.instance_key_ring import InstanceKeyRing
from actiond.secrets.jose import new_key
from actiond.secrets.sealing import Sealer
from actiond.storage.memory import MemoryStore
from tests.delivery.client.callers import AGENT, LOOPBACK, SEALER, Caller, Seen, request_to, target, whole
from tests.support.samples import put_instance_key
from tests.support.targets.server import TargetServer

MADE = new_key(SEALER, KeyAlgorithm.ES256)
LOST = new_key(Sealer([b"x" * 32]), KeyAlgorithm.ES256)
PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC = PublicKey("4711", PEM, "", created_at_ns=0, changed_at_ns=0)
BODY = b'{"b":  1, "a":\xc3\xa9 }'  # neither canonical nor even JSON: it is sent as it is
KEYS = [SigningKey(SEALER.seal("1", "a signing key"))]


@asynccontextmanager
async def token_caller(made: NewKey | None = MADE) -> AsyncIterator[tuple[Caller, MemoryStore, list[str]]]:
    """A caller, its store with an instance key, and the owners whose payloads were encoded off the event loop."""
    store = MemoryStore()
    offloaded: list[str] = []

    async def offload(owner: str, work: Callable[[], bytes]) -> bytes:
        offloaded.append(owner)
        return work()

    if made is not None:
        key = InstanceKey(made.id, made.algorithm, made.public_jwk, made.sealed, 0, 0)
        await store.write(put_instance_key(key))
    seen = Seen()
    encoder = PayloadEncoder(InstanceKeyRing(store, SEALER), offload)
    client = TargetClient(Egress(LOOPBACK, Signer(SEALER), AGENT, encoder=encoder), DeliveryLimits(), [seen])
    try:
        yield Caller(client, seen.calls), store, offloaded
    finally:
        await client.close()


def getting(kind: PayloadType, url: str, key: PublicKey | None = None) -> Target:
    return replace(target(url), payload_type=kind, public_key=key)


def verified(token: bytes) -> bytes:
    return jws.deserialize_compact(token, import_key(json.loads(MADE.public_jwk)), algorithms=["ES256"]).payload


def decrypted(token: bytes) -> bytes:
    registry = jwe.JWERegistry(algorithms=["ECDH-ES+A256KW", "A256GCM"])
    found = jwe.decrypt_compact(token, ECKey(PRIVATE, PRIVATE), registry=registry).plaintext
    assert found is not None
    return found


async def test_a_jwt_is_the_payload_byte_for_byte_with_the_signature_of_the_body_as_sent(server: TargetServer) -> None:
    async with token_caller() as (caller, _, offloaded):
        await caller.call(getting(PayloadType.JWT, server.url("/ok")), body=BODY)
    (received,) = server.requests
    assert verified(received.body) == BODY
    verify(received.header("zitadel-signature"), received.body, "a signing key")
    assert received.header("content-type") == "application/json"
    assert offloaded == []


async def test_a_jwe_holds_the_jwt(server: TargetServer) -> None:
    async with token_caller() as (caller, _, _):
        await caller.call(getting(PayloadType.JWE, server.url("/ok"), PUBLIC), body=BODY)
    (received,) = server.requests
    assert verified(decrypted(received.body)) == BODY


async def test_a_delivery_has_the_webhook_signature_of_the_body_as_sent(server: TargetServer) -> None:
    async with token_caller() as (caller, _, _):
        result = await caller.attempt(getting(PayloadType.JWE, server.url("/ok"), PUBLIC))
    (received,) = server.requests
    assert result.outcome == "ok"
    Webhook(whsec("a signing key")).verify(received.body, dict(received.headers), json_parse=False)


async def test_a_background_call_gets_a_token(server: TargetServer) -> None:
    async with token_caller() as (caller, _, _):
        caller.start(replace(getting(PayloadType.JWT, server.url("/ok")), type=TargetType.ASYNC), body=BODY)
        await caller.client.wait_idle()
    assert verified(server.requests[0].body) == BODY


async def test_large_payloads_alone_are_encoded_off_the_event_loop(server: TargetServer) -> None:
    async with token_caller() as (caller, _, offloaded):
        await caller.call(getting(PayloadType.JWT, server.url("/ok")), body=b"x" * (OFFLOAD_BYTES - 1))
        assert offloaded == []
        await caller.call(getting(PayloadType.JWT, server.url("/ok")), body=b"x" * OFFLOAD_BYTES)
        assert offloaded == ["1"]
        await caller.call(target(server.url("/ok")), body=b"x" * OFFLOAD_BYTES)
        assert offloaded == ["1"]


@pytest.mark.parametrize(
    "key", [None, replace(PUBLIC, expires_at_ns=1), replace(PUBLIC, pem=b"no key")], ids=["none", "expired", "broken"]
)
async def test_without_an_active_public_key_no_jwe_is_sent(server: TargetServer, key: PublicKey | None) -> None:
    async with token_caller() as (caller, _, _):
        called = getting(PayloadType.JWE, server.url("/ok"), key)
        with pytest.raises(TargetFailedError) as caught:
            await caller.client.call(request_to(called), whole)
        assert caught.value.lacks_public_key
        assert (await caller.attempt(called)).outcome == "no_public_key"
        assert caller.outcomes() == ["no_public_key"] * 2
    assert server.paths() == []


@pytest.mark.parametrize("made", [None, LOST], ids=["none", "lost"])
@pytest.mark.parametrize("kind", [PayloadType.JWT, PayloadType.JWE])
async def test_without_an_instance_key_that_can_sign_nothing_is_sent(
    server: TargetServer, made: NewKey | None, kind: PayloadType
) -> None:
    async with token_caller(made) as (caller, _, _):
        assert await caller.outcome(getting(kind, server.url("/ok"), PUBLIC)) == "key_unavailable"
    assert server.paths() == []


async def test_while_the_keys_cannot_be_read_nothing_is_sent(
    server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StoreUnavailableError

    async with token_caller() as (caller, store, _):
        monkeypatch.setattr(store, "instance_keys", fail)
        assert await caller.outcome(getting(PayloadType.JWT, server.url("/ok"))) == "key_unavailable"
    assert server.paths() == []


async def test_a_client_without_an_encoder_sends_json_alone(caller: Caller, server: TargetServer) -> None:
    assert await caller.outcome(target(server.url("/ok"))) == "ok"
    assert await caller.outcome(getting(PayloadType.JWT, server.url("/ok"))) == "key_unavailable"


async def test_a_target_without_a_public_key_is_named_as_an_obstacle(server: TargetServer) -> None:
    async with token_caller() as (caller, _, _):
        called = getting(PayloadType.JWE, server.url("/ok"))
        (found,) = await caller.client.obstacles(called, KEYS)
        assert found.kind is ObstacleKind.PUBLIC_KEY_MISSING
        assert await caller.client.obstacles(replace(called, public_key=PUBLIC), KEYS) == []
        assert await caller.client.obstacles(getting(PayloadType.JWT, server.url("/ok")), KEYS) == []


async def test_an_instance_key_that_cannot_sign_is_an_obstacle_for_tokens_alone(server: TargetServer) -> None:
    async with token_caller(LOST) as (caller, _, _):
        (found,) = await caller.client.obstacles(getting(PayloadType.JWT, server.url("/ok")), KEYS)
        assert found.kind is ObstacleKind.KEY_UNREADABLE
        assert await caller.client.obstacles(target(server.url("/ok")), KEYS) == []
