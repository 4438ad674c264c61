"""Rows: UpdateTarget. What is absent stays, and what changes nothing is no event."""

from typing import Any

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, UpdateTargetRequest
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTAsync, SetRESTCall, SetRESTWebhook
from google.protobuf.duration_pb2 import Duration

from tests.parity.calls import delete, details, found, id_of, target, update, updated
from tests.parity.rows_fields import (
    DURATION_FORM,
    ENVOY_NO_SUCH_PATH,
    ENVOY_PRINTS_RANGE,
    FOREIGN_ID,
    HTTP_URL,
    LONG_ENDPOINT,
    LONG_NAME,
    NO_SUCH_PATH,
    POSITIVE,
    RANGE,
    TOO_SHORT,
)
from tests.parity.scenario import ENVOY_READS_JSON, JSON, PROTOBUF, Differs, Scenario, exhaustive
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Http, Outcome
from tests.support.action_service.requests import ENDPOINT, create, get, request


def _kept(said: CreateTargetRequest, sequence: int, id: str) -> tuple[Call, Outcome]:
    """What a GetTargetByID then tells of the target that the row has made under its id as its name."""
    return get(id_of(id)), found(target(said, details(sequence), id_of(id)))


def _change(
    id: str, *, sequence: int = 2, json: str | None = None, first: dict[str, Any] | None = None, **change: Any
) -> Scenario:
    """A target made of `first` and then changed, perhaps by the text `json`, which comes to `change`."""
    made = {"name": id} | (first or {})
    after = request(**made | change)
    return Scenario(
        f"an update of {id}",
        update(id_of(id), json=json, **change),
        updated(sequence),
        only=JSON if json else PROTOBUF | JSON,
        before=(create(request(**made)),),
        then=(_kept(after, sequence, id),),
    )


CHANGES = [
    _change("the name alone", name="the name alone, afterwards"),
    _change("the name's letter case", name="THE NAME'S LETTER CASE"),
    _change("the timeout alone", timeout=Duration(nanos=1)),
    _change("the timeout to the longest there is", timeout=Duration(seconds=315_576_000_000)),
    _change("the endpoint alone", endpoint="http://changed.example:8080/?a=b"),
    _change("the type alone", rest_call=SetRESTCall()),
    _change("the type to asynchronous", rest_async=SetRESTAsync()),
    _change("the flag alone", rest_webhook=SetRESTWebhook(interrupt_on_error=True)),
    _change(
        "the flag, which it takes away",
        first={"rest_webhook": SetRESTWebhook(interrupt_on_error=True)},
        rest_webhook=SetRESTWebhook(),
    ),
    _change(
        "everything",
        name="everything, afterwards",
        rest_call=SetRESTCall(interrupt_on_error=True),
        timeout=Duration(seconds=7),
        endpoint="https://everything.example",
    ),
    _change("a name to the longest there is", name="\N{SNAIL}" * 200),
]

NOTHING_NEW = [
    _change("nothing", sequence=1),
    _change("the name to what it is", sequence=1, name="the name to what it is"),
    _change("the type to what it is", sequence=1, rest_webhook=SetRESTWebhook()),
    _change("the timeout to what it is", sequence=1, timeout=Duration(seconds=10)),
    _change("the endpoint to what it is", sequence=1, endpoint=ENDPOINT),
    _change(
        "everything to what it is",
        sequence=1,
        first={"rest_call": SetRESTCall(interrupt_on_error=True)},
        name="everything to what it is",
        rest_call=SetRESTCall(interrupt_on_error=True),
        timeout=Duration(seconds=10),
        endpoint=ENDPOINT,
    ),
]

_THRICE = "a target that was updated twice"
_RENAMED = "a name that was let go"
SEVERAL = [
    Scenario(
        f"an update of {_THRICE}, once in vain",
        update(id_of(_THRICE), endpoint="https://third.example"),
        updated(3),
        before=(
            create(request(_THRICE)),
            update(id_of(_THRICE), endpoint="https://second.example"),
            update(id_of(_THRICE), endpoint="https://second.example"),
        ),
        then=(_kept(request(_THRICE, endpoint="https://third.example"), 3, _THRICE),),
    ),
    Scenario(
        _RENAMED,
        create(request(_RENAMED)),
        expect.CREATED,
        before=(create(request(_RENAMED)), update(id_of(_RENAMED), name=f"{_RENAMED}, and its new one")),
    ),
]

JSON_FORMS = [
    _change(
        "JSON with the path's id once more",
        json='{"targetId": "<id of JSON with the path\'s id once more>"}',
        sequence=1,
    ),
    _change("JSON that is empty", json="{}", sequence=1),
    _change("JSON with unknown fields", json='{"later": 1}', sequence=1),
    _change("JSON whose nulls say nothing", json='{"name": null, "timeout": null}', sequence=1),
    _change(
        "JSON with names as the proto has them",
        json='{"rest_webhook": {"interrupt_on_error": true}}',
        rest_webhook=SetRESTWebhook(interrupt_on_error=True),
    ),
    _change(
        "JSON in camel case",
        json='{"restCall": {}, "timeout": "1.5s"}',
        rest_call=SetRESTCall(),
        timeout=Duration(seconds=1, nanos=500_000_000),
    ),
]


def _taken(id: str, name: str) -> Scenario:
    """`name` is taken by now; the target that wants it stays as it was."""
    return Scenario(
        f"a rename to {id}",
        update(id_of(f"{id}, before"), name=name),
        expect.NAME_TAKEN,
        before=(create(request(id)), create(request(f"{id}, before"))),
        then=(_kept(request(f"{id}, before"), 1, f"{id}, before"),),
    )


TAKEN = [
    _taken("a name that is taken elsewhere", "a name that is taken elsewhere"),
    _taken("a name that is taken elsewhere in small letters", "A NAME THAT IS TAKEN ELSEWHERE IN SMALL LETTERS"),
    _taken("a name that is taken elsewhere with ß", "A NAME THAT IS TAKEN ELSEWHERE WITH SS"),
]

_GONE = "a target that was deleted, to be updated"
UNKNOWN = [
    Scenario("an update of an id that nobody has", update("1", name="n"), expect.TARGET_TO_CHANGE_UNKNOWN),
    Scenario("an update of nothing at an id that nobody has", update("1"), expect.TARGET_TO_CHANGE_UNKNOWN),
    Scenario("an update of an id that is no number", update("no such id: ü+"), expect.TARGET_TO_CHANGE_UNKNOWN),
    Scenario(
        "an update of an id with a percent sign",
        update("100%"),
        expect.TARGET_TO_CHANGE_UNKNOWN,
    ),
    Scenario("an update of another owner's target", update(FOREIGN_ID, name="n"), expect.TARGET_TO_CHANGE_UNKNOWN),
    Scenario(
        _GONE,
        update(id_of(_GONE), name="n"),
        expect.TARGET_TO_CHANGE_UNKNOWN,
        before=(create(request(_GONE)), delete(id_of(_GONE))),
    ),
    Scenario("an update of an id of 201 characters", update("1" * 201), expect.violations(target_id=LONG_NAME)),
    Scenario(
        "an update of an empty id",
        update(""),
        expect.violations(target_id=TOO_SHORT),
        differs={"json": NO_SUCH_PATH, "envoy-json": ENVOY_NO_SUCH_PATH},
    ),
]


def _refused(id: str, faults: dict[str, str], **change: Any) -> Scenario:
    return Scenario(f"an update with {id}", update("1", **change), expect.violations(**faults))


FIELDS = [
    _refused("an empty name", {"name": TOO_SHORT}, name=""),
    _refused("a name of 201 characters", {"name": LONG_NAME}, name="n" * 201),
    _refused("a timeout of zero", {"timeout": POSITIVE}, timeout=Duration()),
    _refused("a timeout below zero", {"timeout": POSITIVE}, timeout=Duration(nanos=-1)),
    _refused("an empty endpoint", {"endpoint": TOO_SHORT}, endpoint=""),
    _refused("an endpoint of 1001 characters", {"endpoint": LONG_ENDPOINT}, endpoint=f"{ENDPOINT}/".ljust(1001, "x")),
    _refused("an endpoint over ftp", {"endpoint": HTTP_URL}, endpoint="ftp://example.com"),
    _refused("an endpoint without a host", {"endpoint": HTTP_URL}, endpoint="https://"),
    _refused("an endpoint on port 0", {"endpoint": HTTP_URL}, endpoint="https://example.com:0"),
    _refused(
        "several faults, which are all named",
        {"name": TOO_SHORT, "timeout": POSITIVE, "endpoint": HTTP_URL},
        name="",
        timeout=Duration(seconds=-1),
        endpoint="/hook",
    ),
    Scenario(
        "an update with an endpoint at this machine",
        update("1", endpoint="http://127.0.0.1/"),
        expect.endpoint_denied("127.0.0.1 is loopback (127.0.0.0/8)"),
    ),
    Scenario(
        "an update with a timeout above Duration's range",
        update("1", timeout=Duration(seconds=315_576_000_001), json='{"timeout": "315576000001s"}'),
        expect.violations(timeout=RANGE),
        differs=ENVOY_PRINTS_RANGE,
    ),
]


def _bad_json(what: str, json: str, field: str, why: str, envoy: Differs | None = None) -> Scenario:
    differs = {"envoy-json": envoy or Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    call = Call("UpdateTarget", UpdateTargetRequest(target_id="1"), json=json)
    return Scenario(
        f"an update by JSON with {what}", call, expect.violations(**{field: why}), only=JSON, differs=differs
    )


_QUERY = Call(
    "UpdateTarget", UpdateTargetRequest(target_id="1"), json="{}", http=Http(path="/v3alpha/targets/1?name=n")
)
WRONG_JSON = [
    _bad_json(
        "another id than the path's",
        '{"target_id": "2"}',
        "target_id",
        "must not be given twice with different values",
    ),
    _bad_json(
        "another id than the path's, in camel case",
        '{"targetId": "2"}',
        "target_id",
        "must not be given twice with different values",
        Differs("Envoy knows the field by its other name alone, and takes the path's"),
    ),
    _bad_json("a number for a name", '{"name": 7}', "name", "must be a string"),
    _bad_json("a timeout in digits alone", '{"timeout": "10"}', "timeout", DURATION_FORM),
    _bad_json(
        "two target types",
        '{"restCall": {}, "restAsync": {}}',
        "target_type",
        'must hold only one of "restCall" and "restAsync"',
    ),
    Scenario(
        "an update with a query beside its body",
        _QUERY,
        expect.violations(name="must not be a query parameter: the whole request is in the body"),
        only=JSON,
        differs={"envoy-json": Differs("Envoy's transcoder reads the query, too")},
    ),
]

ROWS = [
    *exhaustive(CHANGES),
    *exhaustive(NOTHING_NEW),
    *exhaustive(SEVERAL),
    *exhaustive(JSON_FORMS),
    *exhaustive(TAKEN),
    *exhaustive(UNKNOWN),
    *exhaustive(FIELDS),
    *exhaustive(WRONG_JSON),
]
