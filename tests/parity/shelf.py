"""What the rows on lists look at: targets and executions with ids and dates of their own, which no row ever changes.

They are put into the store, since no call can say when it is made.
"""

from dataclasses import dataclass
from typing import Any

from actiond_protos.zitadel.action.v3alpha import target_pb2
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition, Execution
from actiond_protos.zitadel.object.v2.object_pb2 import Details
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from actiond.actions import executions
from actiond.actions.events import Event
from actiond.actions.ports import Store, Transaction
from actiond.actions.targets import Target, TargetType
from actiond.api.conditions import condition_of
from tests.parity import calls
from tests.parity.callers import Caller
from tests.parity.calls import Step, on_event, on_function, on_request, on_response
from tests.support.action_service.model import SERVICE

OWNER = "320000000000000001"
CROWDED_OWNER = "320000000000000002"
TOKEN = "a-token-for-the-shelf"
CROWDED_TOKEN = "a-token-for-the-crowded-shelf"
CALLERS = (Caller(TOKEN, OWNER), Caller(CROWDED_TOKEN, CROWDED_OWNER))

_EPOCH = 1_717_200_000
"""June 2024, in seconds."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A target. `created` and `changed` count seconds from the epoch of the shelf."""

    id: str
    name: str
    type: TargetType
    interrupts: bool
    timeout: Duration
    endpoint: str
    created: int
    changed: int

    def message(self, owner: str = OWNER) -> target_pb2.Target:
        """As the API is to answer it."""
        kinds: dict[TargetType, dict[str, Any]] = {
            TargetType.WEBHOOK: {"rest_webhook": target_pb2.SetRESTWebhook(interrupt_on_error=self.interrupts)},
            TargetType.CALL: {"rest_call": target_pb2.SetRESTCall(interrupt_on_error=self.interrupts)},
            TargetType.ASYNC: {"rest_async": target_pb2.SetRESTAsync()},
        }
        said = CreateTargetRequest(
            name=self.name,
            timeout=self.timeout,
            endpoint=self.endpoint,
            **kinds[self.type],
        )
        details = Details(sequence=2, change_date=_time(self.changed), resource_owner=owner)
        return calls.target(said, details, self.id)

    def dates(self) -> tuple[Timestamp, Timestamp]:
        """When it was created and changed."""
        return _time(self.created), _time(self.changed)

    def stored(self, owner: str) -> Target:
        return Target(
            id=self.id,
            owner=owner,
            name=self.name,
            type=self.type,
            interrupt_on_error=self.interrupts,
            timeout_ns=self.timeout.seconds * 10**9 + self.timeout.nanos,
            endpoint=self.endpoint,
            sequence=2,
            created_at_ns=_ns(self.created),
            changed_at_ns=_ns(self.changed),
        )


_WEBHOOK, _CALL, _ASYNC = TargetType.WEBHOOK, TargetType.CALL, TargetType.ASYNC
_AGES = Duration(seconds=315_576_000_000)

A = Shelved("7", "Alpha", _WEBHOOK, True, Duration(seconds=30), "https://b.example/", 3, 9)
B = Shelved("20", "alphabet", _CALL, False, Duration(seconds=1, nanos=500_000_000), "https://a.example/", 1, 5)
C = Shelved("100", "BETA", _ASYNC, False, _AGES, "https://d.example/", 2, 8)
D = Shelved("101", "Straße", _CALL, True, Duration(nanos=1), "https://c.example/", 5, 6)
E = Shelved("3000", "100%_\\", _WEBHOOK, False, Duration(seconds=2), "https://f.example/", 6, 7)
F = Shelved("20000", "Big ΟΔΟΣ", _ASYNC, False, Duration(seconds=10), "https://e.example/", 4, 10)
TARGETS = (A, B, C, D, E, F)
"""In the order of their ids, which is that of numbers and not of texts."""

CROWD = tuple(
    Shelved(
        str(1_000_000 + number),
        f"one of many, {number}",
        _ASYNC,
        False,
        Duration(seconds=1),
        "https://example.com/",
        0,
        0,
    )
    for number in range(120)
)
"""More than one page of the default length."""

_METHOD = f"/{SERVICE}/"
ALL_EVENTS = on_event(all=True)
EVENT_GROUP = on_event(group="target")
ONE_EVENT = on_event(event="target.added")
FIRST = on_function("first")
SECOND = on_function("second")
ALL_REQUESTS = on_request(all=True)
SERVICE_REQUESTS = on_request(service=SERVICE)
ONE_REQUEST = on_request(method=f"{_METHOD}CreateTarget")
ALL_RESPONSES = on_response(all=True)
ONE_RESPONSE = on_response(method=f"{_METHOD}DeleteTarget")

# In the order of their keys. What fits a call that the rows on lists make has no steps: nobody is to be called.
_EXECUTIONS: tuple[tuple[Condition, tuple[Step, ...]], ...] = (
    (ALL_EVENTS, (A.id, FIRST)),
    (EVENT_GROUP, (C.id,)),
    (ONE_EVENT, (EVENT_GROUP, B.id)),
    (FIRST, (B.id, A.id)),
    (SECOND, ()),
    (ALL_REQUESTS, ()),
    (SERVICE_REQUESTS, ()),
    (ONE_REQUEST, (A.id,)),
    (ALL_RESPONSES, ()),
    (ONE_RESPONSE, (B.id,)),
)
CONDITIONS = tuple(condition for condition, _ in _EXECUTIONS)
_CREATED = (-6, -10, -1, -8, -3, -9, -2, -7, -4, -5)
_CHANGED = (0, 5, 3, 9, 1, 2, 4, 8, 7, 6)
"""When each was created and changed, in seconds from the epoch of the shelf."""


def execution(condition: Condition) -> Execution:
    """The execution of one of the conditions as the API is to answer it."""
    place = CONDITIONS.index(condition)
    details = Details(sequence=2, change_date=_time(_CHANGED[place]), resource_owner=OWNER)
    return Execution(Condition=condition, details=details, targets=calls.steps_of(_EXECUTIONS[place][1]))


def dates(condition: Condition) -> tuple[Timestamp, Timestamp]:
    """When the execution of one of the conditions was created and changed."""
    place = CONDITIONS.index(condition)
    return _time(_CREATED[place]), _time(_CHANGED[place])


async def fill(store: Store) -> None:
    """Puts everything where it belongs, in one transaction."""

    def change(transaction: Transaction) -> None:
        for owner, targets in ((OWNER, TARGETS), (CROWDED_OWNER, CROWD)):
            for shelved in targets:
                target = shelved.stored(owner)
                event = Event(owner, "target", target.id, 2, "target.changed", {}, "tests", target.changed_at_ns)
                transaction.targets.insert(target, ())
                transaction.append(event)
        # First without steps: what is included has to be there.
        for place, (condition, _) in enumerate(_EXECUTIONS):
            _put(transaction, condition, (), 1, _ns(place))
        for place, (condition, steps) in enumerate(_EXECUTIONS):
            _put(transaction, condition, steps, 2, _ns(_CHANGED[place]))

    await store.write(change)


def _put(transaction: Transaction, condition: Condition, steps: tuple[Step, ...], sequence: int, at_ns: int) -> None:
    key = condition_of(condition)
    stored = tuple(step if isinstance(step, str) else condition_of(step) for step in steps)
    execution = executions.Execution(OWNER, key, stored, sequence, _ns(_CREATED[CONDITIONS.index(condition)]), at_ns)
    event = Event(OWNER, "execution", f"{OWNER}/{key.key}", sequence, "execution.set", {}, "tests", at_ns)
    transaction.executions.put(execution)
    transaction.append(event)


def _ns(seconds: int) -> int:
    return (_EPOCH + seconds) * 10**9


def _time(seconds: int) -> Timestamp:
    return Timestamp(seconds=_EPOCH + seconds)
