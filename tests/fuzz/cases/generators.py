"""The generators, one for each edge: mostly requests of its protocol with one thing or another wrong."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from google.protobuf.descriptor import MethodDescriptor

from rpcfront.transcoding.annotations import http_rules
from tests.fuzz.cases import bodies, documents, frames, heads, values
from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.inputs import Case, GrpcInput, Headers, HttpInput, Intent, Quirk
from tests.fuzz.cases.messages import encoded
from tests.fuzz.cases.mutations import cuts, mutate, zipped
from tests.fuzz.service import LIMIT, PROBES, free_methods, methods

VALID = 0.2
"""The share of the requests that arrive as they were made, so that it is seen that they are answered as they ask."""
_LEAVES = 0.02
_LARGE = 0.003


def _method(dice: Dice, *, untouched: bool) -> str:
    """The path of an RPC, or nearly of one."""
    path = dice.choice(free_methods() if untouched else tuple(methods()))
    if untouched or dice.chance(0.9):
        return path
    return dice.choice(
        (
            path.lower(),
            path + "/",
            path + "x",
            "/" + path,
            path.rpartition("/")[0],
            "/t.more.More/Collect",
            "/no.such.Service/Method",
            "/t.v1.T/%47et",
            heads.target(mutate(dice, path.encode())).decode("latin-1"),
        )
    )


def _arriving(dice: Dice, method: str, target: bytes, headers: Headers, body: bytes) -> HttpInput:
    if dice.chance(_LARGE):
        body += b" " * dice.choice((LIMIT, 2 * LIMIT))
    leaves = bool(body) and dice.chance(_LEAVES)
    late = not leaves and dice.chance(_LEAVES)
    return HttpInput(method, target, headers, body, cuts(dice, len(body)), leaves, late, dice.getrandbits(8))


def _untouched(dice: Dice, path: str, data: bytes, body: bytes, headers: Headers) -> Case:
    quirks = dice.choice((0, Quirk.CHUNKED))
    request = HttpInput("POST", path.encode(), headers, body, cuts(dice, len(body)), quirks=quirks)
    return Case(request, Intent(methods()[path].full_name, data))


def grpc_web(dice: Dice, *, text: bool) -> Case:
    """gRPC-Web, binary or in base64."""
    untouched = dice.chance(VALID)
    path = _method(dice, untouched=untouched)
    method = methods().get(path, methods()["/t.v1.T/PostAll"])
    kind = "application/grpc-web-text" if text else "application/grpc-web"
    own: Headers = (("content-type", dice.choice((kind, kind + "+proto"))), ("x-grpc-web", "1"))
    if untouched:
        data = encoded(bodies.request(dice, method.input_type))
        body = frames.frame(data)
        headers = heads.headers(dice, *own, odd=0.0)
        return _untouched(dice, path, data, frames.text(dice, body) if text else body, headers)
    if dice.chance(0.3):
        own += (("grpc-encoding", dice.choice(("gzip", "gzip", *values.CODINGS))),)
    data = bodies.protobuf(dice, method) if dice.chance(0.5) else encoded(bodies.request(dice, method.input_type))
    body = frames.faulty(dice, data, LIMIT) if dice.chance(0.6) else frames.frame(data)
    if text:
        body = frames.faulty_text(dice, body) if dice.chance(0.3) else frames.text(dice, body)
    verb = "POST" if dice.chance(0.97) else dice.choice(values.METHODS)
    return Case(_arriving(dice, verb, heads.target(path.encode("latin-1")), heads.headers(dice, *own), body))


def connect(dice: Dice, *, codec: str) -> Case:
    """Connect, in JSON or in protobuf, with and without its version header."""
    untouched = dice.chance(VALID)
    path = _method(dice, untouched=untouched)
    method = methods().get(path, methods()["/t.v1.T/PostAll"])
    own: Headers = (("content-type", f"application/{codec}"),)
    if dice.chance(0.7):
        own += (("connect-protocol-version", "1"),)
    request = bodies.request(dice, method.input_type)
    if untouched:
        body = documents.printed(request).encode() if codec == "json" else encoded(request)
        return _untouched(dice, path, encoded(request), body, heads.headers(dice, *own, odd=0.0))
    damaged = bodies.json if codec == "json" else bodies.protobuf
    body = damaged(dice, method)
    if codec == "json" and dice.chance(0.05):
        own = own[1:] if dice.chance(0.5) else (("content-type", "application/x-www-form-urlencoded"), *own[1:])
    if dice.chance(0.25):
        own += (("content-encoding", dice.choice(("gzip", "gzip", "gzip", *values.CODINGS))),)
        body = zipped(dice, body, LIMIT)
    verb = "POST" if dice.chance(0.95) else dice.choice(values.METHODS)
    target = heads.target(path.encode("latin-1"))
    if dice.chance(0.05):
        target += b"?" + dice.choice((b"encoding=json&message=%7B%7D&connect=v1", heads.query(dice, method.input_type)))
    return Case(_arriving(dice, verb, target, heads.headers(dice, *own), body))


def connect_stream(dice: Dice, *, codec: str) -> Case:
    """Connect with a stream of responses, mostly of a method that has one."""
    untouched = dice.chance(VALID)
    streams = [path for path, method in methods().items() if method.server_streaming]
    path = dice.choice(streams) if untouched or dice.chance(0.9) else _method(dice, untouched=False)
    method = methods().get(path, methods()[streams[0]])
    own: Headers = (("content-type", f"application/connect+{codec}"),)
    if dice.chance(0.7):
        own += (("connect-protocol-version", "1"),)
    request = bodies.request(dice, method.input_type)
    data = documents.printed(request).encode() if codec == "json" else encoded(request)
    if untouched:
        return _untouched(dice, path, encoded(request), frames.frame(data), heads.headers(dice, *own, odd=0.0))
    if dice.chance(0.3):
        own += (("connect-content-encoding", dice.choice(("gzip", "gzip", *values.CODINGS))),)
    if dice.chance(0.5):
        data = (bodies.json if codec == "json" else bodies.protobuf)(dice, method)
    body = frames.faulty(dice, data, LIMIT) if dice.chance(0.6) else frames.frame(data)
    verb = "POST" if dice.chance(0.97) else dice.choice(values.METHODS)
    return Case(_arriving(dice, verb, heads.target(path.encode("latin-1")), heads.headers(dice, *own), body))


@cache
def _routes() -> tuple[tuple[str, str, str, MethodDescriptor], ...]:
    """Every route: HTTP method, template, whether and what the body is, and the method behind it."""
    return tuple(
        (rule.http_method, rule.template, rule.body, method)
        for method in methods().values()
        for rule in http_rules(method)
    )


# Methods whose request and answer are the whole of a JSON body, and their routes.
_WHOLE = (("/t.v1.T/PostAll", "/v1/all"), ("/echo.v1.Echo/Say", "/v1/notes"), ("/t.more.More/Lines", "/m/lines"))


def json(dice: Dice) -> Case:
    """JSON by google.api.http."""
    own = (("content-type", "application/json"),) if dice.chance(0.8) else ()
    if dice.chance(VALID):
        path, route = dice.choice(_WHOLE)
        request = bodies.request(dice, methods()[path].input_type)
        headers = heads.headers(dice, *own, odd=0.0)
        case = _untouched(dice, path, encoded(request), documents.printed(request).encode(), headers)
        assert isinstance(case.input, HttpInput)
        return case._replace(input=replace(case.input, target=route.encode()))
    verb, template, body_rule, method = dice.choice(_routes())
    target = heads.path(dice, template)
    if dice.chance(0.02):
        target = dice.choice((*(probe.encode() for probe in PROBES), b"*", b"/", b"/nowhere"))
    if dice.chance(0.1 if body_rule == "*" else 0.5):
        target += b"?" + heads.query(dice, method.input_type)
    elif body_rule != "*" and method.input_type.full_name == "t.v1.Req":
        target += b"?customName=%s&i32=%d" % (bodies.ending(dice).encode(), dice.choice((0, 2, 3, 15)))
    verb = dice.choice(values.METHODS) if verb == "*" or dice.chance(0.1) else verb
    body = bodies.by_rule(dice, body_rule, method)
    return Case(_arriving(dice, verb, target, heads.headers(dice, *own), body))


def grpc(dice: Dice) -> Case:
    """Native gRPC, as grpcio hands it over: its core has seen to the framing and to the metadata's grammar."""
    untouched = dice.chance(VALID)
    path = _method(dice, untouched=untouched)
    method = methods().get(path, methods()["/t.v1.T/PostAll"])
    if untouched:
        data = encoded(bodies.request(dice, method.input_type))
        return Case(GrpcInput(path, (("user-agent", "fuzz"),), (data,)), Intent(method.full_name, data))
    metadata = tuple(dice.several(lambda: _metadatum(dice), most=5))
    data = bodies.protobuf(dice, method) if dice.chance(0.7) else encoded(bodies.request(dice, method.input_type))
    messages = (data,) * dice.choice((1,) * 18 + (0, 2))
    timeout = dice.choice((None, None, None, None, None, None, 0.0, 1e-9, 1e-4, 5.0, 1e9))
    return Case(GrpcInput(path, metadata, messages, timeout, leaves=dice.chance(_LEAVES)))


def _metadatum(dice: Dice) -> tuple[str, str | bytes]:
    key = dice.choice(("x-a", "x-b", "authorization", "user-agent", "grpc-timeout", "x-a-bin", "grpc-trace-bin", "te"))
    if key.endswith("-bin"):
        return key, dice.bytes_of(9)
    return key, dice.choice(("", "1", "no", "a, b", "~" * 300, "100%", "1S"))


GENERATORS: dict[str, Callable[[Dice], Case]] = {
    "json": json,
    "grpc-web": partial(grpc_web, text=False),
    "grpc-web-text": partial(grpc_web, text=True),
    "connect-json": partial(connect, codec="json"),
    "connect-proto": partial(connect, codec="proto"),
    "connect-stream-json": partial(connect_stream, codec="json"),
    "connect-stream-proto": partial(connect_stream, codec="proto"),
    "grpc": grpc,
}
