"""WatchDeliveries with a real server and a real receiver: the same stream over every protocol."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from actiond_protos.actiond.v1 import delivery_pb2
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import SetExecutionRequest

from tests.parity.calls import on_event, steps_of
from tests.parity.delivery_calls import call
from tests.parity.streams import STREAMS, Stream
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Json
from tests.support.action_service.model import Call
from tests.support.action_service.requests import create, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.targets.server import TargetServer


class Watched:
    """A server with a target that accepts every event."""

    def __init__(self, server: ServerProcess, receiver: TargetServer) -> None:
        self.server = server
        self._ports = Ports(server.grpc_port, server.http_port)
        self._driver = Json(server.http_port, ADMIN_TOKEN)
        self._streams: list[Stream] = []
        self.target_id: str = self._done(create(request("a receiver", endpoint=receiver.url("/status/200")))).id
        steps = steps_of([self.target_id])
        self._done(Call("SetExecution", SetExecutionRequest(condition=on_event(group="order"), targets=steps)))

    def _done(self, call: Call) -> Any:
        outcome = self._driver(call)
        assert outcome.code == 0, outcome
        return outcome.response

    def publish(self, aggregate_id: str) -> None:
        event = pb.PublishEventRequest(type="order.placed", aggregate_type="order", aggregate_id=aggregate_id)
        self._done(call(event))

    def watch(self, protocol: str, position: str = "") -> Iterator[pb.WatchDeliveriesResponse]:
        stream = STREAMS[protocol](self._ports, ADMIN_TOKEN, pb.WatchDeliveriesRequest(position=position))
        self._streams.append(stream)
        return iter(stream)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        self._driver.close()


@contextmanager
def start(directory: Path) -> Iterator[Watched]:
    flags = ("--event-type", "order.placed", "--allow-address", "127.0.0.0/8")
    with TargetServer() as receiver, ServerProcess(directory, *flags) as server:
        started = Watched(server, receiver)
        yield started
        started.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with start(tmp_path_factory.mktemp("server")) as started:
        yield started


def until_delivered(watch: Iterator[pb.WatchDeliveriesResponse]) -> list[pb.WatchDeliveriesResponse]:
    """Return the changes up to the first delivery. There may be heartbeats between them."""
    changes = []
    for response in watch:
        assert response.position
        assert response.WhichOneof("event") != "missed"
        if response.HasField("change"):
            changes.append(response)
            if response.change.kind == delivery_pb2.DELIVERY_CHANGE_KIND_DELIVERED:
                return changes
    raise AssertionError(f"the watch ended after {changes}")


@pytest.mark.parametrize("protocol", STREAMS)
def test_what_happens_is_the_same_over_every_protocol(protocol: str, watched: Watched) -> None:
    watch = watched.watch(protocol)
    first = next(watch)
    assert first.WhichOneof("event") == "heartbeat"
    watched.publish("1")
    created, delivered = until_delivered(watch)
    assert created.change.kind == delivery_pb2.DELIVERY_CHANGE_KIND_CREATED
    assert (delivered.change.outcome, delivered.change.http_status, delivered.change.attempt) == ("ok", 200, 1)
    assert delivered.change.state == delivery_pb2.DELIVERY_STATE_DELIVERED
    for one in (created.change, delivered.change):
        assert (one.target_id, one.event_type) == (watched.target_id, "order.placed")
        assert one.change_time.seconds > 0
    assert created.change.delivery_id == delivered.change.delivery_id

    # Another watch goes on from where the first one was.
    watched.publish("2")
    again = until_delivered(watched.watch(protocol, created.position))
    assert again == [delivered]
    assert until_delivered(watched.watch(protocol, delivered.position)) == until_delivered(watch)


def test_every_watch_ends_with_ok_when_the_server_stops(tmp_path: Path) -> None:
    with start(tmp_path) as ending:
        watches = [ending.watch(protocol) for protocol in STREAMS]
        for watch in watches:
            next(watch)
        assert ending.server.stop() == 0
        for watch in watches:
            assert all(response.HasField("heartbeat") for response in watch)


@pytest.mark.parametrize("protocol", STREAMS)
def test_a_position_that_nobody_knows_is_answered_by_a_word_that_something_was_missed(
    protocol: str, watched: Watched
) -> None:
    watch = watched.watch(protocol, "nonsense")
    assert next(watch).WhichOneof("event") == "missed"
    watched.publish("1")
    assert until_delivered(watch)
