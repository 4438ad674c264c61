"""Rows: what is taken, to the edges of every rule, and in every form that a protocol allows."""

import gzip

from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTAsync, SetRESTCall, SetRESTWebhook
from google.protobuf.duration_pb2 import Duration

from tests.parity.scenario import (
    GRPC_WEB,
    HTTP,
    JSON,
    PROTOBUF,
    Differs,
    Scenario,
    exhaustive,
    good,
    good_json,
    representative,
)
from tests.support.action_service import expect
from tests.support.action_service.model import Http
from tests.support.action_service.requests import ENDPOINT, create, request
from tests.support.wire.grpc_web import frame

TYPES = [
    good("a webhook", rest_webhook=SetRESTWebhook()),
    good("a webhook that interrupts on an error", rest_webhook=SetRESTWebhook(interrupt_on_error=True)),
    good("a call", rest_call=SetRESTCall()),
    good("a call that interrupts on an error", rest_call=SetRESTCall(interrupt_on_error=True)),
    good("an asynchronous target", rest_async=SetRESTAsync()),
]

NAMES = [
    good("a name of one character", name="n"),
    good("a name of 200 characters", name="n" * 200),
    good("a name of 200 emoji, which are 800 bytes", name="\N{OCTOPUS}" * 200),
    good("a name in several scripts", name="Größe 大きさ размер μέγεθος גודל حجم"),
    good("a name with combined and joined characters", name="e\u0301 \U0001f469\u200d\U0001f52c \u202edetrevni"),
    good("a name of quotes, backslashes and markup", name="\"'\\/<script>&amp;%00%\r\n\t"),
    good("a name with control characters", name="\x00\x01\x1f\x7f\x80\u2028\ufeff\ufffd"),
    good("a name that is blank", name=" "),
    good("a name that looks like a number", name="1e400"),
]

TIMEOUTS = [
    good("a timeout of one nanosecond", timeout=Duration(nanos=1)),
    good("a timeout of one second", timeout=Duration(seconds=1)),
    good("a timeout with milliseconds", timeout=Duration(nanos=250_000_000)),
    good("a timeout with microseconds", timeout=Duration(seconds=2, nanos=7_000)),
    good("a timeout with nanoseconds", timeout=Duration(seconds=1, nanos=999_999_999)),
    good("a timeout of ten thousand years", timeout=Duration(seconds=315_576_000_000)),
    good("a timeout too long for 64 bits of nanoseconds", timeout=Duration(seconds=9_223_372_037, nanos=1)),
]

_LONG = "https://example.com/"

ENDPOINTS = [
    good("an endpoint over http", endpoint="http://example.com"),
    good("an endpoint whose scheme is in capitals", endpoint="HTTP://example.com/"),
    good("an endpoint on the first port", endpoint="https://example.com:1/"),
    good("an endpoint on the last port", endpoint="https://example.com:65535"),
    good("an endpoint at an IPv4 address", endpoint="http://1.2.3.4:8080/"),
    good("an endpoint at an IPv6 address", endpoint="http://[2a00::1]:8080/hook"),
    good("an endpoint at a host of one label", endpoint="http://hooks/created"),
    good("an endpoint at a host with an underscore", endpoint="http://my_service/"),
    good("an endpoint with user, query and fragment", endpoint="https://u:p%20w@example.com/a?b=c&d=%C3%A9#e"),
    good("an endpoint of exactly 1000 characters", endpoint=_LONG + "x" * (1000 - len(_LONG))),
]

_BODY = f'"timeout": "10s", "endpoint": "{ENDPOINT}"'

JSON_FORMS = [
    good_json("JSON names in camel case", f'{{"name": "NAME", "restWebhook": {{}}, {_BODY}}}'),
    good_json(
        "JSON names as the proto has them",
        f'{{"name": "NAME", "rest_webhook": {{"interrupt_on_error": true}}, {_BODY}}}',
        rest_webhook=SetRESTWebhook(interrupt_on_error=True),
    ),
    good_json(
        "JSON with a flag that is false", f'{{"name": "NAME", "restWebhook": {{"interruptOnError": false}}, {_BODY}}}'
    ),
    good_json(
        "JSON whose unknown fields are ignored",
        f'{{"name": "NAME", "later": {{"a": [1, null]}}, "restAsync": {{"x": 1e5}}, {_BODY}}}',
        rest_async=SetRESTAsync(),
    ),
    good_json(
        "JSON whose nulls stand for nothing",
        f'{{"name": "NAME", "restCall": null, "restWebhook": {{"interruptOnError": null}}, {_BODY}}}',
    ),
    good_json(
        "JSON with white space around everything", f'\r\n\t {{ "name" : "NAME" , "restWebhook" : {{ }} , {_BODY} }} \n'
    ),
    good_json(
        "JSON with escaped characters",
        f'{{"name": "\\u00e9 \\ud83d\\udc19 \\" \\\\ \\/ \\b", "restWebhook": {{}}, {_BODY}}}',
        name='é \N{OCTOPUS} " \\ / \b',
    ),
    good_json("JSON whose key is written with escapes", f'{{"n\\u0061me": "NAME", "restWebhook": {{}}, {_BODY}}}'),
    good_json(
        "JSON with braces, colons and commas inside a string",
        f'{{"name": "{{}}[],::,\\"name\\":", "restWebhook": {{}}, {_BODY}}}',
        name='{}[],::,"name":',
    ),
    Scenario(
        "JSON without a content type",
        create(request("JSON without a content type"), http=Http(content_type="")),
        expect.CREATED,
        only=JSON,
    ),
    Scenario(
        "JSON in capitals",
        create(request("JSON in capitals"), http=Http(content_type="Application/JSON; charset=UTF-8")),
        expect.CREATED,
        only=JSON,
    ),
]

JSON_TIMEOUTS = [
    good_json(
        f"a JSON timeout of {text}",
        f'{{"name": "NAME", "restWebhook": {{}}, "timeout": "{text}", "endpoint": "{ENDPOINT}"}}',
        timeout=timeout,
    )
    for text, timeout in (
        ("1.5s", Duration(seconds=1, nanos=500_000_000)),
        ("1.50s", Duration(seconds=1, nanos=500_000_000)),
        ("0.000000001s", Duration(nanos=1)),
        ("1.000000000s", Duration(seconds=1)),
        ("0.1s", Duration(nanos=100_000_000)),
        ("315576000000s", Duration(seconds=315_576_000_000)),
    )
]

_UNKNOWN_FIELD = bytes([0xFA, 0x7F, 3]) + b"new"
_SECOND_TYPE = bytes([0x22, 0])


def _wire(id: str, more: bytes, **fields: SetRESTAsync) -> Scenario:
    call = create(request(id, **fields), wire=request(id).SerializeToString() + more)
    return Scenario(id, call, expect.CREATED, only=PROTOBUF)


WIRE_FORMS = [
    _wire("protobuf whose unknown fields are ignored", _UNKNOWN_FIELD),
    _wire("protobuf with two target types, of which the last counts", _SECOND_TYPE, rest_async=SetRESTAsync()),
]

_ZIPPED = "a compressed frame"
_BINARY = Differs("Envoy answers in binary unless Accept names the text form")
_NO_PARAMETERS = Differs("Envoy knows gRPC-Web by the exact content type")

HTTP_FORMS = [
    Scenario(
        "a content type with a parameter",
        create(request("a content type with a parameter"), http=Http(content_type="{usual};charset=utf-8")),
        expect.CREATED,
        only=HTTP,
        differs=dict.fromkeys(("envoy-grpc-web", "envoy-grpc-web-text"), _NO_PARAMETERS),
    ),
    Scenario(
        "an Accept of anything, as browsers send it",
        create(request("an Accept of anything"), metadata=(("accept", "*/*"),)),
        expect.CREATED,
        only=HTTP,
        differs={"envoy-grpc-web-text": _BINARY},
    ),
    Scenario(
        "an Accept that names nothing of ours",
        create(request("an Accept that names nothing of ours"), metadata=(("accept", "text/html"),)),
        expect.CREATED,
        only=HTTP,
        differs={"envoy-grpc-web-text": _BINARY},
    ),
    Scenario(
        _ZIPPED,
        create(
            request(_ZIPPED),
            frames=frame(gzip.compress(request(_ZIPPED).SerializeToString()), 1),
            metadata=(("grpc-encoding", "gzip"),),
        ),
        expect.CREATED,
        only=GRPC_WEB,
    ),
]

METADATA = [
    Scenario(id, create(request(id), metadata=metadata, authorization=authorization), expect.CREATED)
    for id, metadata, authorization in (
        (
            "metadata that nobody knows",
            (("x-trace", "a, b"), ("x-trace", "c"), ("x-blob-bin", b"\0\1\xff\xfe")),
            "Bearer {token}",
        ),
        ("a bearer scheme in small letters", (), "bearer {token}"),
        ("a bearer scheme in capitals", (), "BEARER {token}"),
    )
]

FOREIGN_NAME = "Target of another owner"

OWNERS = [good("a name that another owner has taken", name=FOREIGN_NAME)]

ROWS = [
    *representative(TYPES),
    *exhaustive(NAMES),
    *exhaustive(TIMEOUTS),
    *exhaustive(ENDPOINTS),
    *representative(JSON_FORMS),
    *exhaustive(JSON_TIMEOUTS),
    *representative(WIRE_FORMS),
    *representative(HTTP_FORMS),
    *representative(METADATA),
    *representative(OWNERS),
]
