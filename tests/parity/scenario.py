"""What a row of the table is, and the words in which rows are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, request

GRPC = frozenset({"grpc"})
GRPC_WEB = frozenset({"grpc-web"})
JSON = frozenset({"json"})
HTTP = GRPC_WEB | JSON
PROTOBUF = GRPC | GRPC_WEB
ALL = GRPC | GRPC_WEB | JSON


@dataclass(frozen=True, slots=True)
class Differs:
    """Where one driver's answer is not the row's, and why. Without `code` the row is not run over that driver."""

    why: str
    code: int | None = None
    message: str | None = None
    """None when the words are not ours."""
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: a sentence, a call, and what comes of it over every protocol that can express the call."""

    id: str
    call: Call
    expected: Outcome
    only: frozenset[str] = ALL
    """The protocols that can express it."""
    before: tuple[Call, ...] = ()
    """Calls that go first and succeed."""
    differs: Mapping[str, Differs] = field(default_factory=dict)
    """The exceptions, by the driver's name."""
    then: tuple[tuple[Call, Outcome], ...] = ()
    """Calls that come after, and what they show of the effect."""
    alone: bool = False
    """Whether it has a resource owner of its own. Executions want one: there is one of each condition."""


def good(id: str, **fields: Any) -> Scenario:
    """A target that is made, and named after the row unless the row says otherwise."""
    return Scenario(id, create(request(**{"name": id} | fields)), expect.CREATED)


def good_json(id: str, json: str, differs: Mapping[str, Differs] | None = None, **fields: Any) -> Scenario:
    """A target made by the text `json`, in which NAME stands for the row's id; `fields` are what it comes to."""
    call = create(request(**{"name": id} | fields), json=json.replace("NAME", id))
    return Scenario(id, call, expect.CREATED, only=JSON, differs=differs or {})


def bad(id: str, expected: Outcome, **fields: Any) -> Scenario:
    """A request that is refused for what it says."""
    return Scenario(id, create(request(**{"name": id} | fields)), expected)


ENVOY_READS_JSON = "Envoy reads JSON itself and refuses it in its own words, before auth and without details"
ENVOY_TAKES_IT = Differs("Envoy's parser is more lenient than RFC 8259 and proto3 JSON, and takes it")


def bad_json(id: str, json: str | bytes, expected: Outcome, *, envoy: Differs | None = None, **form: Any) -> Scenario:
    """A JSON text that is refused. Envoy's own parser speaks first, so there only the code is the same."""
    differs = {"envoy-json": envoy or Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    return Scenario(id, Call("CreateTarget", json=json, **form), expected, only=JSON, differs=differs)
