"""Rows: bytes that are no request, whatever they were meant to say."""

import gzip

from tests.parity.scenario import (
    ENVOY_TAKES_IT,
    GRPC_WEB,
    JSON,
    PROTOBUF,
    Differs,
    Scenario,
    bad_json,
    exhaustive,
    representative,
)
from tests.support.action_service import expect
from tests.support.action_service.model import Call
from tests.support.action_service.requests import ENDPOINT, create, request
from tests.support.wire.grpc_web import frame

_REST = f'"restWebhook": {{}}, "timeout": "10s", "endpoint": "{ENDPOINT}"'
_NOT_PROTOBUF = expect.plain(
    expect.INVALID_ARGUMENT, "the request is not a valid zitadel.action.v3alpha.CreateTargetRequest"
)


def _malformed(what: str, text: str | bytes, why: str, envoy: Differs | None = None) -> Scenario:
    return bad_json(f"JSON {what}", text, expect.plain(expect.INVALID_ARGUMENT, f"invalid JSON: {why}"), envoy=envoy)


def _doubled(what: str, text: str, key: str) -> Scenario:
    return _malformed(f"with a key given twice{what}", text, f'the key "{key}" is given twice', ENVOY_TAKES_IT)


_DEEP = "nested deeper than 100 levels"

MALFORMED_JSON = [
    _malformed("that breaks off", '{"name": "n", ', "not JSON at line 1, column 15"),
    _malformed("that breaks off inside a string", '{"name": "n', "not JSON at line 1, column 12"),
    _malformed("with a trailing comma", '{"name": "n",}', "not JSON at line 1, column 13", ENVOY_TAKES_IT),
    _malformed("in single quotes", "{'name': 'n'}", "not JSON at line 1, column 2", ENVOY_TAKES_IT),
    _malformed("with a key that is not quoted", '{name: "n"}', "not JSON at line 1, column 2", ENVOY_TAKES_IT),
    _malformed("with a comment", '{"name": "n"} // n', "not JSON at line 1, column 15"),
    _malformed("followed by more", '{"name": "n"}{}', "not JSON at line 1, column 14"),
    _malformed("with NaN", '{"name": NaN}', "not JSON at line 1, column 10"),
    _malformed("with a line break in a string", '{"name": "a\nb"}', "not JSON at line 1, column 12", ENVOY_TAKES_IT),
    _malformed("with a lone surrogate", '{"name": "\\ud800"}', "not JSON at line 1, column 11"),
    _malformed("behind a byte order mark", b"\xef\xbb\xbf{}", "not JSON at line 1, column 1"),
    _malformed("that is a form", "name=n&endpoint=x", "not JSON at line 1, column 1"),
    _malformed("that is not UTF-8", b'{"name": "\xff"}', "the body is not UTF-8 at byte 10"),
    _malformed("that is UTF-16", '{"name": "n"}'.encode("utf-16-le"), "not JSON at line 1, column 2"),
    _doubled("", f'{{"name": "a", "name": "b", {_REST}}}', "name"),
    _doubled(" further in", '{"restCall": {"interruptOnError": true, "interruptOnError": false}}', "interruptOnError"),
    _doubled(" among unknown fields", '{"x": [{"y": 1, "y": 1}]}', "y"),
    _doubled(", once in escapes", '{"name": "a", "n\\u0061me": "b"}', "name"),
    _malformed("nested 101 deep", '{"x":' + "[" * 100 + "]" * 100 + "}", _DEEP),
    _malformed("nested 100000 deep", '{"x":' + "[" * 100_000 + "]" * 100_000 + "}", _DEEP),
]


def _wrong(what: str, text: str, field: str, why: str, envoy: Differs | None = None) -> Scenario:
    """`text` holds the members that matter; the rest of the request is sound."""
    json = f'{{"name": "JSON with {what}", "timeout": "10s", "endpoint": "{ENDPOINT}", {text}}}'
    return bad_json(f"JSON with {what}", json, expect.violations(**{field: why}), envoy=envoy)


_FLAG = "rest_call.interrupt_on_error"
_BOOL = "must be true or false"

WRONG_JSON = [
    bad_json("JSON with a number for a name", f'{{"name": 7, {_REST}}}', expect.violations(name="must be a string")),
    bad_json("JSON with a list for a name", f'{{"name": ["n"], {_REST}}}', expect.violations(name="must be a string")),
    _wrong("a flag in quotes", '"restCall": {"interruptOnError": "true"}', _FLAG, _BOOL, ENVOY_TAKES_IT),
    _wrong("a number for a flag", '"restCall": {"interruptOnError": 1}', _FLAG, _BOOL),
    _wrong("a string for a target type", '"restCall": "yes"', "rest_call", "must be an object"),
    _wrong("a list for a target type", '"restAsync": []', "rest_async", "must be an object"),
    _wrong(
        "two target types",
        '"restCall": {}, "restWebhook": {}',
        "target_type",
        'must hold only one of "restCall" and "restWebhook"',
    ),
    _wrong(
        "a field under both its names",
        '"rest_webhook": {}, "restWebhook": {}',
        "rest_webhook",
        'must not be given both as "rest_webhook" and as "restWebhook"',
    ),
]

_NO_OBJECT = expect.plain(expect.INVALID_ARGUMENT, "the body must be a JSON object")
NOT_AN_OBJECT = [
    bad_json(f"JSON that is {what}", text, _NO_OBJECT)
    for what, text in (("null", "null"), ("a list", "[]"), ("a string", '"n"'), ("a number", "1"), ("true", "true"))
]

EMPTY_JSON = [
    Scenario(
        "an empty body, which stands for the empty message",
        Call("CreateTarget", json=""),
        expect.violations(
            name="must be at least 1 characters",
            endpoint="must be at least 1 characters",
            timeout="value is required",
            target_type="exactly one field is required in oneof",
        ),
        only=JSON,
    ),
]

MALFORMED_PROTOBUF = [
    Scenario(f"protobuf {what}", Call("CreateTarget", wire=wire), _NOT_PROTOBUF, only=PROTOBUF)
    for what, wire in (
        ("that is no protobuf", b"\xff\xff\xff\xff"),
        ("that breaks off", request("protobuf").SerializeToString()[:-1]),
        ("whose name is not UTF-8", b"\x0a\x01\xff"),
        ("with a lone surrogate", b"\x0a\x03\xed\xa0\x80"),
        ("with the field number 0", b"\x02\x00"),
        ("that is text", b'{"name": "n"}'),
    )
]


def _framing(id: str, frames: bytes, code: int, text: str) -> Scenario:
    call = create(request(id), frames=frames)
    return Scenario(id, call, expect.plain(code, text), only=GRPC_WEB, differs=_not_through_envoy())


def _not_through_envoy() -> dict[str, Differs]:
    why = "Envoy hands frames on as they come, and grpcio never answers a stream that lacks its one message"
    return dict.fromkeys(("envoy-grpc-web", "envoy-grpc-web-text"), Differs(why))


_FRAME = frame(request("a frame").SerializeToString())

FRAMING = [
    _framing("no frame", b"", expect.UNIMPLEMENTED, "the call needs one message, the request has none"),
    _framing("two frames", _FRAME * 2, expect.UNIMPLEMENTED, "the call needs one message, the request has more"),
    _framing("a frame that is cut short", _FRAME[:-1], expect.INTERNAL, "the request's frame is cut short"),
    _framing("a frame's prefix that is cut short", b"\0\0", expect.INTERNAL, "the request's frame is cut short"),
    _framing("a frame and then some", _FRAME + b"\0", expect.INTERNAL, "the request has bytes behind its message"),
    _framing("a trailer frame", frame(b"a: b\r\n", 0x80), expect.INTERNAL, "a request's frame must be a message"),
    _framing(
        "a compressed frame without grpc-encoding",
        frame(gzip.compress(b""), 1),
        expect.INTERNAL,
        "the message is compressed, but the request names no compression",
    ),
]

ROWS = [
    *exhaustive(MALFORMED_JSON),
    *exhaustive(WRONG_JSON),
    *exhaustive(NOT_AN_OBJECT),
    *representative(EMPTY_JSON),
    *exhaustive(MALFORMED_PROTOBUF),
    *representative(FRAMING),
]
