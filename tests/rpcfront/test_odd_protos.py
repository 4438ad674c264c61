"""What the language allows and few protos have, over every protocol: names of methods, required fields."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from rpcfront import Gateway, ServiceError
from rpcfront.validation import beginning
from rpcfront.validation.required import missing
from tests.rpcfront.ruled import ruled_pool
from tests.support.clients.http import ask
from tests.support.wire.grpc_web import frame, parse_trailers, split_frames

SOURCE = """
syntax = "proto2";
package odd.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
message Named {
  optional string ByteSize = 1;
  optional string HasField = 2;
  oneof WhichOneof { string SerializeToString = 3; Named FromString = 4; }
  repeated Named ListFields = 5;
  map<string, Named> SetInParent = 6;
  optional string DESCRIPTOR = 7;
  optional string IsInitialized = 8;
  optional string ClearField = 9;
  optional string CopyFrom = 10;
  optional google.protobuf.Any Extensions = 12;
  optional string FindInitializationErrors = 13;
  optional string SerializePartialToString = 14;
  optional string ParseFromString = 15;
}
message Ruled {
  optional string ByteSize = 1 [(buf.validate.field).string.min_len = 3];
  optional string IsInitialized = 2;
  optional string WhichOneof = 3;
  oneof ListFields { string SerializePartialToString = 4; string CopyFrom = 5; }
  repeated Ruled SetInParent = 6;
}
message Demanding {
  required string must = 1;
  optional Demanding one = 2;
  repeated Demanding many = 3;
  map<string, Demanding> named = 4;
  optional string long = 5 [(buf.validate.field).string.min_len = 3];
}
service Odd {
  rpc Say(Named) returns (Named) { option (google.api.http) = { post: "/v1/say" body: "*" }; }
  rpc Obey(Ruled) returns (Ruled) { option (google.api.http) = { post: "/v1/obey" body: "*" }; }
  rpc Ask(Demanding) returns (Demanding) { option (google.api.http) = { post: "/v1/ask" body: "*" }; }
}
"""
POOL = ruled_pool(SOURCE)
SERVICE = POOL.FindServiceByName("odd.v1.Odd")


class Odd:
    async def Say(self, request: Any, context: Any) -> Any:
        return request

    async def Obey(self, request: Any, context: Any) -> Any:
        return request

    async def Ask(self, request: Any, context: Any) -> Any:
        return request


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    server = await Gateway(services=[(SERVICE, Odd())]).listen()
    try:
        yield server.port
    finally:
        await server.drain(0)


Result = tuple[dict[str, Any], list[tuple[str, str]]]
"""The content of the response, or the violations."""
Send = Callable[[int, str, dict[str, Any]], Awaitable[Result]]
TYPES = {method.name: GetMessageClass(method.input_type) for method in SERVICE.methods}
JSON = {"content-type": "application/json"}


def _violations(details: bytes) -> list[tuple[str, str]]:
    status = status_pb2.Status.FromString(details)
    assert status.code == 3
    (detail,) = status.details
    bad = error_details_pb2.BadRequest.FromString(detail.value)
    return [(each.field, each.description) for each in bad.field_violations]


def _from_json_error(error: Any) -> list[tuple[str, str]]:
    (detail,) = error["details"]
    violations = detail.get("debug", detail)["fieldViolations"]
    return [(each["field"], each["description"]) for each in violations]


def _data(method: str, content: dict[str, Any]) -> bytes:
    message_class = TYPES[method]
    return message_class.SerializePartialToString(message_class(**content))


def _is_same(method: str, content: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Return the content, which a response must have."""
    message_class = TYPES[method]
    assert message_class.FromString(data) == message_class(**content)
    return content


async def by_json(port: int, method: str, content: dict[str, Any]) -> Result:
    reply = await ask(port, "POST", f"/v1/{method.lower()}", json.dumps(content).encode(), JSON)
    body = json.loads(reply.body)
    return (body, []) if reply.status == 200 else ({}, _from_json_error(body))


async def by_connect_json(port: int, method: str, content: dict[str, Any]) -> Result:
    reply = await ask(port, "POST", f"/odd.v1.Odd/{method}", json.dumps(content).encode(), JSON)
    body = json.loads(reply.body)
    return (body, []) if reply.status == 200 else ({}, _from_json_error(body))


async def by_connect(port: int, method: str, content: dict[str, Any]) -> Result:
    data = _data(method, content)
    reply = await ask(port, "POST", f"/odd.v1.Odd/{method}", data, {"content-type": "application/proto"})
    if reply.status == 200:
        return _is_same(method, content, reply.body), []
    return {}, _from_json_error(json.loads(reply.body))


async def by_grpc_web(port: int, method: str, content: dict[str, Any]) -> Result:
    data = frame(_data(method, content))
    reply = await ask(port, "POST", f"/odd.v1.Odd/{method}", data, {"content-type": "application/grpc-web+proto"})
    *messages, (_, trailers) = split_frames(reply.body)
    ended = parse_trailers(trailers)
    if ended["grpc-status"] == "0":
        return _is_same(method, content, messages[0][1]), []
    return {}, _violations(base64.b64decode(ended["grpc-status-details-bin"] + "=="))


async def by_grpc(port: int, method: str, content: dict[str, Any]) -> Result:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.unary_unary(f"/odd.v1.Odd/{method}")
        try:
            return _is_same(method, content, await call(_data(method, content))), []
        except grpc.aio.AioRpcError as error:
            metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
            return {}, _violations(metadata["grpc-status-details-bin"])


WAYS = {
    "JSON": by_json,
    "Connect JSON": by_connect_json,
    "Connect": by_connect,
    "gRPC-Web": by_grpc_web,
    "gRPC": by_grpc,
}
over_all = pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)

NAMED = {
    "ByteSize": "a",
    "HasField": "b",
    "FromString": {"SerializeToString": "c"},
    "ListFields": [{"DESCRIPTOR": "ddd"}, {}],
    "SetInParent": {"k": {"IsInitialized": "e"}},
    "DESCRIPTOR": "fff",
    "IsInitialized": "g",
    "ClearField": "h",
    "CopyFrom": "i",
    "FindInitializationErrors": "k",
    "SerializePartialToString": "l",
    "ParseFromString": "m",
}


@over_all
async def test_a_field_may_have_the_name_of_a_method_of_messages(send: Send) -> None:
    async with served() as port:
        response, _ = await send(port, "Say", NAMED)
    assert response == NAMED


@over_all
async def test_a_rule_of_a_field_with_the_name_of_a_method_is_checked(send: Send) -> None:
    request = {"ByteSize": "aaa", "CopyFrom": "b", "SetInParent": [{"ByteSize": "c"}]}
    async with served() as port:
        _, violations = await send(port, "Obey", request)
    assert violations == [("SetInParent[0].ByteSize", "must be at least 3 characters")]


@pytest.mark.parametrize("name", ["DESCRIPTOR", "HasField", "SerializeToString"])
def test_a_name_that_the_checking_of_rules_cannot_have_is_refused_at_the_start(name: str) -> None:
    pool = ruled_pool(f"""
        syntax = "proto3"; package p; import "buf/validate/validate.proto";
        message Outer {{ Inner inner = 1; string id = 2 [(buf.validate.field).string.min_len = 1]; }}
        message Inner {{ string {name} = 1; }}
        service S {{ rpc Say(Outer) returns (Outer); }}
    """)
    with pytest.raises(ServiceError, match=f"^p.Inner.{name}: a message with rules can have no field of this name$"):
        Gateway(services=[(pool.FindServiceByName("p.S"), mock.Mock(spec=["Say"]))])


@over_all
async def test_a_required_field_is_required_at_every_depth(send: Send) -> None:
    request = {"one": {}, "many": [{"must": "a"}, {}], "named": {"a.b": {}}, "long": "a"}
    async with served() as port:
        _, violations = await send(port, "Ask", request)
    assert sorted(violations) == [
        ("long", "must be at least 3 characters"),
        ("many[1].must", "value is required"),
        ("must", "value is required"),
        ('named["a.b"].must', "value is required"),
        ("one.must", "value is required"),
    ]


@over_all
async def test_a_request_that_has_what_is_required_is_served(send: Send) -> None:
    content = {"must": "a", "one": {"must": "b"}}
    async with served() as port:
        response, _ = await send(port, "Ask", content)
    assert response == content


def test_what_is_missing_is_looked_for_in_the_beginning_of_a_large_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MAX_PARTS", 10)
    many = TYPES["Ask"](must="a", many=[{}] * 1_000)
    assert [each.field for each in missing(many)] == [f"many[{index}].must" for index in range(10)]
    behind = TYPES["Ask"](must="a", many=[{"must": "a"}] * 100 + [{}])
    assert [(each.field, each.description) for each in missing(behind)] == [
        ("", "a required field far inside is not set")
    ]
