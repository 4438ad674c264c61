"""Rows: the public keys of targets, which v2 alone has."""

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

from actiond_protos.zitadel.action.v2 import action_service_pb2 as pb
from actiond_protos.zitadel.action.v2 import query_pb2, target_pb2
from actiond_protos.zitadel.filter.v2 import filter_pb2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.timestamp_pb2 import Timestamp

from tests.parity.calls import answer, id_of
from tests.parity.rows_fields import ENVOY_NO_SUCH_PATH, FOREIGN_ID, LONG_NAME, NO_SUCH_PATH, REQUIRED, TOO_SHORT
from tests.parity.scenario import JSON, PROTOBUF, Differs, Scenario, exhaustive, representative
from tests.parity.v2_calls import JUST_NOW, LIMIT_TOO_HIGH, V2, public_key_id
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome

_HOUR = 3600
_NOW = int(time.time())
_LATEST = 9_223_372_036
_BLOCK = 'must be one PEM block labelled "PUBLIC KEY", and nothing else'
_ENUM = "value must be one of the defined enum values"


def _pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


_RSA = _pem(rsa.generate_private_key(65537, 2048))
_P256 = _pem(ec.generate_private_key(ec.SECP256R1()))
_P521 = _pem(ec.generate_private_key(ec.SECP521R1()))
_ED25519 = _pem(ed25519.Ed25519PrivateKey.generate())
_SHORT_RSA = _pem(rsa.generate_private_key(65537, 1024))  # noqa: S505  # that it is refused is the point


def _fingerprint(pem: bytes) -> str:
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip('=')}"


def _in_hours(hours: int) -> Timestamp:
    return Timestamp(seconds=_NOW + hours * _HOUR)


def add(target_id: str, pem: bytes = _P256, expires: Timestamp | None = None) -> Call:
    return V2.call(pb.AddPublicKeyRequest(target_id=target_id, public_key=pem, expiration_date=expires))


def _activate(target_id: str, key_id: str) -> Call:
    return V2.call(pb.ActivatePublicKeyRequest(target_id=target_id, key_id=key_id))


def _deactivate(target_id: str, key_id: str) -> Call:
    return V2.call(pb.DeactivatePublicKeyRequest(target_id=target_id, key_id=key_id))


def _remove(target_id: str, key_id: str) -> Call:
    return V2.call(pb.RemovePublicKeyRequest(target_id=target_id, key_id=key_id))


def _list(target_id: str, *filters: query_pb2.PublicKeySearchFilter, column: int = 0, **page: Any) -> Call:
    request = pb.ListPublicKeysRequest(target_id=target_id, sorting_column=column, filters=filters)  # type: ignore[arg-type]  # its numbers are ints
    if page:
        request.pagination.CopyFrom(filter_pb2.PaginationRequest(**page))
    return V2.call(request)


def _added(number: int) -> Outcome:
    return answer(pb.AddPublicKeyResponse(key_id=public_key_id(number), creation_date=JUST_NOW))


_ACTIVATED = answer(pb.ActivatePublicKeyResponse(change_date=JUST_NOW))
_DEACTIVATED = answer(pb.DeactivatePublicKeyResponse(change_date=JUST_NOW))
_REMOVED = answer(pb.RemovePublicKeyResponse(deletion_date=JUST_NOW))
_NEVER_THERE = answer(pb.RemovePublicKeyResponse())


def _shown(
    number: int, pem: bytes = _P256, *, active: bool = False, expires: Timestamp | None = None
) -> target_pb2.PublicKey:
    return target_pb2.PublicKey(
        key_id=public_key_id(number),
        active=active,
        public_key=pem,
        fingerprint=_fingerprint(pem),
        expiration_date=expires,
        creation_date=JUST_NOW,
        change_date=JUST_NOW,
    )


def _listed(*keys: target_pb2.PublicKey, total: int | None = None, limit: int = 1000) -> Outcome:
    page = filter_pb2.PaginationResponse(total_result=len(keys) if total is None else total, applied_limit=limit)
    return answer(pb.ListPublicKeysResponse(pagination=page, public_keys=keys))


def _no_target(id: str) -> Outcome:
    return expect.business(expect.FAILED_PRECONDITION, id, "Target not found", "TARGET_NOT_FOUND")


_NO_KEY = expect.business(
    expect.FAILED_PRECONDITION,
    "COMMAND-SAF4g",
    "Target not found",
    "PUBLIC_KEY_NOT_FOUND",
    field=("key_id", "names no key of the target"),
)
_ACTIVE = expect.business(
    expect.FAILED_PRECONDITION,
    "ErrPublicKeyDeleteActiveKey",
    "Errors.Target.PublicKeyActive",
    "PUBLIC_KEY_ACTIVE",
    field=("key_id", "names the active key, which must be deactivated first"),
)
_EXPIRED = expect.business(
    expect.INVALID_ARGUMENT,
    "ErrExpirationDateBeforeNow",
    "Errors.Target.InvalidExpirationDate",
    "EXPIRATION_DATE_PASSED",
    field=("expiration_date", "must be in the future"),
)


def _invalid(rule: str) -> Outcome:
    return expect.business(
        expect.INVALID_ARGUMENT,
        "ErrPublicKeyFormat",
        "Errors.Target.InvalidPublicKey",
        "PUBLIC_KEY_INVALID",
        field=("public_key", rule),
    )


def _row(
    id: str, call: Call, expected: Outcome, *before: Call, then: tuple[tuple[Call, Outcome], ...] = ()
) -> Scenario:
    """A row of the target that has its id as its name."""
    return Scenario(id, call, expected, before=(V2.create(id), *before), then=then)


def _good() -> Iterator[Scenario]:
    for what, pem, expires in (
        ("RSA", _RSA, None),
        ("P-256", _P256, None),
        ("P-521 that expires", _P521, _in_hours(1)),
        ("P-256 that expires as late as it can", _P256, Timestamp(seconds=_LATEST - 1, nanos=999_999_999)),
    ):
        id = f"v2: adding a public key of {what}, which is not active"
        yield _row(
            id,
            add(id_of(id), pem, expires),
            _added(1),
            then=((_list(id_of(id)), _listed(_shown(1, pem, expires=expires))),),
        )
    one, two = public_key_id(1), public_key_id(2)
    id = "v2: the whole life of public keys"
    target = id_of(id)
    yield _row(
        id,
        _activate(target, one),
        _ACTIVATED,
        add(target, _RSA),
        add(target, _P521),
        then=(
            (_list(target), _listed(_shown(2, _P521), _shown(1, _RSA, active=True))),
            (_activate(target, two), _ACTIVATED),
            (_list(target), _listed(_shown(2, _P521, active=True), _shown(1, _RSA))),
            (_activate(target, two), _ACTIVATED),
            (_remove(target, two), _ACTIVE),
            (_remove(target, one), _REMOVED),
            (_list(target), _listed(_shown(2, _P521, active=True))),
            (_deactivate(target, two), _DEACTIVATED),
            (_list(target), _listed(_shown(2, _P521))),
            (_deactivate(target, two), _DEACTIVATED),
            (_remove(target, two), _REMOVED),
            (_remove(target, two), _NEVER_THERE),
            (_list(target), _listed()),
        ),
    )
    id = "v2: adding a public key that the target has, which is another then"
    yield _row(id, add(id_of(id)), _added(2), add(id_of(id)), then=((_list(id_of(id)), _listed(_shown(2), _shown(1))),))
    id = "v2: the public keys of a target that is deleted go with it"
    yield _row(
        id,
        _list(id_of(id)),
        _listed(),
        add(id_of(id)),
        _activate(id_of(id), one),
        V2.delete(id_of(id)),
        then=((_activate(id_of(id), one), _no_target("COMMAND-SAF4g")),),
    )


def _unknown() -> Iterator[Scenario]:
    for whose, target_id in (("nobody's target", "1"), ("another owner's target", FOREIGN_ID)):
        yield Scenario(f"v2: adding a public key to {whose}", add(target_id), _no_target("COMMAND-nd3fsd"))
        for verb, call, expected in (
            ("activating", _activate, _no_target("COMMAND-SAF4g")),
            ("deactivating", _deactivate, _no_target("COMMAND-SAF4g")),
            ("removing", _remove, _NEVER_THERE),
        ):
            yield Scenario(f"v2: {verb} a public key of {whose}", call(target_id, "1"), expected)
        yield Scenario(f"v2: the public keys of {whose}", _list(target_id), _listed())
    for verb, call, expected in (
        ("activating", _activate, _NO_KEY),
        ("deactivating", _deactivate, _NO_KEY),
        ("removing", _remove, _NEVER_THERE),
    ):
        id = f"v2: {verb} a public key that its target does not have"
        yield _row(id, call(id_of(id), "1"), expected)
        id = f"{id}, but another has"
        other = f"{id}, and is this"
        yield _row(id, call(id_of(id), public_key_id(1)), expected, V2.create(other), add(id_of(other)))


def _wrong() -> Iterator[Scenario]:
    for what, pem, expected in (
        ("that is no PEM", b"no key", _invalid(_BLOCK)),
        ("that is called a private one", _P256.replace(b"PUBLIC KEY", b"PRIVATE KEY"), _invalid(_BLOCK)),
        ("of Ed25519", _ED25519, _invalid("must be an RSA key or one on an elliptic curve")),
        ("of RSA with 1024 bits", _SHORT_RSA, _invalid("must have from 2048 to 8192 bits")),
        ("that is empty", b"", expect.violations(public_key="must be at least 1 bytes")),
        ("of 8193 bytes", b"x" * 8193, expect.violations(public_key="must be at most 8192 bytes")),
    ):
        id = f"v2: adding a public key {what}"
        yield _row(id, add(id_of(id), pem), expected, then=((_list(id_of(id)), _listed()),))
    for what, expires in (("an hour ago", _in_hours(-1)), ("before the epoch", Timestamp(seconds=-1))):
        id = f"v2: adding a public key that has expired {what}"
        yield _row(id, add(id_of(id), expires=expires), _EXPIRED)
    yield Scenario(
        "v2: adding a public key that expires in the year 9999",
        add("1", expires=Timestamp(seconds=253_402_300_799)),
        expect.violations(expiration_date="must be less than 2262-04-11T23:47:16Z"),
    )
    # Envoy takes an empty segment for an id in the middle of a path, and not at its end.
    inside = {"json": NO_SUCH_PATH}
    empty = inside | {"envoy-json": ENVOY_NO_SUCH_PATH}
    yield Scenario(
        "v2: adding a public key to an empty id", add(""), expect.violations(target_id=TOO_SHORT), differs=inside
    )
    for verb, call, differs in (
        ("activating", _activate, inside),
        ("deactivating", _deactivate, inside),
        ("removing", _remove, empty),
    ):
        yield Scenario(
            f"v2: {verb} a public key of empty ids",
            call("", ""),
            expect.violations(target_id=TOO_SHORT, key_id=TOO_SHORT),
            differs=differs,
        )
        yield Scenario(
            f"v2: {verb} a public key of ids of 201 characters",
            call("1" * 201, "1" * 201),
            expect.violations(target_id=LONG_NAME, key_id=LONG_NAME),
        )
    yield Scenario(
        "v2: adding a public key that is no base64, as JSON",
        Call(
            "AddPublicKey",
            pb.AddPublicKeyRequest(target_id="1"),
            json='{"publicKey": "-----BEGIN PUBLIC KEY-----"}',
            service=V2.service,
        ),
        expect.violations(public_key="must be a string in base64"),
        only=JSON,
        differs={"envoy-json": Differs("Envoy's parser takes what it can of it")},
    )
    yield Scenario(
        "v2: adding a public key that expires after the last date",
        add("1", expires=Timestamp(seconds=2**62)),
        expect.violations(expiration_date="must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z"),
        only=PROTOBUF,
    )


def _ids(*ids: str) -> query_pb2.PublicKeySearchFilter:
    return query_pb2.PublicKeySearchFilter(key_ids_filter=filter_pb2.InIDsFilter(ids=ids))


def _is_active(active: bool) -> query_pb2.PublicKeySearchFilter:
    return query_pb2.PublicKeySearchFilter(active_filter=active)


def _expires(method: int, hours: int) -> query_pb2.PublicKeySearchFilter:
    return query_pb2.PublicKeySearchFilter(
        expiration_date_filter=filter_pb2.TimestampFilter(timestamp=_in_hours(hours), method=method)  # type: ignore[arg-type]  # its numbers are ints
    )


# Four keys: the first is the active one, the last does not expire.
_EXPIRATIONS = (3, 1, 2, None)
_EQUALS, _AFTER, _NOT_BEFORE, _BEFORE, _NOT_AFTER = range(5)
_BY_CREATION, _BY_CHANGE, _BY_EXPIRATION = 1, 2, 3


def _lists() -> Iterator[Scenario]:
    def row(what: str, numbers: Iterable[int], *filters: Any, column: int = 0, **page: Any) -> Scenario:
        id = f"v2: public keys {what}"
        target = id_of(id)
        dates = [None if hours is None else _in_hours(hours) for hours in _EXPIRATIONS]
        total, limit = page.pop("total", None), page.get("limit") or (100 if page else 1000)
        shown = [_shown(number, active=number == 1, expires=dates[number - 1]) for number in numbers]
        return _row(
            id,
            _list(target, *filters, column=column, **page),
            _listed(*shown, total=total, limit=limit),
            *(add(target, expires=date) for date in dates),
            _activate(target, public_key_id(1)),
        )

    yield row("without a pagination, the last added first", (4, 3, 2, 1))
    yield row("by creation, ascending", (1, 2, 3, 4), column=_BY_CREATION, asc=True)
    yield row("by change, ascending", (2, 3, 4, 1), column=_BY_CHANGE, asc=True)
    yield row("by change, descending", (1, 4, 3, 2), column=_BY_CHANGE)
    yield row("by expiration, ascending", (2, 3, 1, 4), column=_BY_EXPIRATION, asc=True)
    yield row("by expiration, descending", (1, 3, 2, 4), column=_BY_EXPIRATION)
    yield row("from the second, two of them", (3, 2), offset=1, limit=2, total=4)
    yield row("beyond the last", (), offset=2**64 - 1, total=4)
    yield row("with ids, of which one is unknown", (3, 1), _ids(public_key_id(1), "1", public_key_id(3)))
    yield row("with no ids, which none has", (), _ids())
    yield row("that are active", (1,), _is_active(True))
    yield row("that are not active", (4, 3, 2), _is_active(False))
    yield row("that expire at one moment", (3,), _expires(_EQUALS, 2))
    yield row("that expire after a moment", (1,), _expires(_AFTER, 2))
    yield row("that expire at a moment or after", (3, 1), _expires(_NOT_BEFORE, 2))
    yield row("that expire before a moment", (2,), _expires(_BEFORE, 2))
    yield row("that expire at a moment or before", (3, 2), _expires(_NOT_AFTER, 2))
    yield row("by two filters, which must both hold", (3,), _is_active(False), _expires(_NOT_BEFORE, 2))
    for limit in (1001, 2**32 - 1):
        yield Scenario(f"v2: public keys with a limit of {limit}", _list("1", limit=limit), LIMIT_TOO_HIGH)
    for what, expected, call in (
        ("a column that nobody knows", expect.violations(sorting_column=_ENUM), _list("1", column=4)),
        (
            "filters that say nothing",
            expect.violations(
                **{
                    "filters[0].filter": "exactly one field is required in oneof",
                    "filters[1].key_ids_filter.ids": "repeated value must contain unique items",
                    "filters[2].key_ids_filter.ids[0]": TOO_SHORT,
                    "filters[3].expiration_date_filter.timestamp": REQUIRED,
                    "filters[4].expiration_date_filter.method": _ENUM,
                }
            ),
            _list(
                "1",
                query_pb2.PublicKeySearchFilter(),
                _ids("1", "1"),
                _ids(""),
                query_pb2.PublicKeySearchFilter(expiration_date_filter=filter_pb2.TimestampFilter()),
                _expires(5, 1),
            ),
        ),
        (
            "101 filters",
            expect.violations(filters="must contain no more than 100 item(s)"),
            _list("1", *[_is_active(True)] * 101),
        ),
    ):
        yield Scenario(f"v2: public keys by {what}", call, expected)


ROWS = [
    *representative(_good()),
    *exhaustive(_unknown()),
    *exhaustive(_wrong()),
    *exhaustive(_lists()),
]
