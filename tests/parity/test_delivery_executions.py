"""Executions run around the calls of DeliveryService, streams and structs included, as around any other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import SetExecutionRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTCall

from tests.parity.calls import on_event, on_request, on_response, steps_of
from tests.parity.delivery_calls import call
from tests.parity.streams import PATH, GrpcStream
from tests.support.action_service import expect
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import Json
from tests.support.action_service.model import DELIVERIES, Call, Outcome
from tests.support.action_service.requests import create, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer

FAILED = expect.business(expect.FAILED_PRECONDITION, "EXEC-dra6yamk98", "Execution failed", "EXECUTION_FAILED")


class Bound:
    """A server, and a target for each condition."""

    def __init__(self, server: ServerProcess, receiver: TargetServer) -> None:
        self.ports = Ports(server.grpc_port, server.http_port)
        self.receiver = receiver
        self.driver = Json(server.http_port, ADMIN_TOKEN)

    def __call__(self, call: Call) -> Outcome:
        return self.driver(call)

    def done(self, call: Call) -> Any:
        outcome = self.driver(call)
        assert outcome.code == 0, outcome
        return outcome.response

    def bind(self, condition: Condition, path: str) -> None:
        target = request(path, endpoint=self.receiver.url(path), rest_call=SetRESTCall(interrupt_on_error=True))
        steps = steps_of([self.done(create(target)).id])
        self.done(Call("SetExecution", SetExecutionRequest(condition=condition, targets=steps)))


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[Bound]:
    flags = ("--event-type", "order.placed", "--allow-address", "127.0.0.0/8")
    with TargetServer() as receiver, ServerProcess(tmp_path, *flags) as server:
        started = Bound(server, receiver)
        yield started
        started.driver.close()


def publish() -> Call:
    event = pb.PublishEventRequest(type="order.placed", aggregate_type="order", aggregate_id="1")
    event.payload.update({"total": 12, "items": [1, 2]})
    return call(event)


def test_a_target_changes_the_payload_of_an_event_before_it_is_published(bound: Bound) -> None:
    bound.receiver.script("/enrich", ok(b'{"payload": {"total": 13, "checked": true}}'))
    bound.bind(on_request(method=f"/{DELIVERIES}/PublishEvent"), "/enrich")
    bound.bind(on_event(event="order.placed"), "/status/200")
    bound.done(publish())
    (delivery,) = bound.done(call(pb.ListDeliveriesRequest())).deliveries
    shown = bound.done(call(pb.GetDeliveryRequest(delivery_id=delivery.delivery_id)))
    assert json.loads(shown.payload)["event_payload"] == {"checked": True, "total": 13}
    (sent,) = [json.loads(received.body) for received in bound.receiver.requests if received.path == "/enrich"]
    assert sent["fullMethod"] == f"/{DELIVERIES}/PublishEvent"
    assert sent["request"]["payload"] == {"total": 12, "items": [1, 2]}


def test_a_target_changes_what_a_caller_sees(bound: Bound) -> None:
    bound.receiver.script("/hide", ok(b'{"name": "somebody"}'))
    bound.bind(on_response(service=DELIVERIES), "/hide")
    assert bound.done(call(pb.GetCallerRequest())).name == "somebody"


def test_a_failing_target_keeps_a_watch_from_beginning(bound: Bound) -> None:
    bound.bind(on_request(service=DELIVERIES), "/status/500")
    outcome = bound(call(pb.GetCallerRequest()))
    assert (outcome.code, outcome.message) == (FAILED.code, FAILED.message)
    stream = GrpcStream(bound.ports, ADMIN_TOKEN, pb.WatchDeliveriesRequest())
    with pytest.raises(grpc.RpcError) as caught:
        next(iter(stream))
    assert isinstance(caught.value, grpc.Call)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, FAILED.message)
    stream.close()
    paths = [json.loads(received.body)["fullMethod"] for received in bound.receiver.requests]
    assert paths == [f"/{DELIVERIES}/GetCaller", PATH]
