"""DeliveryService over Connect, gRPC-Web and JSON: what gRPC returns, in each protocol's form."""

import json
from collections.abc import AsyncIterator

import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf import json_format
from google.protobuf.message import Message

from actiond.actions.errors import DeliveryNotRetryableError
from tests.api.delivery_service import BEARER, ID, Served, serve
from tests.support.clients.http import Reply, ask
from tests.support.wire.grpc_web import frame, parse_answer
from tests.support.wire.protocols import read_connect_error, read_status

SERVICE = "/actiond.v1.DeliveryService"
CALLS: dict[str, tuple[Message, str, str]] = {
    "GetDelivery": (pb.GetDeliveryRequest(delivery_id=str(ID)), "GET", f"/v1/deliveries/{ID}"),
    "ListDeliveries": (
        pb.ListDeliveriesRequest(filter={"states": ["DELIVERY_STATE_DEAD"]}, page_size=5),
        "GET",
        "/v1/deliveries?filter.states=DELIVERY_STATE_DEAD&pageSize=5",
    ),
    "RetryDelivery": (pb.RetryDeliveryRequest(delivery_id=str(ID)), "POST", f"/v1/deliveries/{ID}:retry"),
    "CancelDeliveries": (
        pb.CancelDeliveriesRequest(filter={"target_id": "42"}),
        "POST",
        '/v1/deliveries:cancel {"filter": {"targetId": "42"}}',
    ),
    "GetCaller": (pb.GetCallerRequest(), "GET", "/v1/caller"),
}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as started:
        yield started


async def _connect(served: Served, method: str, encoding: str) -> Reply:
    request = CALLS[method][0]
    body = json_format.MessageToJson(request).encode() if encoding == "json" else request.SerializeToString()
    headers = dict(BEARER) | {"content-type": f"application/{encoding}", "connect-protocol-version": "1"}
    return await ask(served.port, "POST", f"{SERVICE}/{method}", body, headers)


async def _grpc_web(served: Served, method: str) -> Reply:
    headers = dict(BEARER) | {"content-type": "application/grpc-web+proto"}
    return await ask(served.port, "POST", f"{SERVICE}/{method}", frame(CALLS[method][0].SerializeToString()), headers)


async def _json(served: Served, method: str) -> Reply:
    _, verb, route = CALLS[method]
    path, _, body = route.partition(" ")
    headers = dict(BEARER) | ({"content-type": "application/json"} if body else {})
    return await ask(served.port, verb, path, body.encode() or None, headers)


@pytest.mark.parametrize("method", CALLS)
async def test_a_response_is_the_same_over_every_protocol(served: Served, method: str) -> None:
    expected: Message = await getattr(served.stub, method)(CALLS[method][0], metadata=BEARER)
    empty = type(expected)()
    assert expected != empty
    for reply in (await _connect(served, method, "json"), await _json(served, method)):
        assert reply.status == 200
        assert json_format.Parse(reply.body, type(expected)()) == expected
    assert type(expected).FromString((await _connect(served, method, "proto")).body) == expected
    answer = parse_answer((await _grpc_web(served, method)).body)
    assert answer.message is not None
    assert type(expected).FromString(answer.message) == expected
    assert len(served.deliveries.asked) == (0 if method == "GetCaller" else 5)
    assert len({repr(asked) for asked in served.deliveries.asked}) <= 1


async def test_an_error_is_the_same_over_every_protocol(served: Served) -> None:
    served.deliveries.error = DeliveryNotRetryableError()
    over_json, over_connect = await _json(served, "RetryDelivery"), await _connect(served, "RetryDelivery", "json")
    over_web = parse_answer((await _grpc_web(served, "RetryDelivery")).body).status
    assert (over_json.status, over_connect.status) == (400, 400)
    assert read_status(over_json) == read_connect_error(json.loads(over_connect.body)) == over_web
    assert over_web.message == "Delivery cannot be retried (ACTIOND-not-retryable)"
    assert len(over_web.details) == 3
