"""Rows: what methods of v2 and v2beta require, under the names that tokens hold, and who sees signing keys."""

from collections.abc import Iterable
from dataclasses import replace

from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2
from google.protobuf.duration_pb2 import Duration

from tests.parity import callers, rows_auth
from tests.parity.calls import FUNCTIONS, answer, id_of
from tests.parity.rows_fields import ONE_TYPE, TOO_SHORT
from tests.parity.scenario import JSON, PROTOBUF, Scenario, exhaustive, representative
from tests.parity.v2_calls import LIMIT_TOO_HIGH, NO_CONDITION, READER, V2, VERSIONS, Version
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome

_MY_READER = f"{{token}}{READER}"


def _calls(version: Version) -> Iterable[tuple[str, Call, Outcome]]:
    """Yield the permission that each method requires; a call that comes to nothing even with it; and what that says."""
    pb = version.pb
    yield (
        callers.WRITE_TARGETS,
        version.call(pb.CreateTargetRequest()),
        expect.violations(name=TOO_SHORT, target_type=ONE_TYPE, endpoint=TOO_SHORT),
    )
    yield callers.WRITE_TARGETS, version.update("1"), expect.TARGET_TO_CHANGE_UNKNOWN
    yield callers.DELETE_TARGETS, version.delete("1"), version.never_there()
    yield callers.READ_TARGETS, version.get("1"), expect.UNKNOWN_TARGET
    yield callers.READ_TARGETS, version.list_targets(limit=1001), LIMIT_TOO_HIGH
    yield callers.WRITE, version.set_execution(None), NO_CONDITION
    yield callers.READ, version.list_executions(limit=1001), LIMIT_TOO_HIGH
    if version is V2:
        missing = expect.business(expect.FAILED_PRECONDITION, "COMMAND-SAF4g", "Target not found", "TARGET_NOT_FOUND")
        ids = {"target_id": "1", "key_id": "1"}
        yield (
            callers.WRITE_TARGETS,
            version.call(v2.AddPublicKeyRequest(target_id="1")),
            expect.violations(public_key="must be at least 1 bytes"),
        )
        yield callers.WRITE_TARGETS, version.call(v2.ActivatePublicKeyRequest(**ids)), missing
        yield callers.WRITE_TARGETS, version.call(v2.DeactivatePublicKeyRequest(**ids)), missing
        yield (
            callers.WRITE_TARGETS,
            version.call(v2.RemovePublicKeyRequest(**ids)),
            answer(v2.RemovePublicKeyResponse()),
        )
        yield (
            callers.READ_TARGETS,
            version.call(v2.ListPublicKeysRequest(target_id="1", pagination={"limit": 1001})),
            LIMIT_TOO_HIGH,
        )


def _by(call: Call, secret: str) -> Call:
    return replace(call, authorization=f"Bearer {secret}")


def _enough(version: Version) -> Iterable[Scenario]:
    for permission, call, expected in _calls(version):
        id = f"{version.name}: {call.method} with {permission} alone"
        yield Scenario(id, _by(call, callers.only(permission)), expected)


def _lacking(version: Version) -> Iterable[Scenario]:
    for permission, call, _ in _calls(version):
        yield Scenario(
            f"{version.name}: {call.method} with all but {permission}",
            _by(call, callers.all_but(permission)),
            expect.PERMISSION_MISSING,
        )


def _anonymous(version: Version) -> Iterable[Scenario]:
    calls = [call for _, call, _ in _calls(version)]
    for call in (*calls, version.call(version.pb.ListExecutionFunctionsRequest())):
        yield Scenario(
            f"{version.name}: {call.method} without a token, as JSON",
            replace(call, authorization=None),
            expect.TOKEN_MISSING,
            only=JSON,
        )
        yield Scenario(
            f"{version.name}: {call.method} without a token, of bytes that are no request",
            replace(call, message=None, wire=b"\xff\xff", authorization=None),
            expect.TOKEN_MISSING,
            only=PROTOBUF,
        )


def _catalogues(version: Version) -> Iterable[Scenario]:
    call = version.call(version.pb.ListExecutionFunctionsRequest())
    listed = answer(version.pb.ListExecutionFunctionsResponse(functions=sorted(FUNCTIONS)))
    for what, secret, expected in (
        ("no permission", rows_auth.POWERLESS, listed),
        ("a permission of something else", callers.only(callers.PUBLISH), listed),
        ("an expired token", rows_auth.EXPIRED, expect.TOKEN_INVALID),
        ("a revoked token", rows_auth.REVOKED, expect.TOKEN_INVALID),
        ("a token that nobody was given", "nobody-was-given-this", expect.TOKEN_INVALID),
    ):
        yield Scenario(f"{version.name}: a catalogue with {what}", _by(call, secret), expected)


def _signing_keys(version: Version) -> Iterable[Scenario]:
    id = f"{version.name}: a target's signing key is for those who may change it"
    target = version.target(id)
    hidden = version.target(id, signing_key="")
    yield Scenario(
        id,
        version.get(target.id, by=_MY_READER),
        version.found(hidden),
        before=(version.create(id),),
        then=(
            (version.get(target.id), version.found(target)),
            (version.list_targets(version.with_ids(target.id)), version.targets_listed(target)),
            (
                version.list_targets(version.with_ids(target.id), by=_MY_READER),
                version.targets_listed(hidden),
            ),
        ),
    )
    id = f"{version.name}: who may only read gets no new signing key"
    yield Scenario(
        id,
        version.update(id_of(id), expiration_signing_key=Duration(), by=_MY_READER),
        expect.PERMISSION_MISSING,
        before=(version.create(id),),
        then=((version.get(id_of(id)), version.found(version.target(id))),),
    )


ROWS = [
    row
    for version in VERSIONS
    for table in (
        representative(_enough(version)),
        representative(_catalogues(version)),
        representative(_signing_keys(version)),
        exhaustive(_lacking(version)),
        exhaustive(_anonymous(version)),
    )
    for row in table
]
