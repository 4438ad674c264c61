"""What rows cannot say of public keys: how many there may be, and what becomes of one as time passes."""

import time
from typing import Any

from actiond_protos.zitadel.action.v2 import action_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from tests.parity.rows_v2_public_keys import add
from tests.parity.run import Run
from tests.parity.service import owner_of, token_of
from tests.parity.v2_calls import V2
from tests.support.action_service import expect
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import Call, Outcome
from tests.support.waiting import until

MAX_KEYS = 100
TOO_MANY = expect.business(
    expect.RESOURCE_EXHAUSTED,
    "ACTIOND-public-keys",
    "Too many public keys",
    "TOO_MANY_PUBLIC_KEYS",
    field=("target_id", "a target has at most 100 public keys"),
)
EXPIRED = expect.business(
    expect.FAILED_PRECONDITION,
    "COMMAND-SAF4g",
    "Errors.Target.PublicKeyExpired",
    "PUBLIC_KEY_EXPIRED",
    field=("key_id", "has expired"),
)


def _run(drivers: dict[str, Driver]) -> Run:
    return Run(drivers["connect"], token_of("connect"), owner_of("connect"))


def _response(outcome: Outcome) -> Any:
    assert outcome.code == 0, outcome
    return outcome.response


def test_a_target_has_no_more_than_a_hundred_keys(drivers: dict[str, Driver]) -> None:
    run = _run(drivers)
    target_id = _response(run(V2.create("v2: a target with many keys"))).id
    keys = [_response(run(add(target_id))).key_id for _ in range(MAX_KEYS)]
    refused = run(add(target_id))
    assert (refused.code, refused.message, refused.details) == (TOO_MANY.code, TOO_MANY.message, TOO_MANY.details)
    _response(run(V2.call(pb.RemovePublicKeyRequest(target_id=target_id, key_id=keys[0]))))
    _response(run(add(target_id)))


def test_a_key_that_has_expired_cannot_be_activated(drivers: dict[str, Driver]) -> None:
    run = _run(drivers)
    target_id = _response(run(V2.create("v2: a target whose key expires"))).id
    expires = Timestamp()
    expires.FromNanoseconds(time.time_ns() + 500_000_000)
    key_id = _response(run(add(target_id, expires=expires))).key_id
    activate: Call = V2.call(pb.ActivatePublicKeyRequest(target_id=target_id, key_id=key_id))
    until(lambda: run(activate).code != 0, "the key has expired")
    refused = run(activate)
    assert (refused.code, refused.message, refused.details) == (EXPIRED.code, EXPIRED.message, EXPIRED.details)
    # One that was activated before can still be deactivated, and removed.
    _response(run(V2.call(pb.DeactivatePublicKeyRequest(target_id=target_id, key_id=key_id))))
    _response(run(V2.call(pb.RemovePublicKeyRequest(target_id=target_id, key_id=key_id))))
