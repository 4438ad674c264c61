"""Clients that change targets and publish events all the time, while the server is killed and restarted under them.

One client changes the targets that all events are delivered to, and the execution that names them. Others change
targets that nothing is delivered to: only the events of those matter. One publishes events of another service, in
batches, and each batch again until it is acknowledged.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.clients.json_api import ALL_EVENTS, NOWHERE, JsonApi, LostResponseError, NotServedError
from tests.support.delivery_database import EventKey

PAUSE = 0.02
"""Seconds between two calls of a client: what is looked at stays small enough to be looked at often."""
CLIENTS = 2
"""That change targets which nothing is delivered to."""
MAX_RECEIVING = 4
"""Targets that all events are delivered to."""
MIN_RECEIVING = 2
EXECUTION_ID = "event"
"""The aggregate's id of the execution of all events."""
EVENT_TYPE = "order.placed"
"""That is published."""
ORDERS = 8
"""Aggregates of published events. There are few, so that many events of one wait for each other."""
MAX_BATCH = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What clients know at a moment."""

    events: frozenset[EventKey]
    """Those that were acknowledged."""
    published: Mapping[str, EventKey]
    """Those of them that were published, by their ids."""
    batches: Sequence[Sequence[str]]
    """The ids of all batches that were sent, acknowledged or not."""


class Acknowledged:
    """The events that clients know of, since they got a response. Shared by the clients' threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: set[EventKey] = set()
        self._published: dict[str, EventKey] = {}
        self._batches: list[Sequence[str]] = []
        self._lost_responses = 0

    def add(self, aggregate_type: str, aggregate_id: str, response: Any) -> None:
        with self._lock:
            self._events.add((aggregate_type, aggregate_id, int(response["details"]["sequence"])))

    def send(self, batch: Sequence[str]) -> None:
        """Note the ids of a batch that is about to be sent for the first time."""
        with self._lock:
            self._batches.append(batch)

    def publish(self, event_id: str, key: EventKey) -> None:
        """Add an event that was published."""
        with self._lock:
            self._events.add(key)
            self._published[event_id] = key

    def lose(self) -> None:
        """Count a response that was lost."""
        with self._lock:
            self._lost_responses += 1

    @property
    def lost_responses(self) -> int:
        return self._lost_responses

    def known(self) -> Known:
        with self._lock:
            return Known(frozenset(self._events), dict(self._published), list(self._batches))


class _Client:
    """Makes calls, one after the other."""

    def __init__(self, port: Callable[[], int], acknowledged: Acknowledged, seed: int) -> None:
        self._api = JsonApi(port, keep_alive=True)
        self._acknowledged = acknowledged
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._seed = seed
        self._numbers = count(1)

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(PAUSE * self._random.uniform(0.2, 1.8)):
            try:
                self._step()
            except NotServedError:
                """It is being restarted."""
            except LostResponseError:
                self._acknowledged.lose()
        self._api.close()

    def _step(self) -> None:
        """Make one change."""
        raise NotImplementedError

    def _create(self, endpoint: str) -> str:
        response = self._api.create_target(endpoint)
        self._acknowledged.add("target", response["id"], response)
        return str(response["id"])

    def _update(self, target_id: str, **fields: str) -> None:
        response = self._api.update_target(target_id, name=f"changed {self._seed}-{next(self._numbers)}", **fields)
        self._acknowledged.add("target", target_id, response)

    def _delete(self, target_id: str) -> None:
        response = self._api.delete_target(target_id)
        self._acknowledged.add("target", target_id, response)


class _Changing(_Client):
    """Adds, changes and deletes targets that nothing is delivered to."""

    def __init__(self, port: Callable[[], int], acknowledged: Acknowledged, seed: int) -> None:
        super().__init__(port, acknowledged, seed)
        self._known: list[str] = []

    def _step(self) -> None:
        luck = self._random.random()
        if not self._known or luck < 0.3:
            self._known.append(self._create(NOWHERE))
            return
        target_id = self._known.pop(self._random.randrange(len(self._known)))
        if luck < 0.5:
            self._delete(target_id)
        else:
            self._update(target_id)  # without a response, the target is left alone
            self._known.append(target_id)


class _Publishing(_Client):
    """Publishes events, with ids: a batch whose response was lost is sent again."""

    def __init__(self, port: Callable[[], int], acknowledged: Acknowledged, seed: int) -> None:
        super().__init__(port, acknowledged, seed)
        self._batch: list[dict[str, Any]] = []

    def _step(self) -> None:
        if not self._batch:
            self._batch = [self._event() for _ in range(self._random.randint(1, MAX_BATCH))]
            self._acknowledged.send([event["eventId"] for event in self._batch])
        response = self._api.call("POST", "/v1/events:batchPublish", {"events": self._batch})
        for event, published in zip(self._batch, response["events"], strict=True):
            key = (event["aggregateType"], event["aggregateId"], int(published["sequence"]))
            self._acknowledged.publish(event["eventId"], key)
        self._batch = []

    def _event(self) -> dict[str, Any]:
        event_id = f"event-{self._seed}-{next(self._numbers)}"
        order = f"order-{self._random.randrange(ORDERS)}"
        payload = {"id": event_id}
        return {
            "type": EVENT_TYPE,
            "aggregateType": "order",
            "aggregateId": order,
            "payload": payload,
            "eventId": event_id,
        }


class Operating(_Client):
    """Adds, moves and deletes the targets that all events are delivered to."""

    def __init__(
        self, port: Callable[[], int], acknowledged: Acknowledged, seed: int, url: Callable[[str], str]
    ) -> None:
        super().__init__(port, acknowledged, seed)
        self._url = url
        self._receiving: list[str] = []
        self._is_set = True
        """Whether the execution names just the targets in `_receiving`, as far as is known."""

    def begin(self) -> None:
        """Add the first targets."""
        while len(self._receiving) < MIN_RECEIVING:
            self._receiving.append(self._create(self._endpoint()))
        self._set()

    def _step(self) -> None:
        if not self._is_set:
            self._set()
        luck = self._random.random()
        if luck > 0.1:
            self._update(self._random.choice(self._receiving), endpoint=self._endpoint())
        elif len(self._receiving) < MAX_RECEIVING and luck > 0.05:
            self._is_set = False
            self._receiving.append(self._create(self._endpoint()))
        elif len(self._receiving) > MIN_RECEIVING:
            self._delete(self._receiving.pop(0))  # the execution loses it in the same transaction

    def _set(self) -> None:
        response = self._api.set_execution(ALL_EVENTS, *self._receiving)
        self._acknowledged.add("execution", EXECUTION_ID, response)
        self._is_set = True

    def _endpoint(self) -> str:
        return self._url(f"/mixed/{next(self._numbers)}")


@contextmanager
def load(port: Callable[[], int], url: Callable[[str], str], seed: int) -> Iterator[Acknowledged]:
    """Run the clients while the block runs.

    port: where the server listens now.
    url: returns a URL of the receiver.
    """
    acknowledged = Acknowledged()
    operating = Operating(port, acknowledged, seed, url)
    operating.begin()
    clients: list[_Client] = [operating, _Publishing(port, acknowledged, seed)]
    clients += [_Changing(port, acknowledged, seed + number) for number in range(1, CLIENTS + 1)]
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(client: _Client) -> None:
        try:
            client.work(stop)
        except BaseException as error:  # noqa: BLE001  # raised where the clients are waited for
            failures.append(error)

    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for failure in failures:
        raise failure
