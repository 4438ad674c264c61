"""The table of Connect: unary calls on the paths of the RPCs, and what plain curl sends there."""

import gzip
from dataclasses import replace
from typing import Any

from tests.rpcfront.cases.grpc_web_call import frame, message
from tests.rpcfront.cases.rows import (
    ANYTHING,
    JSON,
    RPC_NOT_ALLOWED,
    RPC_UNSUPPORTED,
    UNSUPPORTED,
    Answer,
    Row,
    error,
    ok,
)

VERSION = (("connect-protocol-version", "1"),)
PROTO = (("content-type", "application/proto"),)
FORM = (("content-type", "application/x-www-form-urlencoded"),)
ORIGIN = (("origin", "https://page.example"),)
HI = '{"id":"hi"}'

# Connect's own table, which is not the one of google.rpc.Code in every row.
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
    """An error in Connect's form."""
    status = HTTP_STATUS[code][1]
    return Answer(status, {"code": code, "message": text, **more}, headers={"content-type": "application/json"})


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

FAILED = [
    *[
        Row(f"code {name}", "POST /t.v1.T/Err", failed(name, f"message {code}"), f'{{"i32":{code}}}', (*JSON, *VERSION))
        for name, (code, _) in HTTP_STATUS.items()
    ],
    *[
        Row(
            f"code {name} in protobuf",
            "POST /t.v1.T/Err",
            failed(name, f"message {code}"),
            message(i32=code),
            (*PROTO, *VERSION),
        )
        for name, (code, _) in HTTP_STATUS.items()
    ],
    *[
        Row(
            f"code {name} without the version",
            "POST /t.v1.T/Err",
            error(status, code, f"message {code}", details=[]),
            f'{{"i32":{code}}}',
            JSON,
        )
        for name, (code, status) in HTTP_STATUS.items()
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
        ),
        '{"i32":5,"name":"retry,unknown"}',
        (*JSON, *VERSION),
    ),
    Row(
        "trailing metadata",
        "POST /t.more.More/Tell",
        error(404, 5, trailer_x_b="2"),
        '{"rs":["trailing:x-b:2"],"i32":5}',
        JSON,
    ),
    Row("broken JSON", "POST /t.v1.T/Get", failed("invalid_argument"), "{", (*JSON, *VERSION)),
    Row(
        "a wrong field", "POST /t.v1.T/Get", failed("invalid_argument", details=ANYTHING), '{"id":1}', (*JSON, *VERSION)
    ),
    Row("a form is no JSON", "POST /t.v1.T/Get", error(400, 3, details=[]), "id=hi", FORM),
    Row("broken protobuf", "POST /t.v1.T/Get", failed("invalid_argument"), b"\xff", (*PROTO, *VERSION)),
    Row("broken gzip", "POST /t.v1.T/Get", failed("invalid_argument"), HI, (*JSON, *VERSION, *GZIP)),
    Row(
        "gzip of too much",
        "POST /t.v1.T/Get",
        failed("resource_exhausted"),
        _gzip(bytes(2 << 20)),
        (*JSON, *VERSION, *GZIP),
    ),
    Row(
        "an encoding that is unknown",
        "POST /t.v1.T/Get",
        failed("unimplemented"),
        HI,
        (*JSON, *VERSION, ("content-encoding", "br")),
    ),
    Row(
        "a version that is unknown",
        "POST /t.v1.T/Get",
        failed("invalid_argument"),
        HI,
        (*JSON, ("connect-protocol-version", "2")),
    ),
    Row(
        "a deadline that is past",
        "POST /t.v1.T/Get",
        failed("deadline_exceeded"),
        HI,
        (*JSON, *VERSION, ("connect-timeout-ms", "0")),
    ),
    Row(
        "a deadline that passes",
        "POST /t.more.More/Wait",
        failed("deadline_exceeded"),
        "{}",
        (*JSON, *VERSION, ("connect-timeout-ms", "200")),
    ),
    Row(
        "a deadline that is none",
        "POST /t.v1.T/Get",
        failed("invalid_argument"),
        HI,
        (*JSON, *VERSION, ("connect-timeout-ms", "soon")),
    ),
    Row("a method that nobody has", "POST /t.v1.T/Nope", UNKNOWN_METHOD, HI, (*JSON, *VERSION)),
    Row("a method that nobody has, without the version", "POST /t.v1.T/Nope", error(404, 5), HI, JSON),
    Row("a stream", "POST /t.v1.T/Stream", failed("unimplemented"), "{}", (*JSON, *VERSION)),
    Row("a client's stream", "POST /t.more.More/Collect", UNKNOWN_METHOD, "{}", (*JSON, *VERSION)),
    Row("a fault", "POST /t.v1.T/Err", failed("internal", "internal error"), '{"i32":17}', (*JSON, *VERSION)),
]

REFUSED = [
    Row("another type", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (("content-type", "text/plain"),)),
    Row("an image (gw055)", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (("content-type", "image/jpeg"),)),
    Row(
        "gRPC proper over HTTP/1.1",
        "POST /t.v1.T/Get",
        RPC_UNSUPPORTED,
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
    Row(
        "a stream of Connect's for a unary method",
        "POST /t.v1.T/Get",
        RPC_UNSUPPORTED,
        b"",
        (("content-type", "application/connect+json"),),
    ),
    Row(
        "another charset",
        "POST /t.v1.T/Get",
        UNSUPPORTED,
        HI,
        (("content-type", "application/json; charset=latin-1"),),
    ),
    Row("a page's form", "POST /t.v1.T/Get", RPC_UNSUPPORTED, HI, (*FORM, *ORIGIN)),
    Row("GET", "GET /t.v1.T/Get?connect=v1&encoding=json&message=%7B%7D", RPC_NOT_ALLOWED),
]
