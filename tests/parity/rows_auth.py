"""Rows: who may call. Auth stands before the body, so each row's fault is the only one that is ever named."""

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest

from tests.parity.scenario import JSON, PROTOBUF, Differs, Scenario, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, get, request

EXPIRED = "an-expired-token"
REVOKED = "a-revoked-token"
READER = "a-token-that-only-reads"
WRITER = "a-token-that-only-writes"
POWERLESS = "a-token-without-permissions"
POWERLESS_OWNER = "100000000000000001"


def _row(id: str, authorization: str | None, expected: Outcome) -> Scenario:
    return Scenario(id, create(request(id), authorization=authorization), expected)


CREDENTIALS = [
    _row("no token", None, expect.TOKEN_MISSING),
    _row("a token that nobody was given", "Bearer nobody-was-given-this", expect.TOKEN_INVALID),
    _row("credentials that are not Bearer", "Basic {token}", expect.TOKEN_INVALID),
    _row("a token without its scheme", "{token}", expect.TOKEN_INVALID),
    _row("a scheme without its token", "Bearer", expect.TOKEN_INVALID),
    _row("a token and then some", "Bearer {token} more", expect.TOKEN_INVALID),
    _row("a token in another letter case", "Bearer {TOKEN}", expect.TOKEN_INVALID),
    _row("an expired token", f"Bearer {EXPIRED}", expect.TOKEN_INVALID),
    _row("a revoked token", f"Bearer {REVOKED}", expect.TOKEN_INVALID),
    _row("a token that may only read", f"Bearer {READER}", expect.PERMISSION_MISSING),
    _row("a token that may do nothing", f"Bearer {POWERLESS}", expect.PERMISSION_MISSING),
    Scenario(
        "two tokens", create(request("two tokens"), metadata=(("authorization", "Bearer x"),)), expect.TOKEN_INVALID
    ),
    Scenario(
        "reading with a token that may only write",
        get("1", authorization=f"Bearer {WRITER}"),
        expect.PERMISSION_MISSING,
    ),
    Scenario("reading without a token", get("1", authorization=None), expect.TOKEN_MISSING),
]

ORDER = [
    Scenario(
        "a request full of faults without a token",
        create(CreateTargetRequest(), authorization=None),
        expect.TOKEN_MISSING,
    ),
    Scenario(
        "a request full of faults without the permission",
        create(CreateTargetRequest(), authorization=f"Bearer {READER}"),
        expect.PERMISSION_MISSING,
    ),
    Scenario(
        "malformed JSON without a token",
        Call("CreateTarget", json='{"name":', authorization=None),
        expect.TOKEN_MISSING,
        only=JSON,
        differs={"envoy-json": Differs("Envoy reads the body while it asks us, and whoever is first answers")},
    ),
    Scenario(
        "malformed protobuf without a token",
        Call("CreateTarget", wire=b"\xff\xff", authorization=None),
        expect.TOKEN_MISSING,
        only=PROTOBUF,
    ),
]

ROWS = [
    *representative(CREDENTIALS),
    *representative(ORDER),
]
