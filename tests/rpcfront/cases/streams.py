"""The table of transcoded streams: lines of JSON."""

from typing import Any

from tests.rpcfront.cases.rows import JSON, Answer, Row, bad, error, not_allowed


def _lines(*lines: str, **headers: Any) -> Answer:
    body = "".join(line + "\n" for line in lines).encode()
    return Answer(body=body, headers={"content-type": "application/x-ndjson", **headers})


def _failed(code: int, message: str) -> str:
    return f'{{"error":{{"code":{code},"message":"{message}","details":[]}}}}'


ROWS = [
    Row("no message", "GET /v1/stream", _lines()),
    Row("one message", "GET /v1/stream?i32=1", _lines('{"i32":1}')),
    Row("many messages", "GET /v1/stream?i32=3&id=a", _lines(*[f'{{"id":"a","i32":{n}}}' for n in (1, 2, 3)])),
    Row("asked for with a body", "POST /m/lines", _lines('{"name":"a","rs":["a"]}'), '{"rs":["a"]}', JSON),
    Row("a line holds no line break", "GET /m/lines/tags?rs=a%0Ab%0D&rs=c", _lines(r'["a\nb\r"]', '["c"]')),
    Row(
        "a failure in the middle is the last line (er039)",
        "GET /v1/stream?i32=2&name=abort",
        _lines('{"i32":1}', '{"i32":2}', _failed(5, "mid")),
    ),
    Row("a failure before the first message is a page", "GET /v1/stream?name=abort", error(404, 5, "mid", details=[])),
    Row(
        "a fault in the middle tells nothing",
        "GET /v1/stream?i32=1&name=raise",
        _lines('{"i32":1}', _failed(13, "internal error")),
    ),
    Row(
        "a fault before the first message is a page",
        "GET /v1/stream?name=raise",
        error(500, 13, "internal error", details=[]),
    ),
    Row(
        "a deadline in the middle is the last line",
        "GET /v1/stream?i32=2&name=gate",
        _lines('{"i32":1}', _failed(4, "deadline exceeded")),
        headers=(("grpc-timeout", "200m"),),
    ),
    Row(
        "a deadline before the first message is a page",
        "GET /v1/stream?i32=1",
        error(504, 4),
        headers=(("grpc-timeout", "1n"),),
    ),
    Row("a query that is refused", "GET /v1/stream?nope=1", bad("nope")),
    Row("a body that is refused", "POST /m/lines", bad("rs"), '{"rs":1}', JSON),
    Row("another method", "GET /m/lines", not_allowed("OPTIONS, POST")),
    Row("initial metadata", "GET /v1/stream?i32=1&name=metadata", _lines('{"i32":1}', **{"x-initial": "one"})),
    Row("initial metadata of no message", "GET /v1/stream?name=metadata", _lines(**{"x-initial": "one"})),
    Row("HEAD", "HEAD /v1/stream?i32=3", _lines()),
    Row("HEAD of no message", "HEAD /v1/stream", _lines()),
    Row(
        "HEAD of a failure",
        "HEAD /v1/stream?name=abort",
        Answer(404, body=b"", headers={"content-type": "application/json"}),
    ),
]
