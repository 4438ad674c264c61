"""The table of google.api.HttpBody: bodies of any type, in and out."""

from typing import Any

from tests.rpcfront.cases.rows import JSON, MALFORMED, UNSUPPORTED, Answer, Row, bad, error, ok

EVERY_BYTE = bytes(range(256))
TEXT = (("content-type", "text/plain; charset=latin-1"),)
INTERNAL = error(500, 13, "internal error", details=[])


def _raw(body: bytes, content_type: str = "application/octet-stream", **headers: Any) -> Answer:
    return Answer(body=body, headers={"content-type": content_type, **headers})


OUT = [
    Row("bytes with their type", "GET /v1/http?name=text/css&by=YXt9", _raw(b"a{}", "text/css")),
    Row("no bytes", "GET /v1/http?name=text/css", _raw(b"", "text/css")),
    Row("no type", "GET /v1/http?by=AP8", _raw(b"\x00\xff")),
    Row("nothing at all", "GET /v1/http", _raw(b"")),
    Row(
        "a type with parameters",
        "GET /v1/http?name=text/html;charset=%22x%20y%22",
        _raw(b"", 'text/html;charset="x y"'),
    ),
    Row("a type that looks like JSON", "GET /v1/http?name=application/json&by=ew", _raw(b"{", "application/json")),
    Row("a type that would break the head", "GET /v1/http?name=a/b%0d%0ax-injected:1", INTERNAL),
    Row("a type that is no ASCII", "GET /v1/http?name=a/%C3%BC", INTERNAL),
    Row("a failure is a page", "GET /v1/http?name=text/css&i32=5", error(404, 5, "message 5", details=[])),
    Row("a bad query is a page", "GET /v1/http?nope=1", bad("nope")),
    Row("HEAD", "HEAD /v1/http?name=text/css&by=YXt9", _raw(b"", "text/css")),
]

IN = [
    Row("text", "POST /v1/upload", _raw("ü".encode("latin-1"), TEXT[0][1]), "ü".encode("latin-1"), TEXT),
    Row("every byte", "POST /v1/upload", _raw(EVERY_BYTE, "x/y"), EVERY_BYTE, (("content-type", "x/y"),)),
    Row("no type", "POST /v1/upload", _raw(b"a"), b"a"),
    Row("no body", "POST /v1/upload", _raw(b"", TEXT[0][1]), b"", TEXT),
    Row("nothing at all", "POST /v1/upload", _raw(b"")),
    Row("JSON is bytes like any other", "POST /v1/upload", _raw(b"{", "application/json"), b"{", JSON),
    Row(
        "a form",
        "POST /v1/upload",
        _raw(b"a=b", "application/x-www-form-urlencoded"),
        b"a=b",
        (("content-type", "application/x-www-form-urlencoded"),),
    ),
    Row(
        "a type in any spelling",
        "POST /v1/upload",
        _raw(b"", "TEXT/Plain ;a=B"),
        b"",
        (("content-type", "TEXT/Plain ;a=B"),),
    ),
    Row("an encoding is not undone", "POST /v1/upload", UNSUPPORTED, b"a", (*TEXT, ("content-encoding", "gzip"))),
    Row("a query is refused beside it", "POST /v1/upload?data=YQ", bad("data"), b"a", TEXT),
]

IN_A_FIELD = [
    Row("in and out", "PUT /m/files/a.css", _raw(EVERY_BYTE, "text/css"), EVERY_BYTE, (("content-type", "text/css"),)),
    Row("no body", "PUT /m/files/a.css", _raw(b""), b""),
    Row(
        "beside path and query",
        "PUT /m/files/a.css/card?revision=2",
        ok({"name": "a.css", "revision": 2, "content": {"contentType": "text/css", "data": "YQ=="}}, "Store"),
        b"a",
        (("content-type", "text/css"),),
    ),
    Row("the query cannot give it too", "PUT /m/files/a/card?content.data=YQ", bad("content.data"), b"a", TEXT),
    Row(
        "JSON where the message is the body",
        "POST /m/files",
        ok({"content": {"data": "YQ=="}}),
        '{"content":{"data":"YQ"}}',
        JSON,
    ),
    Row("and nothing but JSON there", "POST /m/files", UNSUPPORTED, b"a", TEXT),
    Row("nor broken JSON", "POST /m/files", MALFORMED, b"a", JSON),
]

IN_PIECES = [
    Row("one after another", "GET /m/chunks?name=text/css&rs=a&rs=b%0A&rs=c", _raw(b"ab\nc", "text/css")),
    Row("one", "GET /m/chunks?name=text/css&rs=a", _raw(b"a", "text/css")),
    Row("none", "GET /m/chunks", _raw(b"")),
    Row("no type", "GET /m/chunks?rs=a", _raw(b"a")),
    Row("a failure before the first", "GET /m/chunks?i32=5", error(404, 5, "message 5", details=[])),
    Row(
        "a failure in the middle",
        "GET /m/chunks?rs=a&i32=5",
        _raw(b'a\n{"error":{"code":5,"message":"message 5","details":[]}}\n'),
    ),
    Row("HEAD", "HEAD /m/chunks?name=text/css&rs=a", _raw(b"", "text/css")),
    Row("a type that would break the head", "GET /m/chunks?name=a/b%0d%0ax-injected:1&rs=a", INTERNAL),
]
