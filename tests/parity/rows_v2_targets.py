"""Rows: creating, reading, updating and deleting targets over v2 and v2beta."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from google.protobuf.duration_pb2 import Duration

from tests.parity.rows_fields import (
    ENVOY_NO_SUCH_PATH,
    FOREIGN_ID,
    LONG_NAME,
    NO_SUCH_PATH,
    ONE_TYPE,
    TOO_SHORT,
)
from tests.parity.rows_good import FOREIGN_NAME
from tests.parity.scenario import (
    ENVOY_READS_JSON,
    JSON,
    Differs,
    Scenario,
    exhaustive,
    representative,
)
from tests.parity.v2_calls import (
    NO_TIMEOUT,
    NO_TIMEOUT_ON_UPDATE,
    VERSIONS,
    Version,
    endpoint_denied,
    endpoint_invalid,
    key_of,
)
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Http, Outcome

_LONGEST_TIMEOUT = Duration(seconds=270)
_NOT_A_URL = "the endpoint is not a URL"
_NO_HOST = "the endpoint's host is neither a name nor an address"
_NO_PORT = "the endpoint is not an http or https URL with a valid port"
_LOOPBACK = "127.0.0.1 is loopback (127.0.0.0/8)"
_LONG_NAME = "must be at most 1000 characters"
_TIMEOUT_RANGE = "must be greater than or equal to 0s and less than or equal to 270s"
_ENUM = "value must be one of the defined enum values"
_NO_SUCH_PATH = {"json": NO_SUCH_PATH, "envoy-json": ENVOY_NO_SUCH_PATH}

_TYPES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a webhook", {"rest_webhook": {}}),
    ("a webhook that interrupts on an error", {"rest_webhook": {"interrupt_on_error": True}}),
    ("a call", {"rest_call": {}}),
    ("a call that interrupts on an error", {"rest_call": {"interrupt_on_error": True}}),
    ("an asynchronous target", {"rest_async": {}}),
)


def _id(version: Version, what: str) -> str:
    return f"{version.name}: {what}"


def _made(version: Version, what: str, fields: dict[str, Any], /, **shown: Any) -> Scenario:
    """A target that is made of `fields`, and shown as they say or as `shown` does."""
    id = _id(version, what)
    name = fields.get("name", id)
    return Scenario(
        id,
        version.create(**{"name": id} | fields),
        version.created(name),
        then=((version.get(version.target(name).id), version.found(version.target(name, **fields | shown))),),
    )


def _refused(version: Version, what: str, expected: Outcome, **fields: Any) -> Scenario:
    id = _id(version, what)
    return Scenario(id, version.create(**{"name": id} | fields), expected)


def _good(version: Version) -> Iterable[Scenario]:
    for what, fields in _TYPES:
        yield _made(version, what, fields)


def _edges(version: Version) -> Iterable[Scenario]:
    start = f"{version.name} "
    for what, fields in (
        ("a name of 1000 characters", {"name": start + "n" * (1000 - len(start))}),
        ("a name of 1000 emoji", {"name": start + "\N{OCTOPUS}" * (1000 - len(start))}),
        ("a timeout of one nanosecond", {"timeout": Duration(nanos=1)}),
        ("a timeout of 270 seconds", {"timeout": _LONGEST_TIMEOUT}),
        ("an endpoint over http", {"endpoint": "http://example.com"}),
        ("an endpoint with a space", {"endpoint": "https://example.com/a b"}),
        ("an endpoint of the greatest length", {"endpoint": "https://example.com/".ljust(version.max_endpoint, "x")}),
    ):
        yield _made(version, what, fields)
    yield replace(_made(version, "a name that another owner has taken", {"name": FOREIGN_NAME}), alone=True)


def _payload_types(version: Version) -> Iterable[Scenario]:
    if not version.has_payload_types:
        return
    json, jwt, jwe = 1, 2, 3
    for what, sent, shown in (
        ("a payload type that is not said", 0, json),
        ("a payload of JSON", json, json),
        ("a payload of JWT", jwt, jwt),
        ("a payload of JWE", jwe, jwe),
    ):
        yield _made(version, what, {"payload_type": sent}, payload_type=shown)
    yield _refused(version, "an unknown payload type", expect.violations(payload_type=_ENUM), payload_type=4)


def _wrong(version: Version) -> Iterable[Scenario]:
    too_long = f"must be at most {version.max_endpoint} characters"
    for what, expected, fields in (
        ("an empty name", expect.violations(name=TOO_SHORT), {"name": ""}),
        ("a name of 1001 characters", expect.violations(name=_LONG_NAME), {"name": "n" * 1001}),
        ("no timeout", NO_TIMEOUT, {"timeout": None}),
        ("a timeout of zero", NO_TIMEOUT, {"timeout": Duration()}),
        ("a negative timeout", expect.violations(timeout=_TIMEOUT_RANGE), {"timeout": Duration(seconds=-1)}),
        (
            "a timeout above 270 seconds",
            expect.violations(timeout=_TIMEOUT_RANGE),
            {"timeout": Duration(seconds=270, nanos=1)},
        ),
        ("an empty endpoint", expect.violations(endpoint=TOO_SHORT), {"endpoint": ""}),
        (
            "an endpoint that is too long",
            expect.violations(endpoint=too_long),
            {"endpoint": "https://example.com/".ljust(version.max_endpoint + 1, "x")},
        ),
    ):
        yield _refused(version, what, expected, **fields)
    for what, endpoint, why in (
        ("that is relative", "/hook", _NO_HOST),
        ("without a scheme", "//example.com/hook", _NO_PORT),
        ("over ftp", "ftp://example.com/", _NO_PORT),
        ("that is a script", "javascript:alert(1)", _NO_HOST),
        ("without a host", "https://", _NO_HOST),
        ("on port 0", "https://example.com:0/", _NO_PORT),
        ("on port 65536", "https://example.com:65536/", _NOT_A_URL),
        ("with a bracket left open", "http://[::1/", _NOT_A_URL),
        ("with a line break", "https://example.com/\r\nHost: other", "the endpoint has control characters"),
        ("with a delete character", "https://example.com/\x7f", "the endpoint has control characters"),
    ):
        yield _refused(version, f"an endpoint {what}", endpoint_invalid("COMMAND-1r2k6qo6wg", why), endpoint=endpoint)
    for what, endpoint, why in (
        ("this machine", "http://127.0.0.1:8080/", _LOOPBACK),
        ("this machine, by name", "http://localhost/", _LOOPBACK),
        ("a private address", "https://10.0.0.1/", "10.0.0.1 is private (10.0.0.0/8)"),
    ):
        yield _refused(version, f"an endpoint at {what}", endpoint_denied(why), endpoint=endpoint)
    yield Scenario(
        _id(version, "an empty request"),
        version.call(version.pb.CreateTargetRequest()),
        expect.violations(name=TOO_SHORT, target_type=ONE_TYPE, endpoint=TOO_SHORT),
    )
    taken, again = _id(version, "a Name that is taken"), _id(version, "A NAME that is taken")
    yield Scenario(taken, version.create(again), expect.NAME_TAKEN, before=(version.create(taken),))


def _looked_up(version: Version) -> Iterable[Scenario]:
    for what, target_id in (
        ("an id that nobody has", "1"),
        ("an id that is no number", "no such id: ü+"),
        ("an id that is a word of another route", "search"),
        ("the id of another owner's target", FOREIGN_ID),
    ):
        yield Scenario(_id(version, what), version.get(target_id), expect.UNKNOWN_TARGET)
    yield Scenario(_id(version, "an id of 201 characters"), version.get("1" * 201), expect.violations(id=LONG_NAME))
    yield Scenario(_id(version, "an empty id"), version.get(""), expect.violations(id=TOO_SHORT), differs=_NO_SUCH_PATH)


_CHANGES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("the timeout alone", {}, {"timeout": Duration(nanos=1)}),
    ("the timeout to the longest there is", {}, {"timeout": _LONGEST_TIMEOUT}),
    ("the endpoint alone", {}, {"endpoint": "http://changed.example:8080/?a=b"}),
    ("the type alone", {}, {"rest_call": {}}),
    ("the type to asynchronous", {}, {"rest_async": {}}),
    ("the flag alone", {}, {"rest_webhook": {"interrupt_on_error": True}}),
    ("the flag, which it takes away", {"rest_webhook": {"interrupt_on_error": True}}, {"rest_webhook": {}}),
    ("nothing", {"rest_async": {}}, {}),
)


def _changed(version: Version) -> Iterable[Scenario]:
    def row(what: str, first: dict[str, Any], change: dict[str, Any], key: str | None = None) -> Scenario:
        id = _id(version, f"an update of {what}")
        after = {field: value for field, value in change.items() if field != "expiration_signing_key"}
        target = version.target(id, **first | after)
        return Scenario(
            id,
            version.update(target.id, **change),
            version.updated(key and key_of(id)),
            before=(version.create(id, **first),),
            then=((version.get(target.id), version.found(target)),),
        )

    for what, first, change in _CHANGES:
        yield row(what, first, change)
    yield row("the name", {}, {"name": _id(version, "the name, afterwards")})
    yield row("the signing key", {}, {"expiration_signing_key": Duration()}, "new")
    yield row(
        "the signing key and the endpoint",
        {},
        {"expiration_signing_key": Duration(), "endpoint": "https://changed.example/"},
        "new",
    )
    if version.has_payload_types:
        yield row("the payload type", {"payload_type": 2}, {"payload_type": 3})
        yield row("the payload type back to JSON", {"payload_type": 2}, {"payload_type": 1})
        yield row("all but the payload type", {"payload_type": 3}, {"timeout": Duration(seconds=1)})


def _not_changed(version: Version) -> Iterable[Scenario]:
    first = _id(version, "a target that cannot be changed so")
    for what, expected, fields in (
        ("an empty name", expect.violations(name=TOO_SHORT), {"name": ""}),
        ("a name of 1001 characters", expect.violations(name=_LONG_NAME), {"name": "n" * 1001}),
        ("a timeout of zero", NO_TIMEOUT_ON_UPDATE, {"timeout": Duration()}),
        ("a timeout above 270 seconds", expect.violations(timeout=_TIMEOUT_RANGE), {"timeout": Duration(seconds=271)}),
        ("an empty endpoint", expect.violations(endpoint=TOO_SHORT), {"endpoint": ""}),
        (
            "an endpoint that is relative",
            endpoint_invalid("COMMAND-jsbaera7b6", _NO_HOST),
            {"endpoint": "/hook"},
        ),
        (
            "an endpoint with a line break",
            endpoint_invalid("COMMAND-jsbaera7b6", "the endpoint has control characters"),
            {"endpoint": "https://example.com/\n"},
        ),
        ("an endpoint on this machine", endpoint_denied(_LOOPBACK), {"endpoint": "http://127.0.0.1/"}),
        (
            "a signing key that stays valid for a while",
            expect.violations(expiration_signing_key="must equal 0s"),
            {"expiration_signing_key": Duration(seconds=1)},
        ),
    ):
        id = _id(version, f"an update to {what}")
        yield Scenario(
            id,
            version.update(version.target(id).id, **fields),
            expected,
            before=(version.create(id),),
            then=((version.get(version.target(id).id), version.found(version.target(id))),),
        )
    taken, id = f"{first}, taken", f"{first}, to a name that is taken"
    yield Scenario(
        id,
        version.update(version.target(id).id, name=taken.upper(), expiration_signing_key=Duration()),
        expect.NAME_TAKEN,
        before=(version.create(taken), version.create(id)),
        then=((version.get(version.target(id).id), version.found(version.target(id))),),
    )
    for what, target_id in (("an id that nobody has", "1"), ("another owner's target", FOREIGN_ID)):
        yield Scenario(
            _id(version, f"an update of {what}"),
            version.update(target_id, timeout=Duration(seconds=1)),
            expect.TARGET_TO_CHANGE_UNKNOWN,
        )
        yield Scenario(
            _id(version, f"a new signing key for {what}"),
            version.update(target_id, expiration_signing_key=Duration()),
            expect.TARGET_TO_CHANGE_UNKNOWN,
        )
    yield Scenario(
        _id(version, "an update of an empty id"),
        version.update("", timeout=Duration(seconds=1)),
        expect.violations(id=TOO_SHORT),
        differs={
            "json": NO_SUCH_PATH,
            "envoy-json": Differs("Envoy ignores the slash at a path's end, and takes this for CreateTarget's"),
        },
    )


def _deleted(version: Version) -> Iterable[Scenario]:
    id = _id(version, "deleting a target, which does not fail the second time")
    target_id = version.target(id).id
    yield Scenario(
        id,
        version.delete(target_id),
        version.deleted(),
        before=(version.create(id),),
        then=(
            (version.get(target_id), expect.UNKNOWN_TARGET),
            (version.delete(target_id), version.deleted()),
            (version.update(target_id, timeout=Duration(seconds=1)), expect.TARGET_TO_CHANGE_UNKNOWN),
        ),
    )
    id = _id(version, "a name whose target was deleted")
    yield Scenario(
        id,
        version.create(id),
        version.created(id),
        before=(version.create(id), version.delete(version.target(id).id)),
    )
    for what, unknown in (
        ("an id that nobody has", "1"),
        ("an id that is no number", "no such id: ü+"),
        ("another owner's target", FOREIGN_ID),
    ):
        yield Scenario(_id(version, f"deleting {what}"), version.delete(unknown), version.never_there())
    yield Scenario(
        _id(version, "deleting an id of 201 characters"), version.delete("1" * 201), expect.violations(id=LONG_NAME)
    )
    yield Scenario(
        _id(version, "deleting an empty id"),
        version.delete(""),
        expect.violations(id=TOO_SHORT),
        differs=_NO_SUCH_PATH,
    )
    one, other = (_id(version, f"{number} target of executions") for number in ("one", "another"))
    ids = version.target(one).id, version.target(other).id
    first, second = version.on_function("first"), version.on_function("second")
    yield Scenario(
        _id(version, "deleting a target strips it from executions, and ends those that had no other"),
        version.delete(ids[0]),
        version.deleted(),
        before=(
            version.create(one),
            version.create(other),
            version.set_execution(first, ids[0], ids[1], ids[0]),
            version.set_execution(second, ids[0]),
        ),
        then=((version.list_executions(), version.executions_listed(version.execution(first, ids[1]))),),
        alone=True,
    )


def _json(version: Version) -> Iterable[Scenario]:
    """Forms that JSON alone has."""
    differs = {"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}

    def create(json: str, **http: Any) -> Call:
        return Call("CreateTarget", version.target_request("n"), json=json, service=version.service, http=Http(**http))

    id = _id(version, "JSON with unknown fields, which are ignored")
    text = '"restAsync": {}, "timeout": "10s", "endpoint": "https://example.com/"'
    yield Scenario(
        id,
        Call(
            "CreateTarget",
            version.target_request(id),
            json=f'{{"name": "{id}", "later": [1], {text}}}',
            service=version.service,
        ),
        version.created(id),
        only=JSON,
    )
    yield Scenario(
        _id(version, "JSON of wrong types"),
        create(f'{{"name": 7, "restAsync": true, {text.partition(", ")[2]}}}'),
        expect.violations(name="must be a string", rest_async="must be an object"),
        only=JSON,
        differs=differs,
    )
    yield Scenario(
        _id(version, "an update by PUT, which is v3alpha's"),
        Call(
            "UpdateTarget",
            version.pb.UpdateTargetRequest(id="1"),
            service=version.service,
            http=Http(verb="PUT"),
        ),
        expect.plain(expect.UNIMPLEMENTED, "method not allowed", 405),
        only=JSON,
        differs={"envoy-json": Differs("Envoy knows no such path", expect.NOT_FOUND, http_status=404)},
    )


ROWS = [row for version in VERSIONS for row in representative(_good(version))]
ROWS += [
    row
    for version in VERSIONS
    for rows in (
        _edges,
        _payload_types,
        _wrong,
        _looked_up,
        _changed,
        _not_changed,
        _deleted,
        _json,
    )
    for row in exhaustive(rows(version))
]
