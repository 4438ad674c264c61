"""What is wrong with a request costs no more than in proportion to its size: n against 4n, for each way to be wrong.

Measured is the processor's time of this process, of which all threads are a part, as the least of some runs.
"""

import gzip
import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from rpcfront import Gateway, Limits
from tests.rpcfront.bare_sonora import call
from tests.rpcfront.ruled import PROTO3, ruled_pool
from tests.support.wire.grpc_web import frame

pytestmark = pytest.mark.slow

SOURCE = f"""{PROTO3}
import "google/api/annotations.proto";
message Item {{ string id = 1 [(buf.validate.field).string.min_len = 1]; repeated Item items = 2; }}
message Large {{
  repeated Item items = 1;
  repeated int32 numbers = 2 [(buf.validate.field).repeated.items.int32.gt = 0];
  map<string, int32> counts = 3;
  map<int32, string> names = 4;
  repeated string texts = 5 [(buf.validate.field).repeated.items.string.pattern = "^[a-z]+$"];
  repeated bytes blobs = 6;
  repeated google.protobuf.Timestamp times = 7;
  repeated google.protobuf.Duration spans = 8;
  google.protobuf.FieldMask mask = 9;
  repeated google.protobuf.Any anys = 10;
  oneof one {{ string a = 11; string b = 12; }}
  string text = 13;
  double number = 14;
}}
service S {{
  rpc Say(Large) returns (Item) {{ option (google.api.http) = {{
    post: "/v1/say" body: "*" additional_bindings {{ get: "/v1/say/{{text=**}}" }}
  }}; }}
}}
"""
JSON, PROTO, WEB, WEB_TEXT = (
    "application/json",
    "application/proto",
    "application/grpc-web",
    "application/grpc-web-text",
)
ROUTE, RPC = "/v1/say", "/p.S/Say"
ALLOWED = 8.0
"""Times the work for four times the size: what is in proportion takes 4, and what grows by the square 16."""
RUNS = 3


class Servicer:
    def Say(self, request: Any, context: Any) -> Any:
        return item_class()()


@cache
def pool() -> Any:
    return ruled_pool(SOURCE)


@cache
def item_class() -> Any:
    return GetMessageClass(pool().FindMessageTypeByName("p.Item"))


@cache
def application(*, is_strict: bool) -> Any:
    return Gateway(
        services=[(pool().FindServiceByName("p.S"), Servicer())],
        strict_json=is_strict,
        limits=Limits(message_bytes=16 * 1024 * 1024),
    ).wsgi


@dataclass(frozen=True)
class Wrong:
    """A way to be wrong: what is sent for a size."""

    body: Callable[[int], bytes] = lambda _: b""
    content_type: str = JSON
    path: Callable[[int], str] = lambda _: ROUTE
    query: Callable[[int], str] = lambda _: ""
    fields: Callable[[int], dict[str, str]] = lambda _: {}
    size: int = 4_000
    is_strict: bool = False
    method: str = "POST"
    environ: dict[str, str] = field(default_factory=dict)


def objects(member: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda n: b"{%s}" % ",".join(member(number) for number in range(n)).encode()


def lists(name: str, element: str) -> Callable[[int], bytes]:
    return lambda n: b'{"%s":[%s]}' % (name.encode(), ",".join([element] * n).encode())


WRONG: dict[str, Wrong] = {
    "a key twice, the last of many": Wrong(lambda n: objects(lambda i: f'"k{i}":0')(n)[:-1] + b',"k0":0}'),
    "each key twice": Wrong(objects(lambda i: f'"k{i // 2}":0')),
    "a key twice in each of many objects": Wrong(lists("items", '{"id":"a","id":"b"}')),
    "a key of a map twice": Wrong(lambda n: b'{"counts":' + objects(lambda i: f'"k{i // 2}":0')(n) + b"}"),
    "a key of a map twice, spelt otherwise": Wrong(
        lambda n: b'{"names":' + objects(lambda i: f'"{i}":"","0{i}":""')(n) + b"}"
    ),
    "unknown fields": Wrong(objects(lambda i: f'"k{i}":0'), is_strict=True),
    "unknown fields in each of many objects": Wrong(lists("items", '{"x":1}'), is_strict=True),
    "both members of a oneof": Wrong(lambda n: b'{"a":"%s","b":"%s"}' % (b"x" * n, b"y" * n), size=100_000),
    "both names of a field": Wrong(lambda n: b'{"numbers":[%s],"numbers":[1]}' % b",".join([b"1"] * n)),
    "elements of a wrong type": Wrong(lists("numbers", '"x"')),
    "elements out of range": Wrong(lists("numbers", "99999999999")),
    "a number of many digits": Wrong(lambda n: b'{"number":%s}' % (b"9" * n), size=20_000),
    "a number of many digits in a text": Wrong(lambda n: b'{"numbers":["%s"]}' % (b"9" * n), size=20_000),
    "keys of a wrong type": Wrong(lambda n: b'{"names":' + objects(lambda i: f'"x{i}":""')(n) + b"}"),
    "blobs that are no base64": Wrong(lists("blobs", '"*"')),
    "a large blob that is no base64": Wrong(lambda n: b'{"blobs":["%s*"]}' % (b"A" * n), size=200_000),
    "times that are none": Wrong(lists("times", '"yesterday"')),
    "spans that are none": Wrong(lists("spans", '"1.0000000000000s"')),
    "a mask of bad paths": Wrong(lambda n: b'{"mask":"%s"}' % b",".join([b"a_b"] * n)),
    "anys of an unknown type": Wrong(lists("anys", '{"@type":"x/y"}')),
    "elements that break a rule": Wrong(lists("numbers", "0")),
    "texts that break a pattern": Wrong(lists("texts", '"A"')),
    "messages that break a rule": Wrong(lists("items", "{}")),
    "messages that break a rule, as protobuf": Wrong(lambda n: b"\x0a\0" * n, PROTO, lambda _: RPC, size=20_000),
    "messages that break a rule, over gRPC-Web": Wrong(lambda n: frame(b"\x0a\0" * n), WEB, lambda _: RPC, size=20_000),
    "garbage behind the JSON": Wrong(lambda n: lists("numbers", "1")(n) + b" x" * n),
    "JSON that breaks off": Wrong(lambda n: lists("numbers", "1")(n)[:-2]),
    "JSON of many lines that breaks off": Wrong(lambda n: b'{"numbers":[' + b"1,\n" * n),
    "bytes that are not UTF-8": Wrong(lambda n: b'{"text":"%s\xff"}' % (b"a" * n), size=200_000),
    "escapes that are none": Wrong(lambda n: b'{"text":"%s\\ud800"}' % (b"\\u00e9" * n)),
    "brackets": Wrong(lambda n: b"[" * n, size=100_000),
    "protobuf that breaks off": Wrong(lambda n: b"\x0a\0" * n + b"\x0a", PROTO, lambda _: RPC, size=50_000),
    "gzip that breaks off": Wrong(
        lambda n: gzip.compress(json.dumps({"texts": [str(i) for i in range(n)]}).encode())[:-9],
        path=lambda _: RPC,
        environ={"HTTP_CONTENT_ENCODING": "gzip"},
    ),
    "gzip of empty members": Wrong(
        lambda n: gzip.compress(b"") * n + b"x", path=lambda _: RPC, environ={"HTTP_CONTENT_ENCODING": "gzip"}, size=200
    ),
    "frames behind the one message": Wrong(lambda n: frame(b"") * n, WEB, lambda _: RPC, size=20_000),
    "text that is no base64": Wrong(lambda n: b64encode(frame(bytes(n))) + b"*", WEB_TEXT, lambda _: RPC, size=100_000),
    "text that is padded in each quad": Wrong(
        lambda n: b64encode(frame(b"a" * n)[:1]) + b"YQ==" * n, WEB_TEXT, lambda _: RPC, size=20_000
    ),
    "parameters that are unknown": Wrong(
        path=lambda _: f"{ROUTE}/x", query=lambda n: "&".join(f"k{i}=1" for i in range(n)), method="GET"
    ),
    "a parameter twice": Wrong(path=lambda _: f"{ROUTE}/x", query=lambda n: "&".join(["number=1"] * n), method="GET"),
    "parameters of a wrong type": Wrong(
        path=lambda _: f"{ROUTE}/x", query=lambda n: "&".join(["numbers=x"] * n), method="GET"
    ),
    "parameters that are escaped wrongly": Wrong(
        path=lambda _: f"{ROUTE}/x", query=lambda n: "&".join(["numbers=%zz"] * n), method="GET"
    ),
    "a parameter of many steps": Wrong(
        path=lambda _: f"{ROUTE}/x", query=lambda n: f"{'items.' * n}id=1", method="GET", size=10_000
    ),
    "a path of many segments": Wrong(path=lambda n: "/v1/none" + "/a" * n, method="GET", size=10_000),
    "a path of escapes that are none": Wrong(path=lambda n: f"{ROUTE}/" + "%zz" * n, method="GET", size=10_000),
    "metadata that is no base64": Wrong(fields=lambda n: {"HTTP_X_BIN": "*" * n}, path=lambda _: RPC, size=50_000),
    "a media type of many parameters": Wrong(content_type="x/y" + ";a=b" * 4_000, path=lambda _: RPC),
}


def cost(wrong: Wrong, size: int) -> float:
    environ: dict[str, Any] = {
        "PATH_INFO": (path := wrong.path(size)),
        "RAW_URI": path + (f"?{query}" if (query := wrong.query(size)) else ""),
        "QUERY_STRING": query,
        "REQUEST_METHOD": wrong.method,
        "CONTENT_TYPE": wrong.content_type,
        **wrong.fields(size),
        **wrong.environ,
    }
    body = wrong.body(size)
    least = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        reply = call(application(is_strict=wrong.is_strict), body, **environ)
        least = min(least, time.process_time() - began)
    # It is wrong, and the answer is no longer than a few faults are.
    assert reply.status >= 400 or b"grpc-status:0" not in reply.body.replace(b" ", b"")
    assert len(reply.body) < 64 * 1024
    return least


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_costs_in_proportion_to_its_size(name: str) -> None:
    wrong = WRONG[name]
    cost(wrong, 10)
    assert cost(wrong, 4 * wrong.size) <= ALLOWED * max(cost(wrong, wrong.size), 0.002)
