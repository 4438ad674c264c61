"""The table of metadata and deadlines: what of a request's head a servicer sees, and what of its own goes out."""

from typing import Any

import pytest

from tests.rpcfront.cases.rows import MALFORMED, Answer, Differs, Row, error, ok

Pair = tuple[str, str]


def _seen(*pairs: list[str]) -> Answer:
    return ok({"metadata": list(pairs), "remaining": None})


def _in(name: str, *headers: Pair, sees: Answer | None = None, wsgi: Answer | None = None, why: str = "") -> Row:
    told = sees or _seen(*[[key.lower(), value] for key, value in headers])
    return Row(name, "GET /v1/md", told, headers=headers, wsgi=Differs(wsgi, why) if wsgi else None)


IN = [
    _in("none"),
    _in("names in lower case", ("X-A", "1")),
    _in("as many as there are, in their order", ("x-b", "1"), ("x-a", "2"), ("x-c", "3")),
    _in(
        "repeats",
        ("x-a", "1"),
        ("x-a", "2"),
        wsgi=_seen(["x-a", "2"]),
        why="the environ has one value for a name, and cheroot keeps the last",
    ),
    _in("a value with a comma", ("x-a", "1, 2")),
    _in("an empty value", ("x-a", "")),
    _in(
        "a name with an underscore",
        ("x_a", "1"),
        wsgi=_seen(["x-a", "1"]),
        why="the environ cannot tell x_a from x-a",
    ),
    _in("what clients say of themselves", ("user-agent", "t/1"), ("authorization", "Bearer t"), ("cookie", "a=b")),
    _in("what clients of gRPC say of themselves", ("x-user-agent", "t/1"), ("x-grpc-web", "1")),
    _in(
        "nothing of HTTP's own",
        ("accept", "*/*"),
        ("accept-encoding", "gzip"),
        ("accept-charset", "utf-8"),
        ("content-type", "text/plain"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade-insecure-requests", "1"),
        ("grpc-accept-encoding", "gzip"),
        ("connect-protocol-version", "1"),
        sees=_seen(["upgrade-insecure-requests", "1"]),
    ),
    _in("bytes, padded", ("x-a-bin", "/wA="), sees=_seen(["x-a-bin", "ff00"])),
    _in("bytes, unpadded", ("x-a-bin", "/wA"), sees=_seen(["x-a-bin", "ff00"])),
    _in("bytes, none", ("x-a-bin", ""), sees=_seen(["x-a-bin", ""])),
    _in(
        "bytes, a list",
        ("x-a-bin", "/wA=,AQ, Ag=="),
        sees=_seen(["x-a-bin", "ff00"], ["x-a-bin", "01"], ["x-a-bin", "02"]),
    ),
    _in(
        "bytes, repeated",
        ("x-a-bin", "AQ"),
        ("x-a-bin", "Ag"),
        sees=_seen(["x-a-bin", "01"], ["x-a-bin", "02"]),
        wsgi=_seen(["x-a-bin", "02"]),
        why="the environ has one value for a name, and cheroot keeps the last",
    ),
    *[
        _in(f"bytes that are none, {text}", ("x-a-bin", text), sees=MALFORMED)
        for text in ("!!!!", "a", "AQ===", "A=Q", "AQ AQ")
    ],
    Row("bytes that are none, though nobody asks", "GET /v1/get/a", MALFORMED, headers=(("x-a-bin", "!"),)),
]

INTERNAL = error(500, 13, "internal error", details=[])


def _out(name: str, *told: str, answer: Answer) -> Row:
    return Row(name, "GET /m/tell?" + "&".join(f"rs={text}" for text in told), answer)


def _sent(**headers: Any) -> Answer:
    return ok({}, **headers)


OUT = [
    _out("initial metadata are headers", "initial:x-a:1", answer=_sent(x_a="1")),
    _out("trailing metadata are headers with a prefix", "trailing:x-a:1", answer=_sent(x_a=None, grpc_trailer_x_a="1")),
    _out("names in lower case", "initial:X-A:1", answer=_sent(x_a="1")),
    _out(
        "repeats",
        "initial:x-a:1",
        "initial:x-a:2",
        "trailing:x-b:3",
        "trailing:x-b:4",
        answer=_sent(x_a=["1", "2"], grpc_trailer_x_b=["3", "4"]),
    ),
    _out(
        "bytes, unpadded",
        "initial:x-a-bin:ff00",
        "trailing:x-b-bin:01",
        answer=_sent(x_a_bin="/wA", grpc_trailer_x_b_bin="AQ"),
    ),
    _out("a value as it is", "initial:x-a:a,%20b;%22c%25", answer=_sent(x_a='a, b;"c%')),
    Row(
        "a failure has them too",
        "GET /m/tell?rs=initial:x-a:1&rs=trailing:x-b:2&i32=5",
        error(404, 5, x_a="1", grpc_trailer_x_b="2"),
    ),
    *[
        _out(f"refused, {told}", told, answer=error(500, 13, "internal error", details=[], x_injected=None))
        for told in (
            "initial:x-a:a%0d%0ax-injected:1",
            "trailing:x-a:a%0d%0ax-injected:1",
            "trailing:x-a:a%0ab",
            "trailing:x-a:%C3%BC",
            "initial:x%20a:1",
            "initial:x-%C3%BC:1",
            "initial:content-length:0",
            "initial:content-type:text/html",
            "initial:transfer-encoding:chunked",
            "initial:connection:close",
            "trailing:grpc-status:0",
            "trailing:grpc-message:a",
        )
    ],
]


def _remaining(text: str, seconds: float) -> Row:
    document = {"metadata": [], "remaining": pytest.approx(seconds, rel=1e-3, abs=2)}
    return Row(text, "GET /v1/md", ok(document), headers=(("grpc-timeout", text),))


def _timed_out(text: str, answer: Answer) -> Row:
    return Row(f"refused, {text!r}", "GET /v1/md", answer, headers=(("grpc-timeout", text),))


TIMEOUTS = [
    _remaining("10S", 10),
    _remaining("20M", 1200),
    _remaining("1H", 3600),
    _remaining("30000m", 30),
    _remaining("30000000u", 30),
    _remaining("99999999S", 99_999_999),
    _remaining("60000000000n", 60),
    _remaining("12.5M", 750),
    _remaining("123456789012H", 99_999_999 * 3600),
    *[
        _timed_out(text, MALFORMED)
        for text in ("bad", "", "10", "S", "-1S", "+1S", "10s", "1e3S", "1,5S", "10S10S", "0x10S", ".5S")
    ],
    *[_timed_out(text, error(504, 4, details=[])) for text in ("1n", "0S")],
    Row(
        "it ends a call",
        "GET /m/wait",
        error(504, 4, "deadline exceeded", details=[]),
        headers=(("grpc-timeout", "200m"),),
    ),
]
