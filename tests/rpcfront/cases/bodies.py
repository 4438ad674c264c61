"""The table of request bodies and of answers' JSON, which the worked examples of transcoding/cases/json_body.json
precede."""

from dataclasses import replace

from tests.rpcfront.cases.rows import JSON, MALFORMED, UNSUPPORTED, Answer, Row, bad, ok

Body = str | bytes


def _all(name: str, body: Body, answer: Answer) -> Row:
    return Row(name, "POST /v1/all", answer, body, JSON)


def _field(kind: str, body: Body, answer: Answer, name: str = "") -> Row:
    return Row(f"{kind}{name}", f"POST /m/body/{kind}/7", answer, body, JSON)


WHOLE_MESSAGE = [
    _all(
        "a message",
        '{"id":"a","sub":{"tags":["b"]},"m":{"k":"v"}}',
        ok({"id": "a", "sub": {"tags": ["b"]}, "m": {"k": "v"}}),
    ),
    _all("no body is the empty message", b"", ok({}, "PostAll")),
    _all("an unknown field is passed over", '{"id":"a","nope":{"b":[1]}}', ok({"id": "a"})),
    _all("white space is nobody's business", '\r\n\t { "id" :\n"a" } ', ok({"id": "a"})),
    _all("an escape is what it stands for", r'{"id":"\u00e9\ud83d\ude00\/\n"}', ok({"id": "é😀/\n"})),
    _all("a key may be escaped", r'{"\u0069d":"a"}', ok({"id": "a"})),
    _all("an integer may be a whole float", '{"i32":5.0,"i64":1e3}', ok({"i32": 5, "i64": "1000"})),
    _all("a null is an absent field", '{"id":null,"sub":{"s":null},"val":null}', ok({"sub": {}, "val": None})),
    _all(
        "an Any is read by its type",
        '{"any":{"@type":"type.googleapis.com/t.v1.Sub","s":"a"}}',
        ok({"any": {"@type": "type.googleapis.com/t.v1.Sub", "s": "a"}}),
    ),
    Row(
        "a path gives what the body lacks",
        "POST /v1/all/a",
        ok({"id": "a", "name": "b"}, "PostId"),
        '{"name":"b"}',
        JSON,
    ),
    Row("a path and a body may agree", "POST /v1/all/a", ok({"id": "a"}), '{"id":"a"}', JSON),
    Row("a path and a body cannot differ", "POST /v1/all/a", bad("id"), '{"id":"b"}', JSON),
    Row("a verb has a body too", "POST /v1/get/a:cancel", ok({"id": "a", "i32": 1}, "Cancel"), '{"i32":1}', JSON),
    Row("DELETE may have a body", "DELETE /m/body/7", ok({"id": "7", "i32": 1}, "Body"), '{"i32":1}', JSON),
    Row("a query is refused beside it", "POST /v1/all?i32=1", bad("i32"), "{}", JSON),
    Row("an empty query is none", "POST /v1/all?", ok({}), "{}", JSON),
    Row("an unknown parameter is refused beside it", "POST /v1/all?nope=1", bad("nope"), "{}", JSON),
]

_NOT_STRICT: dict[str, Body] = {
    "a comma too many": '{"id":"a",}',
    "a comma too many in a list": '{"rs":["a",]}',
    "single quotes": "{'id':'a'}",
    "a key without quotes": '{id:"a"}',
    "NaN": '{"d":NaN}',
    "Infinity": '{"d":-Infinity}',
    "a comment": '{"id":"a"/* b */}',
    "a leading zero": '{"i32":01}',
    "a leading plus": '{"i32":+1}',
    "a bare fraction": '{"d":.5}',
    "two documents": "{}{}",
    "a document cut short": '{"id":"a"',
    "white space alone": " \n",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a control character": b'{"id":"a\x01"}',
    "a newline in a string": '{"id":"a\nb"}',
    "bytes that are no UTF-8": b'{"id":"\xff"}',
    "overlong UTF-8": b'{"id":"\xc0\xaf"}',
    "UTF-16": '{"id":"a"}'.encode("utf-16"),
    "a lone surrogate": r'{"id":"\ud800"}',
    "a surrogate pair in the wrong order": r'{"id":"\ude00\ud83d"}',
    "a doubled key": '{"id":"a","id":"b"}',
    "a doubled key, once escaped": r'{"id":"a","\u0069d":"b"}',
    "a doubled key inside what is passed over": '{"nope":{"a":1,"a":2}}',
    "101 levels": '{"nope":' + "[" * 100 + "]" * 100 + "}",
    "far too many levels": '{"nope":' + "[" * 5000,
    "a list": "[{}]",
    "a string": '"a"',
    "null": "null",
}
NOT_STRICT = [_all(name, body, MALFORMED) for name, body in _NOT_STRICT.items()]

WRONG_FIELDS = [
    _all(name, body, bad(*fields))
    for name, body, fields in [
        ("a number for a string", '{"id":1}', ("id",)),
        ("a fraction for an integer", '{"i32":1.5}', ("i32",)),
        ("an integer too large", '{"i32":2147483648,"u64":-1}', ("i32", "u64")),
        ("an integer that a float cannot hold", '{"i64":9223372036854775808}', ("i64",)),
        ("a float too large", '{"f":1e39}', ("f",)),
        ("a word for a bool", '{"b":"true"}', ("b",)),
        ("a word that is no enum's", '{"color":"red"}', ("color",)),
        ("bytes that are no base64", '{"by":"a"}', ("by",)),
        ("a null in a list", '{"rs":["a",null]}', ("rs[1]",)),
        ("a string for a list", '{"rs":"a"}', ("rs",)),
        ("a string for a message", '{"sub":"a"}', ("sub",)),
        ("a field of an element", '{"subs":[{},{"i":"x"}]}', ("subs[1].i",)),
        ("a value in a map", '{"m":{"k":1}}', ('m["k"]',)),
        ("a time that is none", '{"ts":"noon","dur":"1"}', ("dur", "ts")),
        ("both fields of a oneof", '{"oa":"a","ob":"b"}', ("o",)),
        ("a field under both its names", '{"page_size":1,"pageSize":1}', ("page_size",)),
        ("everything at once", '{"sub":{"i":"x","tags":[1]},"i32":"y"}', ("i32", "sub.i", "sub.tags[0]")),
    ]
]

ONE_FIELD = [
    Row("a message", "POST /v1/sub/7", ok({"id": "7", "sub": {"s": "a"}}, "PostSub"), '{"s":"a"}', JSON),
    Row("beside a query", "POST /v1/sub/7?i32=1", ok({"id": "7", "i32": 1, "sub": {}}), "{}", JSON),
    Row("no body leaves it unset", "POST /v1/sub/7", ok({"id": "7"}, "PostSub"), b"", JSON),
    Row("null leaves it unset", "POST /v1/sub/7", ok({"id": "7"}), "null", JSON),
    Row(
        "its faults are named with its name",
        "POST /v1/sub/7",
        bad("sub.i", "sub.tags[0]"),
        '{"i":"x","tags":[1]}',
        JSON,
    ),
    Row("a wrong form as a whole", "POST /v1/sub/7", bad("sub"), '"a"', JSON),
    Row("an unknown field of it is passed over", "POST /v1/sub/7", ok({"id": "7", "sub": {}}), '{"nope":1}', JSON),
    Row("a query cannot give it too", "POST /v1/sub/7?sub.i=1", bad("sub.i"), '{"s":"a"}', JSON),
    Row("a query cannot give it instead", "POST /v1/sub/7?sub.i=1", bad("sub.i"), b"", JSON),
    Row("a path gives a part of it", "PATCH /v1/p/a?i32=1", ok({"i32": 1, "sub": {"s": "a", "i": 2}}), '{"i":2}', JSON),
    Row("a path agrees with it", "PATCH /v1/p/a", ok({"sub": {"s": "a"}}), '{"s":"a"}', JSON),
    Row("a path cannot differ from it", "PATCH /v1/p/a", bad("sub.s"), '{"s":"b"}', JSON),
    _field("text", '"a"', ok({"id": "7", "name": "a"}, "Body")),
    _field("text", "1", bad("name"), " of a wrong form"),
    _field("text", "a", MALFORMED, " without quotes"),
    _field("number", "5", ok({"id": "7", "i64": "5"})),
    _field("number", '"9223372036854775807"', ok({"id": "7", "i64": "9223372036854775807"}), " as a string"),
    _field("enum", '"BLUE"', ok({"id": "7", "color": "BLUE"})),
    _field("bytes", '"-_8"', ok({"id": "7", "by": "+/8="})),
    _field("list", '["a","b"]', ok({"id": "7", "rs": ["a", "b"]})),
    _field("list", '["a",1]', bad("rs[1]"), " with a wrong element"),
    _field("list", "[]", ok({"id": "7"}), " of none"),
    _field("messages", '[{"s":"a"},{}]', ok({"id": "7", "subs": [{"s": "a"}, {}]})),
    _field("map", '{"k":"v"}', ok({"id": "7", "m": {"k": "v"}})),
    _field("time", '"2020-01-02T03:04:05Z"', ok({"id": "7", "ts": "2020-01-02T03:04:05Z"})),
    _field("wrapper", '""', ok({"id": "7", "sv": ""})),
    _field("struct", '{"a":[1,null]}', ok({"id": "7", "st": {"a": [1, None]}})),
    _field("value", "null", ok({"id": "7", "val": None})),
    _field("value", "[1]", ok({"id": "7", "val": [1]}), " of a list"),
    _field("value", b"", ok({"id": "7"}), " without a body"),
]

NONE_TAKEN = [
    Row("a body on PUT", "PUT /v1/nobody/1", MALFORMED, '{"i32":5}', JSON),
    Row("a body on GET", "GET /v1/get/1", MALFORMED, "{}", JSON),
    Row("a body on DELETE", "DELETE /v1/get/1", MALFORMED, "{}", JSON),
    Row("a body of another type", "GET /v1/get/1", MALFORMED, "a", (("content-type", "text/plain"),)),
    Row("an empty body", "PUT /v1/nobody/1", ok({"id": "1"}), b"", (*JSON, ("content-length", "0"))),
    Row("no body, of whatever type", "GET /v1/get/1", ok({"id": "1"}), b"", (("content-type", "text/plain"),)),
]


def _typed(name: str, *headers: tuple[str, str], answer: Answer = ok({"id": "a"})) -> Row:  # noqa: B008  # frozen
    return Row(name, "POST /v1/all", answer, '{"id":"a"}', headers)


TYPES = [
    _typed("no content type"),
    _typed("in capitals", ("content-type", "Application/JSON")),
    _typed("with a charset", ("content-type", "application/json; charset=utf-8")),
    _typed("with a charset in capitals and quotes", ("content-type", 'application/json;charset="UTF-8"')),
    _typed("with another parameter", ("content-type", "application/json; profile=x")),
    _typed("an encoding that is none", *JSON, ("content-encoding", "identity")),
    _typed("Accept names JSON", *JSON, ("accept", "application/json")),
    _typed("Accept excludes JSON", *JSON, ("accept", "text/html")),
    _typed("Accept is unreadable", *JSON, ("accept", ";;q=x,/")),
    *[
        _typed(f"refuses {dict(headers)}", *headers, answer=UNSUPPORTED)
        for headers in (
            [("content-type", "text/plain")],  # er033
            [("content-type", "application/x-www-form-urlencoded")],
            [("content-type", "multipart/form-data; boundary=x")],
            [("content-type", "application/jsonx")],
            [("content-type", "application/vnd.api+json")],
            [("content-type", "application/json, text/plain")],
            [("content-type", "application/json; charset=latin-1")],
            [("content-type", "application/json; charset=utf-16")],
            [("content-type", "application/proto")],
            [("content-type", "application/grpc-web+proto")],
            [("content-type", "application/grpc")],
            [*JSON, ("content-encoding", "gzip")],
            [*JSON, ("content-encoding", "br")],
            [*JSON, ("content-encoding", "nonsense")],  # er034
        )
    ],
]


def _printed(name: str, document: str, printed: str) -> Row:
    return Row(name, "POST /v1/all", replace(ok(), body=printed.encode()), document, JSON)


def _answers(kind: str, document: str, printed: str, name: str = "") -> Row:
    return Row(f"{kind}{name}", f"POST /m/answer/{kind}", replace(ok(), body=printed.encode()), document, JSON)


PRINTED = [
    _printed("no white space", '{"id": "a", "rs": ["b", "c"]}', '{"id":"a","rs":["b","c"]}'),
    _printed("no defaults", '{"id":"","i32":0,"b":false,"color":0,"rs":[],"m":{},"d":0.0}', "{}"),
    _printed(
        "a default that is present", '{"opt":"","sub":{},"iv":"0","oa":""}', '{"sub":{},"iv":"0","oa":"","opt":""}'
    ),
    _printed(
        "64 bits as a string, 32 as a number",
        '{"i64":1,"u64":2,"i32":3,"u32":4}',
        '{"i64":"1","i32":3,"u64":"2","u32":4}',
    ),
    _printed(
        "an enum by its name, or its number without one", '{"color":2,"rc":[1,7]}', '{"color":"BLUE","rc":["RED",7]}'
    ),
    _printed("no number for what is none", '{"d":"NaN","f":"-Infinity"}', '{"d":"NaN","f":"-Infinity"}'),
    _printed("bytes in base64 with padding", '{"by":"aGk","byv":"-_8"}', '{"by":"aGk=","byv":"+/8="}'),
    _printed(
        "names in camel case, or as the proto says", '{"page_size":1,"weird":"a"}', '{"customName":"a","pageSize":1}'
    ),
    _printed("text as it is", '{"id":"é<>&\\u2028"}', '{"id":"é<>&\u2028"}'),
    _printed(
        "times in UTC",
        '{"ts":"2020-01-02T03:04:05.100+01:00","dur":"1.000000001s"}',
        '{"ts":"2020-01-02T02:04:05.100Z","dur":"1.000000001s"}',
    ),
]

PRINTED_FIELDS = [
    _answers("text", '{"name":"a","id":"b"}', '"a"'),
    _answers("text", "{}", '""', " by default"),
    _answers("number", '{"i64":5}', '"5"'),
    _answers("enum", '{"color":1}', '"RED"'),
    _answers("enum", "{}", '"COLOR_UNSPECIFIED"', " by default"),
    _answers("list", '{"rs":["a","b"]}', '["a","b"]'),
    _answers("list", "{}", "[]", " of none"),
    _answers("messages", '{"subs":[{"s":"a"},{}]}', '[{"s":"a"},{}]'),
    _answers("map", '{"m":{"k":"v"}}', '{"k":"v"}'),
    _answers("message", '{"sub":{"i":1}}', '{"i":1}'),
    _answers("message", "{}", "null", " that is absent"),
    _answers("time", '{"ts":"2020-01-02T03:04:05Z"}', '"2020-01-02T03:04:05Z"'),
    _answers("value", '{"val":[1,"a"]}', '[1,"a"]'),
]
