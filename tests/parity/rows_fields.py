"""Rows: a well-formed request whose fields break their rules, or whose target is not there."""

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from google.protobuf.duration_pb2 import Duration

from tests.parity.scenario import (
    ENVOY_READS_JSON,
    ENVOY_TAKES_IT,
    PROTOBUF,
    Differs,
    Scenario,
    bad,
    bad_json,
    exhaustive,
    representative,
)
from tests.support.action_service import expect
from tests.support.action_service.requests import ENDPOINT, create, get, request

# The rules' own words: protovalidate's for the standard ones, the proto's for the URL.
TOO_SHORT = "must be at least 1 characters"
REQUIRED = "value is required"
ONE_TYPE = "exactly one field is required in oneof"
POSITIVE = "must be greater than 0s"
HTTP_URL = "must be an http or https URL with a host and, if any, a port from 1 to 65535"
LONG_NAME = "must be at most 200 characters"
LONG_ENDPOINT = "must be at most 1000 characters"
RANGE = "must be a duration from -315576000000s to 315576000000s, its seconds and nanos of the same sign"
DURATION_FORM = 'must be a duration such as "10s" or "1.5s", with at most 9 digits after the point'

NAMES = [
    bad("an empty name", expect.violations(name=TOO_SHORT), name=""),
    bad("a name of 201 characters", expect.violations(name=LONG_NAME), name="n" * 201),
    bad("a name of 201 emoji", expect.violations(name=LONG_NAME), name="\N{SNAIL}" * 201),
]


def _taken(id: str, first: str, second: str) -> Scenario:
    return Scenario(id, create(request(second)), expect.NAME_TAKEN, before=(create(request(first)),))


TAKEN = [
    _taken("a name that is taken", "Taken", "Taken"),
    _taken("a name that is taken in another letter case", "mixed Case", "MIXED cASE"),
    _taken("a name that is taken and folds to more letters", "Straße", "STRASSE"),
    _taken("a name that is taken in Greek, with its final sigma", "ΟΔΟΣ", "οδος"),
]

TIMEOUTS = [
    bad("no timeout", expect.violations(timeout=REQUIRED), timeout=None),
    bad("a timeout of zero", expect.violations(timeout=POSITIVE), timeout=Duration()),
    bad("a timeout of minus one second", expect.violations(timeout=POSITIVE), timeout=Duration(seconds=-1)),
    bad("a timeout of minus one nanosecond", expect.violations(timeout=POSITIVE), timeout=Duration(nanos=-1)),
]

ENVOY_PRINTS_RANGE = {"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}


def _out_of_range(id: str, text: str, timeout: Duration) -> Scenario:
    """`text` is the same timeout in JSON, which protobuf's own printer refuses to write."""
    json = f'{{"name": "{id}", "restWebhook": {{}}, "timeout": "{text}", "endpoint": "{ENDPOINT}"}}'
    return Scenario(
        id,
        create(request(id, timeout=timeout), json=json),
        expect.violations(timeout=RANGE),
        differs=ENVOY_PRINTS_RANGE,
    )


def _on_the_wire(id: str, timeout: Duration) -> Scenario:
    """A Duration for which JSON has no words."""
    return Scenario(id, create(request(id, timeout=timeout)), expect.violations(timeout=RANGE), only=PROTOBUF)


RANGES = [
    _out_of_range("a timeout above Duration's range", "315576000001s", Duration(seconds=315_576_000_001)),
    _out_of_range("a timeout below Duration's range", "-315576000001s", Duration(seconds=-315_576_000_001)),
    _out_of_range("a timeout of the largest number", "9223372036854775807s", Duration(seconds=2**63 - 1)),
    _on_the_wire("a timeout whose nanos make a second", Duration(seconds=1, nanos=1_000_000_000)),
    _on_the_wire("a timeout whose nanos are of the other sign", Duration(seconds=1, nanos=-1)),
    _on_the_wire("a negative timeout whose nanos are of the other sign", Duration(seconds=-1, nanos=1)),
]

_LENIENT = frozenset({'{"seconds": 10}', '"+1s"', '" 1s"', '"1 s"'})

JSON_TIMEOUTS = [
    bad_json(
        f"a JSON timeout of {text}",
        f'{{"name": "n", "restWebhook": {{}}, "timeout": {text}, "endpoint": "{ENDPOINT}"}}',
        expect.violations(timeout=DURATION_FORM),
        envoy=ENVOY_TAKES_IT if text in _LENIENT else None,
    )
    for text in (
        '"10"',
        '"10m"',
        "10",
        "10.5",
        '""',
        '"s"',
        '"1.0000000001s"',
        '"1e3s"',
        '"0x1s"',
        '"+1s"',
        '" 1s"',
        '"1s "',
        '"1 s"',
        '"\u0661s"',
        "true",
        "[]",
        '{"seconds": 10}',
    )
]

_LONG = "https://example.com/"

ENDPOINTS = [
    bad(f"an endpoint {what}", expect.violations(endpoint=text), endpoint=endpoint)
    for what, endpoint, text in (
        ("that is empty", "", TOO_SHORT),
        ("that is relative", "/hook", HTTP_URL),
        ("without a scheme", "example.com/hook", HTTP_URL),
        ("relative to a scheme", "//example.com/hook", HTTP_URL),
        ("of 1001 characters", _LONG + "x" * (1001 - len(_LONG)), LONG_ENDPOINT),
        ("of 1001 characters that are no URL", "x" * 1001, f"{HTTP_URL}; {LONG_ENDPOINT}"),
        ("with spaces", "https://example.com/a b", HTTP_URL),
        ("with a line break", "https://example.com/\r\nHost: other", HTTP_URL),
        ("over ftp", "ftp://example.com/", HTTP_URL),
        ("that is a script", "javascript:alert(1)", HTTP_URL),
        ("without a host", "https://", HTTP_URL),
        ("with a path in place of its host", "http:///hook", HTTP_URL),
        ("with a port in place of its host", "https://:80/", HTTP_URL),
        ("with a user in place of its host", "https://user@/", HTTP_URL),
        ("on port 99999", "https://example.com:99999/", HTTP_URL),
        ("on port 65536", "https://example.com:65536/", HTTP_URL),
        ("on port 0", "https://example.com:0/", HTTP_URL),
        ("on a port that is no number", "https://example.com:http/", HTTP_URL),
        ("with a bracket left open", "http://[::1/", HTTP_URL),
    )
]

# What each says of itself is the guard's own business, and tested beside it at length.
DENIED = [
    bad(f"an endpoint at {what}", expect.endpoint_denied(why), endpoint=endpoint)
    for what, endpoint, why in (
        ("this machine", "http://127.0.0.1:8080/", "127.0.0.1 is loopback (127.0.0.0/8)"),
        ("this machine, by name", "http://localhost/", "127.0.0.1 is loopback (127.0.0.0/8)"),
        ("this machine, in IPv6", "http://[::1]:8080/hook", "::1 is loopback"),
        ("a private address", "https://10.0.0.1/", "10.0.0.1 is private (10.0.0.0/8)"),
        ("a cloud's metadata service", "http://169.254.169.254/", "169.254.169.254 is a cloud's metadata service"),
        (
            "an address for documentation",
            "http://[2001:db8::1]/",
            "2001:db8::1 is reserved for documentation (2001:db8::/32)",
        ),
    )
]

TYPES = [
    Scenario(
        "no target type",
        create(CreateTargetRequest(name="no target type", timeout=Duration(seconds=1), endpoint=ENDPOINT)),
        expect.violations(target_type=ONE_TYPE),
    ),
]

SEVERAL = [
    Scenario(
        "several faults are named at once, one violation per field",
        create(CreateTargetRequest(name="n" * 201, timeout=Duration(seconds=-1), endpoint="ftp://example.com")),
        expect.violations(name=LONG_NAME, target_type=ONE_TYPE, timeout=POSITIVE, endpoint=HTTP_URL),
    ),
    Scenario(
        "an empty request",
        create(CreateTargetRequest()),
        expect.violations(name=TOO_SHORT, target_type=ONE_TYPE, timeout=REQUIRED, endpoint=TOO_SHORT),
    ),
    Scenario(
        "a duration out of range is named beside the other faults",
        create(
            CreateTargetRequest(timeout=Duration(seconds=2**62), endpoint="x"),
            json=f'{{"timeout": "{2**62}s", "endpoint": "x"}}',
        ),
        expect.violations(name=TOO_SHORT, target_type=ONE_TYPE, timeout=RANGE, endpoint=HTTP_URL),
        differs=ENVOY_PRINTS_RANGE,
    ),
    bad_json(
        "JSON values of the wrong form are named beside the other faults",
        '{"name": 7, "restWebhook": {"interruptOnError": "true"}, "timeout": 10, "endpoint": "x"}',
        expect.violations(
            **{"rest_webhook.interrupt_on_error": "must be true or false"},
            name="must be a string",
            timeout=DURATION_FORM,
            endpoint=HTTP_URL,
        ),
    ),
]

NO_SUCH_PATH = Differs(
    "the route asks for a segment, and an empty one is none", expect.NOT_FOUND, "no such path", http_status=404
)
ENVOY_NO_SUCH_PATH = Differs("as over JSON, in Envoy's words", expect.NOT_FOUND, http_status=404)

FOREIGN_ID = "270000000000000001"

LOOK_UPS = [
    Scenario("an id that nobody has", get("1"), expect.UNKNOWN_TARGET),
    Scenario("an id that is no number", get("no such id: ü+"), expect.UNKNOWN_TARGET),
    Scenario("an id that is a word of another route", get("search"), expect.UNKNOWN_TARGET),
    Scenario("an id with a percent sign", get("100%"), expect.UNKNOWN_TARGET),
    Scenario("the id of another owner's target", get(FOREIGN_ID), expect.UNKNOWN_TARGET),
    Scenario("an id of 201 characters", get("1" * 201), expect.violations(target_id=LONG_NAME)),
    Scenario(
        "an empty id",
        get(""),
        expect.violations(target_id=TOO_SHORT),
        differs={"json": NO_SUCH_PATH, "envoy-json": ENVOY_NO_SUCH_PATH},
    ),
]

ROWS = [
    *exhaustive(NAMES),
    *exhaustive(TAKEN),
    *exhaustive(TIMEOUTS),
    *exhaustive(RANGES),
    *exhaustive(JSON_TIMEOUTS),
    *exhaustive(ENDPOINTS),
    *exhaustive(DENIED),
    *representative(TYPES),
    *representative(SEVERAL),
    *exhaustive(LOOK_UPS),
]
