"""DeliveryService on a real port, with stand-ins for the use cases that note what they are asked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from actiond_protos.actiond.v1 import delivery_service_pb2_grpc

from actiond.actions.actors import Actor
from actiond.actions.deliveries import (
    Attempt,
    AttemptKind,
    DeathReason,
    Delivery,
    DeliveryState,
)
from actiond.actions.events import Event
from actiond.actions.ids import EPOCH_MS, TIME_SHIFT
from actiond.actions.ports import AttemptResult
from actiond.actions.queries import DeliveryFilter, DeliveryQuery, DeliveryRecord, TargetReport
from actiond.actions.tokens import ALL_PERMISSIONS
from actiond.actions.use_cases.deliveries import Bulk, DeliveryDetails
from actiond.actions.use_cases.publishing import NewEvent, Published
from actiond.actions.use_cases.tokens import Tokens
from actiond.actions.watching import WatchEvent
from actiond.api import errors
from actiond.api.authentication import Authenticator
from actiond.api.served import DELIVERY_SERVICE
from actiond.api.v1.errors import translate
from actiond.api.v1.service import DeliveryService
from actiond.api.v1.watching import Watches
from actiond.storage.memory import MemoryStore
from rpcfront import Gateway
from tests.support.tokens import make_token

OWNER = "310000000000000001"
INSTANCE = "300000000000000000"
TOKEN = "a-token"
BEARER = (("authorization", f"Bearer {TOKEN}"),)
CREATED_MS = 1_767_225_600_123
ID = CREATED_MS - EPOCH_MS << TIME_SHIFT
EVENT = Event(OWNER, "order", f"{OWNER}/4711", 2, "order.placed", {"total": 12}, "editor", CREATED_MS * 1_000_000 + 456)
DELIVERY = Delivery(
    id=ID,
    owner=OWNER,
    target_id="42",
    event_position=7,
    execution="event/order.placed",
    aggregate="order/4711",
    sequence=2,
    since_ms=CREATED_MS,
    state=DeliveryState.DEAD,
    due_ms=None,
    attempts=3,
    reason=DeathReason.ATTEMPTS,
    last_outcome="status",
    last_status=503,
    last_ms=CREATED_MS + 1,
)
RECORD = DeliveryRecord(DELIVERY, EVENT)
ATTEMPTS = (
    Attempt(ID, 1, OWNER, "42", 7, "event/order.placed", AttemptKind.QUEUED, CREATED_MS, 1_500, "timeout", None, 3),
    Attempt(ID, 2, OWNER, "42", 7, "event/order.placed", AttemptKind.MANUAL, CREATED_MS + 1, 9, "status", 503, 4),
)


@dataclass
class FakeDeliveries:
    """The use cases of deliveries. `asked` has the arguments of each call, without the actor."""

    records: Sequence[DeliveryRecord] = (RECORD,)
    counts: Mapping[tuple[DeliveryState, str], int] = field(default_factory=dict)
    target_report: TargetReport = field(default_factory=lambda: TargetReport(None, None, {}))
    bulk: Bulk = field(default_factory=lambda: Bulk(5, is_complete=True))
    error: Exception | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)
    is_late: Callable[[], bool] = lambda: False

    def _note(self, actor: Actor, *arguments: object) -> None:
        assert actor == Actor(TOKEN, OWNER)
        self.asked.append(arguments)
        if self.error is not None:
            raise self.error

    async def find(self, actor: Actor, query: DeliveryQuery) -> Sequence[DeliveryRecord]:
        self._note(actor, query)
        return self.records

    async def count_retryable(self, actor: Actor, wanted: DeliveryFilter) -> int:
        return sum((await self.count(actor, wanted)).values())

    count_cancellable = count_retryable

    async def count(self, actor: Actor, wanted: DeliveryFilter) -> Mapping[tuple[DeliveryState, str], int]:
        self._note(actor, wanted)
        return self.counts

    async def get(self, actor: Actor, delivery_id: int) -> DeliveryDetails:
        self._note(actor, delivery_id)
        return DeliveryDetails(self.records[0], ATTEMPTS)

    async def retry(self, actor: Actor, delivery_id: int) -> DeliveryRecord:
        self._note(actor, "retry", delivery_id)
        return self.records[0]

    async def cancel(self, actor: Actor, delivery_id: int) -> DeliveryRecord:
        self._note(actor, "cancel", delivery_id)
        return self.records[0]

    async def retry_matching(self, actor: Actor, wanted: DeliveryFilter, is_late: Callable[[], bool]) -> Bulk:
        self._note(actor, "retry", wanted)
        self.is_late = is_late
        return self.bulk

    async def cancel_matching(self, actor: Actor, wanted: DeliveryFilter, is_late: Callable[[], bool]) -> Bulk:
        self._note(actor, "cancel", wanted)
        self.is_late = is_late
        return self.bulk

    async def report(self, actor: Actor, target_id: str) -> TargetReport:
        self._note(actor, "report", target_id)
        return self.target_report

    async def resume(self, actor: Actor, target_id: str) -> TargetReport:
        self._note(actor, "resume", target_id)
        return self.target_report


@dataclass
class FakePublishing:
    events: list[NewEvent] = field(default_factory=list)
    error: Exception | None = None

    async def publish(self, actor: Actor, events: Sequence[NewEvent]) -> Sequence[Published]:
        if self.error is not None:
            raise self.error
        self.events += events
        return [Published(number + 1, is_new=number % 2 == 0) for number, _ in enumerate(events)]


class FakeTester:
    result = AttemptResult("status", 503, 1.2345)

    async def test(self, actor: Actor, target_id: str) -> AttemptResult:
        assert (actor.owner, target_id) == (OWNER, "42")
        return self.result


@dataclass
class FakeWatch:
    """A watch whose events the test puts. `open` counts the watches that have not ended."""

    events: "asyncio.Queue[WatchEvent | Exception]" = field(default_factory=asyncio.Queue)
    asked: list[tuple[str, DeliveryFilter, str]] = field(default_factory=list)
    open: int = 0

    async def __call__(self, owner: str, wanted: DeliveryFilter, position: str) -> AsyncGenerator[WatchEvent, None]:
        self.asked.append((owner, wanted, position))
        self.open += 1
        try:
            while True:
                event = await self.events.get()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.open -= 1


@dataclass
class Served:
    """The service, its stand-ins and a stub of it over gRPC."""

    deliveries: FakeDeliveries
    publishing: FakePublishing
    watch: FakeWatch
    draining: asyncio.Event
    port: int = 0
    stub: Any = None


@asynccontextmanager
async def serve(max_calls: int = 64, max_seconds: float = 60.0) -> AsyncIterator[Served]:
    tokens = Tokens(MemoryStore(), lambda: 1)
    await tokens.add(make_token(TOKEN, OWNER, [ALL_PERMISSIONS]))
    served = Served(FakeDeliveries(), FakePublishing(), FakeWatch(), asyncio.Event())
    watches = Watches(served.watch, served.draining, max_calls, max_seconds)
    service: Any = DeliveryService  # which takes stand-ins as well
    gateway = Gateway(
        services=[
            (DELIVERY_SERVICE, service(served.deliveries, served.publishing, FakeTester(), watches, INSTANCE)),
        ],
        authenticate=Authenticator(tokens, (DELIVERY_SERVICE,)),
        translate=errors.by_service({DELIVERY_SERVICE: translate}),
    )
    server = await gateway.listen()
    try:
        served.port = server.port
        async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
            stub: Any = delivery_service_pb2_grpc.DeliveryServiceStub
            served.stub = stub(channel)
            yield served
    finally:
        await server.drain(0)
