"""The table of paths and HTTP methods: which route a request takes, and what the path gives to its message."""

from tests.rpcfront.cases.rows import (
    JSON,
    MALFORMED,
    NOT_FOUND,
    RPC_NOT_ALLOWED,
    Answer,
    Differs,
    Row,
    bad,
    error,
    not_allowed,
    ok,
)

UNKNOWN = Differs(error(501, 12), "llhttp knows the methods that there are, and reads no further")
CHEROOT = Differs(Answer(400), "cheroot takes it for malformed, and answers by itself")

TAKES_VARIABLES = [
    Row("a variable takes a segment", "GET /v1/get/abc", ok({"id": "abc"}, "Get")),
    Row("an additional binding is a route like any other", "GET /v1/alt/1/x/2", ok({"id": "1", "name": "2"}, "Get")),
    Row("a segment is percent-decoded", "GET /v1/get/a%20b%3Fc", ok({"id": "a b?c"}, "Get")),
    Row("a segment is UTF-8", "GET /v1/get/%C3%BC%F0%9F%98%80", ok({"id": "ü😀"}, "Get")),
    Row("a plus sign in a path is a plus sign", "GET /v1/get/a+b", ok({"id": "a+b"}, "Get")),
    Row("a segment may hold what a query does", "GET /v1/get/a&b=c;d", ok({"id": "a&b=c;d"}, "Get")),
    Row("an encoded slash is of its segment", "GET /v1/get/a%2Fb", ok({"id": "a/b"}, "Get")),
    Row("an encoded percent sign is one", "GET /v1/get/100%25", ok({"id": "100%"}, "Get")),
    Row("a segment is decoded once", "GET /v1/get/%2541", ok({"id": "%41"}, "Get")),
    Row("a dot is a segment like any other", "GET /v1/get/..", ok({"id": ".."}, "Get")),
    Row("a segment may be long", "GET /v1/get/" + "x" * 4000, ok({"id": "x" * 4000}, "Get")),
    Row("an empty query is none", "GET /v1/get/abc?", ok({"id": "abc"}, "Get")),
    Row(
        "variables are read by their fields' types",
        "GET /v1/pt/-5/RED/x/2020-01-02T03:04:05Z",
        ok({"i32": -5, "color": "RED", "sub": {"s": "x"}, "ts": "2020-01-02T03:04:05Z"}, "PathTypes"),
    ),
    Row(
        "an enum in a path may be a number",
        "GET /v1/pt/0/2/x/1970-01-01T00:00:00Z",
        ok({"color": "BLUE", "sub": {"s": "x"}, "ts": "1970-01-01T00:00:00Z"}, "PathTypes"),
    ),
    Row("all variables that cannot be read are named", "GET /v1/pt/x/red/s/noon", bad("color", "i32", "ts")),
    Row("a number too large for its field is named", "GET /v1/pt/2147483648/RED/s/1970-01-01T00:00:00Z", bad("i32")),
    Row("a variable may be given again alike", "GET /v1/get/a?id=a", ok({"id": "a"}, "Get")),
    Row("a variable cannot be given again with another value", "GET /v1/get/a?id=b", bad("id")),
    Row("a variable cannot be given twice more", "GET /v1/get/a?id=a&id=a", bad("id")),
    Row("the rest comes from the query", "GET /v1/get/a?i32=5&sub.s=x", ok({"id": "a", "i32": 5, "sub": {"s": "x"}})),
]

TAKES_MANY_SEGMENTS = [
    Row(
        "a variable may take several segments",
        "GET /v1/multi/shelves/1/books/2",
        ok({"name": "shelves/1/books/2"}, "GetMulti"),
    ),
    Row(
        "in several segments an encoded slash stays as it was sent",
        "GET /v1/multi/shelves/a%2fb/books/c%2Fd%20e",
        ok({"name": "shelves/a%2fb/books/c%2Fd e"}, "GetMulti"),
    ),
    Row("all its segments must be there", "GET /v1/multi/shelves/1/books", NOT_FOUND),
    Row("its literals must be there", "GET /v1/multi/racks/1/books/2", NOT_FOUND),
    Row("two stars take the rest", "GET /v1/deep/a/b:c/d%20e", ok({"name": "a/b:c/d e"}, "GetDeep")),
    Row("two stars take nothing at all", "GET /v1/deep", ok({}, "GetDeep")),
    Row("two stars take no empty segment", "GET /v1/deep/a//b", NOT_FOUND),
    Row("two stars take no trailing slash", "GET /v1/deep/", NOT_FOUND),
]

IS_VERB_OR_NOT = [
    Row("a verb ends a path", "POST /v1/get/abc:cancel", ok({"id": "abc"}, "Cancel"), "{}", JSON),
    Row("a verb may be encoded", "POST /v1/get/abc:%63ancel", ok({"id": "abc"}, "Cancel"), "{}", JSON),
    Row("only the last suffix is the verb", "POST /v1/get/a:b:cancel", ok({"id": "a:b"}, "Cancel"), "{}", JSON),
    Row("a suffix that is no verb is of the segment", "GET /v1/get/abc:other", ok({"id": "abc:other"}, "Get")),
    Row("a verb of another path is of the segment", "GET /v1/alt/1/x/2:cancel", ok({"id": "1", "name": "2:cancel"})),
    Row("a verb's route has its own methods", "GET /v1/get/abc:cancel", not_allowed("OPTIONS, POST")),
    Row(
        "an encoded colon is of the segment",
        "GET /v1/get/abc%3Acancel",
        ok({"id": "abc:cancel"}, "Get"),
    ),
    Row("a verb may follow a literal", "GET /m/rank:all", ok({}, "Both")),
    Row("a verb alone leaves an empty segment", "POST /v1/get/:cancel", not_allowed("DELETE, GET, HEAD, OPTIONS")),
]

TAKES_THE_MOST_SPECIFIC = [
    Row("literals win", "GET /m/rank/first/second", ok({}, "Both")),
    Row("the first literal wins over the second", "GET /m/rank/first/x", ok({"id": "x"}, "First")),
    Row("a literal wins over a star", "GET /m/rank/x/second", ok({}, "Second")),
    Row("a star takes what is left", "GET /m/rank/x/y", ok({}, "AnySegments")),
    Row("a star takes one segment", "GET /m/rank/x/y/z", NOT_FOUND),
    Row("literals are compared decoded", "GET /m/%72ank/first/secon%64", ok({}, "Both")),
    Row("literals keep their case", "GET /M/rank/first/second", NOT_FOUND),
]

HAS_NO_ROUTE = [
    Row("an unknown path", "GET /nowhere", NOT_FOUND),
    Row("the root", "GET /", NOT_FOUND),
    Row("a part of a route", "GET /v1/alt/1/x", NOT_FOUND),
    Row("more than a route", "GET /v1/get/a/b", NOT_FOUND),
    Row("a trailing slash", "GET /v1/get/abc/", NOT_FOUND),
    Row("an empty variable", "GET /v1/get/", NOT_FOUND),
    Row("an empty segment", "GET /v1//get/abc", NOT_FOUND),
    Row("an empty segment at the start", "GET //v1/get/abc", NOT_FOUND, wsgi=CHEROOT),
    Row("no slash at the start (er026)", "GET foo", MALFORMED, wsgi=CHEROOT),
    Row("a broken escape", "GET /v1/get/%", MALFORMED),
    Row("an escape that is no hex", "GET /v1/get/%zz", MALFORMED),
    Row("an escape cut short", "GET /v1/get/%4", MALFORMED),
    Row("escaped bytes that are no UTF-8", "GET /v1/get/%ff", MALFORMED),
    Row("half of an escaped pair", "GET /v1/get/%ED%A0%80", MALFORMED),
    Row("a method without a route, as its route", "GET /t.v1.T/NoHttp", RPC_NOT_ALLOWED),
]

TAKES_THE_METHOD = [
    Row("DELETE", "DELETE /v1/get/abc", Answer(body=b"{}", headers={"content-type": "application/json"})),
    Row("PUT", "PUT /v1/nobody/abc", ok({"id": "abc"}, "PutNoBody")),
    Row("PATCH", "PATCH /v1/p/a", ok({"sub": {"s": "a"}}, "PatchSub")),
    Row("a custom kind", "PURGE /v1/purge/abc", ok({"id": "abc"}, "Opt")),
    Row("a custom kind beside the star", "REPORT /m/pots/abc", ok({"id": "abc"}, "AnyMethod")),
    Row("HEAD as a custom kind", "HEAD /v1/headit", Answer(method="HeadIt", body=b"")),
    Row("HEAD as GET", "HEAD /v1/get/abc", Answer(method="Get", body=b"", headers={"content-length": "12"})),
    Row("HEAD of what is not there (er041)", "HEAD /v1/err/5", Answer(404, body=b"")),
    Row("HEAD of no path", "HEAD /nowhere", Answer(404, body=b"")),
    *[
        Row(f"any method, {method}", f"{method} /m/any/abc", ok({"id": "abc"}, "AnyMethod"))
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "MKCOL")
    ],
    Row("any method, HEAD", "HEAD /m/any/abc", Answer(method="AnyMethod", body=b"")),
]

REFUSES_THE_METHOD = [
    Row("POST for GET and DELETE", "POST /v1/get/abc", not_allowed("DELETE, GET, HEAD, OPTIONS"), "{}", JSON),
    Row("GET for POST", "GET /v1/all", not_allowed("OPTIONS, POST")),
    Row("HEAD for POST", "HEAD /v1/all", Answer(405, body=b"", headers={"allow": "OPTIONS, POST"})),
    Row("GET for HEAD", "GET /v1/headit", not_allowed("HEAD, OPTIONS")),
    Row("GET for PURGE", "GET /v1/purge/abc", not_allowed("OPTIONS, PURGE")),
    Row("a method of nobody's", "BREW /v1/q", not_allowed("GET, HEAD, OPTIONS"), listener=UNKNOWN),
    Row("a method in lower case", "get /v1/q", not_allowed("GET, HEAD, OPTIONS"), listener=UNKNOWN, wsgi=CHEROOT),
    *[
        Row(f"{method} on an RPC's path", f"{method} /t.v1.T/Get", RPC_NOT_ALLOWED)
        for method in ("GET", "PUT", "DELETE")
    ],
    Row("GET on a stream's path", "GET /t.v1.T/Stream", RPC_NOT_ALLOWED),
    Row("a body with a wrong method", "PUT /v1/all", not_allowed("OPTIONS, POST"), "{", JSON),
    Row("a wrong method on a broken path", "PUT /v1/get/%zz", error(400, 3)),
]


def _options(allow: str) -> Answer:
    return Answer(204, body=b"", headers={"allow": allow})


OPTIONS = [
    Row("a path of two methods", "OPTIONS /v1/get/abc", _options("DELETE, GET, HEAD, OPTIONS")),
    Row("a path of one", "OPTIONS /v1/all", _options("OPTIONS, POST")),
    Row("a path with a verb", "OPTIONS /v1/get/abc:cancel", _options("OPTIONS, POST")),
    Row("a custom kind", "OPTIONS /v1/purge/abc", _options("OPTIONS, PURGE")),
    Row("a stream", "OPTIONS /v1/stream", _options("GET, HEAD, OPTIONS")),
    Row("any method", "OPTIONS /m/any/abc", _options("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")),
    Row("an RPC", "OPTIONS /t.v1.T/NoHttp", _options("OPTIONS, POST")),
    Row("no path", "OPTIONS /nowhere", NOT_FOUND),
    Row("a broken path", "OPTIONS /v1/get/%zz", MALFORMED),
]
