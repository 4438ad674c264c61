"""Rows: calls to what is not there, in the wrong way, or too large."""

from tests.parity.scenario import HTTP, JSON, PROTOBUF, Differs, Scenario, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Http, Outcome
from tests.support.action_service.requests import create, get, request

_NO_METHOD = expect.plain(expect.UNIMPLEMENTED, "Method not found!")

UNKNOWN_METHODS = [
    Scenario("a method that does not exist", Call("NoSuchMethod"), _NO_METHOD, only=PROTOBUF),
    Scenario("a service that does not exist", Call("CreateTarget", service="no.Service"), _NO_METHOD, only=PROTOBUF),
    Scenario("an unknown method without a token", Call("NoSuchMethod", authorization=None), _NO_METHOD, only=PROTOBUF),
]


def _http(id: str, http: Http, expected: Outcome, envoy: Differs | None = None, json: str = "") -> Scenario:
    call = Call("CreateTarget", json=json, http=http)
    return Scenario(id, call, expected, only=JSON, differs={"envoy-json": envoy} if envoy else {})


_NO_PATH = expect.plain(expect.NOT_FOUND, "no such path")
_NOT_ALLOWED = expect.plain(expect.UNIMPLEMENTED, "method not allowed", http_status=405)
# Connect's code for a 405.
_RPC_NOT_ALLOWED = expect.plain(expect.UNKNOWN, "method not allowed", http_status=405)
_NO_METHOD = expect.plain(expect.UNIMPLEMENTED, "the method is not one that is served here", http_status=501)

_ENVOY_404 = Differs("Envoy's transcoder answers an unknown path in its own words", expect.NOT_FOUND, http_status=404)
_ENVOY_METHOD = Differs("to Envoy's transcoder the wrong method is an unknown path", expect.NOT_FOUND, http_status=404)
_ENVOY_RPC = Differs("what is not gRPC on an RPC's path is an unknown path to Envoy", expect.NOT_FOUND, http_status=404)
_ENVOY_400 = Differs("Envoy refuses this itself, in its own words", expect.INVALID_ARGUMENT, http_status=400)

_ENVOY_PUT = Differs("Envoy speaks gRPC upstream, and answers in gRPC-Web's form with the status that comes back")
_ENVOY_SLASH = Differs("Envoy's transcoder passes over a trailing slash")

_RPC = Call("CreateTarget").rpc_path

PATHS = [
    _http("an unknown path", Http("GET", "/v3alpha/nothing"), _NO_PATH, _ENVOY_404),
    _http("the root", Http("GET", "/"), _NO_PATH, _ENVOY_404),
    _http("a path with a trailing slash", Http("POST", "/v3alpha/targets/"), _NO_PATH, _ENVOY_SLASH, "{}"),
    _http("a path with a double slash", Http("POST", "/v3alpha//targets"), _NO_PATH, _ENVOY_404, "{}"),
    _http("an unknown path below a known one", Http("GET", "/v3alpha/targets/1/2"), _NO_PATH, _ENVOY_404),
    _http("a DELETE where there is a POST", Http("DELETE", "/v3alpha/targets"), _NOT_ALLOWED, _ENVOY_METHOD),
    _http("a POST where there is a GET", Http("POST", "/v3alpha/targets/1"), _NOT_ALLOWED, _ENVOY_METHOD, "{}"),
    _http("a GET where there are others", Http("GET", "/v3alpha/executions"), _NOT_ALLOWED, _ENVOY_METHOD),
    _http("a POST to a list", Http("POST", "/v3alpha/executions/functions"), _NOT_ALLOWED, _ENVOY_METHOD, "{}"),
    _http("a method that nobody knows", Http("BREW", "/v3alpha/targets"), _NO_METHOD, _ENVOY_400),
    _http("a GET of an RPC's path", Http("GET", _RPC), _RPC_NOT_ALLOWED, _ENVOY_RPC),
    _http("a PUT to an RPC's path", Http("PUT", _RPC, "application/grpc-web+proto"), _RPC_NOT_ALLOWED, _ENVOY_PUT, "x"),
]


_NOT_JSON = expect.plain(
    expect.INVALID_ARGUMENT, "the content type must be application/json, in UTF-8", http_status=415
)
# Connect's code for a 415.
_NOT_RPC = expect.plain(
    expect.UNKNOWN,
    "the content type must be application/json or application/proto, or one of gRPC-Web's",
    http_status=415,
)
_ENVOY_TAKES_ANY = {"envoy-json": Differs("Envoy's transcoder reads JSON under any content type")}


def _type(id: str, content_type: str) -> Scenario:
    call = create(request(id), http=Http(content_type=content_type))
    return Scenario(id, call, _NOT_JSON, only=JSON, differs=_ENVOY_TAKES_ANY)


CONTENT_TYPES = [
    _type("a body of plain text", "text/plain"),
    _type("a body that is a form", "application/x-www-form-urlencoded"),
    _type("JSON in another charset", "application/json; charset=iso-8859-1"),
    _http(
        "plain text to an RPC's path",
        Http("POST", _RPC, "text/plain"),
        _NOT_RPC,
        _ENVOY_RPC,
        "x",
    ),
]

_QUERY = "a query beside a body that is the whole message"

QUERIES = [
    Scenario(
        _QUERY,
        create(request(_QUERY), http=Http(path="/v3alpha/targets?name=n")),
        expect.violations(name="must not be a query parameter: the whole request is in the body"),
        only=JSON,
        differs={"envoy-json": Differs("Envoy's transcoder reads the query, too")},
    ),
    Scenario(
        "an unknown query parameter",
        get("1", http=Http(path="/v3alpha/targets/1?x=y")),
        expect.violations(x="is not a field of the request"),
        only=JSON,
        differs={"envoy-json": _ENVOY_400},
    ),
]

LIMIT = 1024 * 1024
_LARGE = request("n" * LIMIT)
_TOO_LARGE = f"the request is larger than the limit of {LIMIT} bytes"

_TWO_LIMITS = {"envoy-json": Differs("Envoy has the same limit, and whoever meets it first answers: 413, 429 or 401")}

LARGE = [
    Scenario(
        "a message over the limit",
        create(_LARGE),
        expect.plain(expect.RESOURCE_EXHAUSTED, _TOO_LARGE),
        only=PROTOBUF,
    ),
    Scenario(
        "JSON over the limit",
        create(_LARGE),
        expect.plain(expect.RESOURCE_EXHAUSTED, _TOO_LARGE, http_status=413),
        only=JSON,
        differs=_TWO_LIMITS,
    ),
    Scenario(
        "a body over the limit without a token",
        create(_LARGE, authorization=None),
        expect.TOKEN_MISSING,
        differs=_TWO_LIMITS,
    ),
    Scenario(
        "a name of a million characters, which is within the limit",
        create(request("n" * 1_000_000)),
        expect.violations(name="must be at most 200 characters"),
    ),
]

_BAD_TIMEOUT = "grpc-timeout must be digits and one of H, M, S, m, u, n"
_GRPC_TIMEOUT = Differs("a client of gRPC's own writes no other")

DEADLINES = [
    Scenario(
        f"a grpc-timeout of {text}",
        create(request("late"), metadata=(("grpc-timeout", text),)),
        expect.plain(expect.INVALID_ARGUMENT, _BAD_TIMEOUT),
        only=HTTP,
        differs=dict.fromkeys(
            ("envoy-json", "envoy-grpc-web", "envoy-grpc-web-text"),
            Differs("Envoy and grpcio pass over what they cannot read"),
        ),
    )
    for text in ("10", "S", "-1S", "1s", "soon")
]
DEADLINES += [
    Scenario(
        "a deadline that is over",
        create(request("late"), metadata=(("grpc-timeout", "0n"),)),
        expect.plain(expect.DEADLINE_EXCEEDED, "deadline exceeded"),
        only=HTTP,
        differs=dict.fromkeys(
            ("envoy-json", "envoy-grpc-web", "envoy-grpc-web-text"), Differs("to Envoy, 0 means no deadline")
        ),
    ),
    Scenario(
        "binary metadata that is not base64",
        create(request("not base64"), metadata=(("x-blob-bin", "@@@"),)),
        expect.plain(expect.INVALID_ARGUMENT, "x-blob-bin: not base64"),
        only=HTTP,
        differs=dict.fromkeys(
            ("envoy-json", "envoy-grpc-web", "envoy-grpc-web-text"),
            Differs("grpcio breaks off the stream before any code of ours"),
        ),
    ),
]

ROWS = [
    *representative(UNKNOWN_METHODS),
    *representative(PATHS),
    *representative(CONTENT_TYPES),
    *representative(QUERIES),
    *representative(LARGE),
    *representative(DEADLINES),
]
