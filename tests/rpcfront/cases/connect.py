"""The table of Connect: unary calls on the paths of the RPCs, and what plain curl sends there.

Whether a request names the version makes no difference, but on a path that is no RPC's.
"""

import gzip
from dataclasses import replace
from typing import Any

from tests.rpcfront.cases.grpc_web_call import frame, message
from tests.rpcfront.cases.rows import (
    ANYTHING,
    GRPC_UNSUPPORTED,
    JSON,
    NOT_FOUND,
    RPC_NOT_ALLOWED,
    RPC_UNSUPPORTED,
    STREAM_UNSUPPORTED,
    Answer,
    Row,
    connect_error,
    ok,
    rpc_unsupported,
)

VERSION = (("connect-protocol-version", "1"),)
PROTO = (("content-type", "application/proto"),)
TEXT = (("content-type", "text/plain"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
ORIGIN = (("origin", "https://page.example"),)
HI = '{"id":"hi"}'

# Connect's own table.
HTTP_STATUS = {
    "canceled": (1, 499),
    "unknown": (2, 500),
    "invalid_argument": (3, 400),
    "deadline_exceeded": (4, 504),
    "not_found": (5, 404),
    "already_exists": (6, 409),
    "permission_denied": (7, 403),
    "resource_exhausted": (8, 429),
    "failed_precondition": (9, 400),
    "aborted": (10, 409),
    "out_of_range": (11, 400),
    "unimplemented": (12, 501),
    "internal": (13, 500),
    "unavailable": (14, 503),
    "data_loss": (15, 500),
    "unauthenticated": (16, 401),
}


def failed(code: str, text: Any = ANYTHING, **more: Any) -> Answer:
    """An error in Connect's form, with the HTTP status of its code."""
    return connect_error(HTTP_STATUS[code][1], code, text, **more)


# Connect's clients read a 404 so even without a body.
UNKNOWN_METHOD = replace(failed("unimplemented"), status=404)


def _proto(body: bytes) -> Answer:
    return Answer(body=body, headers={"content-type": "application/proto"})


def _gzip(body: bytes | str) -> bytes:
    return gzip.compress(body.encode() if isinstance(body, str) else body)


GZIP = (("content-encoding", "gzip"),)

TAKEN = [
    Row("JSON", "POST /t.v1.T/NoHttp", ok({"id": "hi"}, "NoHttp"), HI, (*JSON, *VERSION)),
    Row("JSON without the version", "POST /t.v1.T/NoHttp", ok({"id": "hi"}), HI, JSON),
    Row(
        "JSON with a charset",
        "POST /t.v1.T/Get",
        ok({"id": "hi"}),
        HI,
        (("content-type", "Application/Json; charset=UTF-8"),),
    ),
    Row("no content type", "POST /t.v1.T/Get", ok({"id": "hi"}), HI),
    Row("what curl says of a body", "POST /t.v1.T/Get", ok({"id": "hi"}), HI, FORM),
    Row("an empty JSON message", "POST /t.v1.T/Get", ok({}), "{}", JSON),
    Row("a name as the proto has it", "POST /t.v1.T/Get", ok({"pageSize": 1}), '{"page_size":1}', JSON),
    Row("protobuf", "POST /t.v1.T/Get", _proto(message(id="hi")), message(id="hi"), (*PROTO, *VERSION)),
    Row("protobuf without the version", "POST /t.v1.T/Get", _proto(message(id="hi")), message(id="hi"), PROTO),
    Row("an empty protobuf message", "POST /t.v1.T/Get", _proto(b""), b"", PROTO),
    Row("JSON in gzip", "POST /t.v1.T/Get", ok({"id": "hi"}), _gzip(HI), (*JSON, *VERSION, *GZIP)),
    Row("protobuf in gzip", "POST /t.v1.T/Get", _proto(message(id="hi")), _gzip(message(id="hi")), (*PROTO, *GZIP)),
    Row(
        "HttpBody is a message",
        "POST /t.v1.T/Upload",
        ok({"contentType": "a", "data": "YQ=="}),
        '{"contentType":"a","data":"YQ"}',
        JSON,
    ),
    Row("an empty answer", "POST /t.v1.T/Del", Answer(body=b"{}"), "{}", JSON),
    Row(
        "trailing metadata",
        "POST /t.more.More/Tell",
        ok({}, x_a="1", trailer_x_b="2"),
        '{"rs":["initial:x-a:1","trailing:x-b:2"]}',
        (*JSON, *VERSION),
    ),
    Row(
        "a deadline with a fraction",
        "POST /t.v1.T/Get",
        ok({"id": "hi"}),
        HI,
        (*JSON, *VERSION, ("connect-timeout-ms", "10000.5")),
    ),
    Row("a deadline", "POST /t.v1.T/Get", ok({"id": "hi"}), HI, (*JSON, *VERSION, ("connect-timeout-ms", "10000"))),
]

_CALLS = [
    *[
        Row(f"code {name}", "POST /t.v1.T/Err", failed(name, f"message {code}"), f'{{"i32":{code}}}', JSON)
        for name, (code, _) in HTTP_STATUS.items()
    ],
    *[
        Row(f"code {name} in protobuf", "POST /t.v1.T/Err", failed(name, f"message {code}"), message(i32=code), PROTO)
        for name, (code, _) in HTTP_STATUS.items()
    ],
    Row(
        "details",
        "POST /t.v1.T/Err",
        failed(
            "not_found",
            details=[
                {"type": "google.rpc.RetryInfo", "value": "CgIIBw", "debug": ANYTHING},
                {"type": "no.such.Type", "value": "CAE"},
            ],
            retry_after="7",
        ),
        '{"i32":5,"name":"retry,unknown"}',
        JSON,
    ),
    Row(
        "trailing metadata",
        "POST /t.more.More/Tell",
        failed("not_found", trailer_x_b="2"),
        '{"rs":["trailing:x-b:2"],"i32":5}',
        JSON,
    ),
    Row("broken JSON", "POST /t.v1.T/Get", failed("invalid_argument"), "{", JSON),
    Row("a wrong field", "POST /t.v1.T/Get", failed("invalid_argument", details=ANYTHING), '{"id":1}', JSON),
    Row("nothing, of no type", "POST /t.v1.T/Get", failed("invalid_argument")),
    Row("a form is no JSON", "POST /t.v1.T/Get", failed("invalid_argument"), "id=hi", FORM),
    Row("broken protobuf", "POST /t.v1.T/Get", failed("invalid_argument"), b"\xff", PROTO),
    Row(
        "gzip of several members",
        "POST /t.v1.T/Get",
        ok({"id": "hi"}),
        _gzip('{"id":') + _gzip("") + _gzip('"hi"}'),
        (*JSON, *VERSION, *GZIP),
    ),
    Row("bytes behind a member", "POST /t.v1.T/Get", failed("invalid_argument"), _gzip(HI) + b"x", (*JSON, *GZIP)),
    Row("gzip cut short", "POST /t.v1.T/Get", failed("invalid_argument"), _gzip(HI)[:-1], (*JSON, *GZIP)),
    Row(
        "gzip of too much in several members",
        "POST /t.v1.T/Get",
        failed("resource_exhausted"),
        _gzip(bytes(1 << 20)) * 2,
        (*JSON, *GZIP),
    ),
    Row(
        "gzip of too many members",
        "POST /t.v1.T/Get",
        failed("invalid_argument"),
        _gzip("") * 1_000 + _gzip(HI),
        (*JSON, *GZIP),
    ),
    Row("broken gzip", "POST /t.v1.T/Get", failed("invalid_argument"), HI, (*JSON, *GZIP)),
    Row("too much", "POST /t.v1.T/Get", failed("resource_exhausted"), bytes(2 << 20), JSON),
    Row("gzip of too much", "POST /t.v1.T/Get", failed("resource_exhausted"), _gzip(bytes(2 << 20)), (*JSON, *GZIP)),
    Row(
        "an encoding that is unknown",
        "POST /t.v1.T/Get",
        failed("unimplemented", accept_encoding="gzip"),
        HI,
        (*JSON, ("content-encoding", "br")),
    ),
    Row(
        "a deadline that is past",
        "POST /t.v1.T/Get",
        failed("deadline_exceeded"),
        HI,
        (*JSON, ("connect-timeout-ms", "0")),
    ),
    Row(
        "a deadline that passes",
        "POST /t.more.More/Wait",
        failed("deadline_exceeded"),
        "{}",
        (*JSON, ("connect-timeout-ms", "200")),
    ),
    Row(
        "a deadline that is none",
        "POST /t.v1.T/Get",
        failed("invalid_argument"),
        HI,
        (*JSON, ("connect-timeout-ms", "soon")),
    ),
    Row("a stream", "POST /t.v1.T/Stream", failed("unimplemented"), "{}", JSON),
    Row("a fault", "POST /t.v1.T/Err", failed("internal", "internal error"), '{"i32":17}', JSON),
]

FAILED = [
    *_CALLS,
    *[replace(row, name=f"{row.name}, with the version", headers=(*row.headers, *VERSION)) for row in _CALLS],
    *[
        Row(
            f"the version {version!r}",
            "POST /t.v1.T/Get",
            failed("invalid_argument", "connect-protocol-version must be 1"),
            HI,
            (*JSON, ("connect-protocol-version", version)),
        )
        for version in ("2", "0", "v1")
    ],
    Row("a method that nobody has", "POST /t.v1.T/Nope", UNKNOWN_METHOD, HI, (*JSON, *VERSION)),
    Row("a method that nobody has, without the version", "POST /t.v1.T/Nope", NOT_FOUND, HI, JSON),
    Row("a client's stream", "POST /t.more.More/Collect", UNKNOWN_METHOD, "{}", (*JSON, *VERSION)),
]

REFUSED = [
    Row("another type", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, TEXT),
    Row("an image (gw055)", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (("content-type", "image/jpeg"),)),
    Row(
        "gRPC proper over HTTP/1.1",
        "POST /t.v1.T/Get",
        GRPC_UNSUPPORTED,
        frame(b""),
        (("content-type", "application/grpc"),),
    ),
    Row(
        "a codec of gRPC-Web's that nobody has",
        "POST /t.v1.T/Get",
        RPC_UNSUPPORTED,
        b"",
        (("content-type", "application/grpc-web+thrift"),),
    ),
    *[
        Row(
            f"Connect's stream in {codec} for a unary method",
            "POST /t.v1.T/Get",
            RPC_UNSUPPORTED,
            frame(b""),
            (("content-type", f"application/connect+{codec}"), *version),
        )
        for codec, version in (("json", ()), ("proto", VERSION))
    ],
    Row(
        "a codec of Connect's that nobody has, for a stream",
        "POST /t.v1.T/Stream",
        STREAM_UNSUPPORTED,
        b"",
        (("content-type", "application/connect+thrift"),),
    ),
    Row("another type, with the version", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (*TEXT, *VERSION)),
    Row(
        "another charset",
        "POST /t.v1.T/Get",
        rpc_unsupported("application/json or application/proto, in UTF-8"),
        HI,
        (("content-type", "application/json; charset=latin-1"),),
    ),
    Row("a page's form", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (*FORM, *ORIGIN)),
    Row("GET", "GET /t.v1.T/Get?connect=v1&encoding=json&message=%7B%7D", RPC_NOT_ALLOWED),
    Row("PUT, with the version", "PUT /t.v1.T/Get", RPC_NOT_ALLOWED, HI, (*JSON, *VERSION)),
    Row("GET on a path that is no RPC's", "GET /t.v1.T/Nope", NOT_FOUND, b"", VERSION),
]
