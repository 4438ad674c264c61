"""What a row of the table is, over which drivers it runs, and the words in which rows are written.

Every table says of its rows whether they are `representative` or `exhaustive`:

- A representative row runs over every driver that can express it. What protocols and their servers decide for
  themselves is shown by such rows: framing, headers, paths, credentials, limits.
- An exhaustive row shows one more case of a rule that is decided behind the decoders, on the message that they have
  made of the bytes. It runs over one driver of each decoder: protobuf's, our JSON codec, Envoy's transcoder. The first
  row of its table with each kind of outcome runs over every driver all the same, so that every kind of error and every
  shape of response is seen over each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, request

GRPC = frozenset({"grpc"})
GRPC_WEB = frozenset({"grpc-web"})
JSON = frozenset({"json"})
CONNECT = frozenset({"connect"})
HTTP = GRPC_WEB | JSON
PROTOBUF = GRPC | GRPC_WEB
ALL = GRPC | GRPC_WEB | JSON | CONNECT

ONE_PER_DECODER = frozenset({"grpc", "json", "envoy-json"})


class Reach(Enum):
    """Over which of the drivers that can express it a row runs."""

    EVERY_DRIVER = "every driver"
    ONE_PER_DECODER = "one driver of each decoder"


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
    reach: Reach | None = None
    """None until its table is marked, as every table is."""

    def runs_over(self, driver: str, protocol: str) -> bool:
        """Whether it is run over a driver of this protocol, exceptions aside."""
        return protocol in self.only and (self.reach is not Reach.ONE_PER_DECODER or driver in ONE_PER_DECODER)

    @property
    def kind(self) -> object:
        """What its outcome has in common with others: the response's type, or the error's code, details and ids."""
        details = [(detail["@type"], detail.get("id"), detail.get("reason")) for detail in self.expected.details]
        return self.call.method if self.expected.code == 0 else (self.expected.code, *details)


def representative(rows: Iterable[Scenario]) -> list[Scenario]:
    """A table whose rows run over every driver."""
    return [replace(row, reach=Reach.EVERY_DRIVER) for row in rows]


def exhaustive(rows: Iterable[Scenario]) -> list[Scenario]:
    """A table whose rows run over one driver of each decoder, but for the first of each kind of outcome."""
    return list(_marked(rows))


def _marked(rows: Iterable[Scenario]) -> Iterator[Scenario]:
    seen = set()
    for row in rows:
        is_first = (row.kind, row.only) not in seen
        seen.add((row.kind, row.only))
        yield replace(row, reach=Reach.EVERY_DRIVER if is_first else Reach.ONE_PER_DECODER)


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
