"""Rows: executions that are run for other services, and those that are only tried out."""

from typing import Any

from actiond_protos.actiond.v1 import dry_run_pb2
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTAsync, SetRESTCall, SetRESTWebhook
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct, Value

from tests.parity import execution_shelf as shelf
from tests.parity.calls import answer, id_of, on_function, on_request, on_response, set_execution
from tests.parity.execution_calls import (
    CHANGED,
    CHANGED_RECEIPT,
    FORWARDED,
    ORDER,
    RECEIPT,
    RECEIVER,
    UNKNOWN,
    as_json,
    as_protobuf,
    call,
    candidate,
    described,
    dry_run,
    execute_function,
    execute_request,
    execute_response,
    invalid,
    struct,
    unknown_function,
    unknown_method,
)
from tests.parity.rows_fields import LONG_NAME, ONE_TYPE, POSITIVE, REQUIRED, TOO_SHORT
from tests.parity.scenario import ENVOY_READS_JSON, JSON, PROTOBUF, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import create, request
from tests.support.services.shop import PLACE, SERVICE, order

_NAME = "a target of an execution"
_REQUEST, _RESPONSE, _FUNCTION = on_request(method=PLACE), on_response(method=PLACE), on_function("first")
_LATE = expect.plain(expect.DEADLINE_EXCEEDED, "deadline exceeded")


def _target(path: str, name: str = _NAME, **kind: Any) -> Call:
    """A target that interrupts, unless the row says otherwise."""
    given = kind or {"rest_call": SetRESTCall(interrupt_on_error=True)}
    return create(request(name, endpoint=f"{RECEIVER}{path}", **given))


def bound(condition: Condition, path: str, **kind: Any) -> tuple[Call, ...]:
    """One target, and an execution that calls it."""
    return _target(path, **kind), set_execution(condition, id_of(_NAME))


def _requested(payload: pb.Payload, *, ran: bool = False, changed: bool = False, **set_: bool) -> Outcome:
    known = pb.SetExecutions(request=set_.get("request", ran), response=set_.get("response", False))
    return answer(pb.ExecuteRequestResponse(request=payload, executed=ran, changed=changed, set=known))


def _responded(payload: pb.Payload, *, ran: bool = False, changed: bool = False) -> Outcome:
    known = pb.SetExecutions(response=ran)
    return answer(pb.ExecuteResponseResponse(response=payload, executed=ran, changed=changed, set=known))


def _function(fields: dict[str, Any], *, ran: bool = False) -> Outcome:
    return answer(pb.ExecuteFunctionResponse(payload=struct(fields), executed=ran))


METHODS = [
    Scenario("a request for which nothing is set", call(execute_request()), _requested(as_protobuf(ORDER)), alone=True),
    Scenario(
        "a request for which nothing is set, as JSON",
        call(execute_request(as_json(ORDER))),
        _requested(as_json(ORDER)),
        alone=True,
    ),
    Scenario(
        "a request of an unknown method, for which nothing is set",
        call(execute_request(pb.Payload(protobuf=b"\xff"), UNKNOWN)),
        _requested(pb.Payload(protobuf=b"\xff")),
        alone=True,
    ),
    Scenario(
        "a request of an unknown method, with an execution for all requests",
        call(execute_request(method=UNKNOWN)),
        unknown_method(),
        before=bound(on_request(all=True), "/change"),
        alone=True,
    ),
    Scenario(
        "a request that a target changes",
        call(execute_request()),
        _requested(as_protobuf(CHANGED), ran=True, changed=True),
        before=bound(_REQUEST, "/change"),
        alone=True,
    ),
    Scenario(
        "a request that a target changes, as JSON",
        call(execute_request(as_json(ORDER))),
        _requested(as_json(CHANGED), ran=True, changed=True),
        before=bound(on_request(service=SERVICE), "/change"),
        alone=True,
    ),
    Scenario(
        "a request that a target leaves as it is",
        call(execute_request()),
        _requested(as_protobuf(ORDER), ran=True),
        before=bound(_REQUEST, "/ok"),
        alone=True,
    ),
    Scenario(
        "a request that a target refuses",
        call(execute_request()),
        expect.EXECUTION_FAILED,
        before=bound(_REQUEST, "/status/500"),
        alone=True,
    ),
    Scenario(
        "a request whose target fails without interrupting",
        call(execute_request()),
        _requested(as_protobuf(ORDER), ran=True),
        before=bound(_REQUEST, "/status/500", rest_webhook=SetRESTWebhook()),
        alone=True,
    ),
    Scenario(
        "a request whose target says how the call ends",
        call(execute_request()),
        expect.business(expect.NOT_FOUND, "EXEC-reUaUZCzCp", FORWARDED, "EXECUTION_ERROR_FORWARDED"),
        before=bound(_REQUEST, "/forward"),
        alone=True,
    ),
    Scenario(
        "a request whose target takes longer than the call has",
        call(execute_request(timeout=Duration(nanos=100_000_000))),
        _LATE,
        before=bound(_REQUEST, "/seconds/9"),
        alone=True,
    ),
    Scenario(
        "a request of which the response has an execution",
        call(execute_request()),
        _requested(as_protobuf(ORDER), response=True),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a response for which nothing is set", call(execute_response()), _responded(as_protobuf(RECEIPT)), alone=True
    ),
    Scenario(
        "a response that a target changes",
        call(execute_response()),
        _responded(as_protobuf(CHANGED_RECEIPT), ran=True, changed=True),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a response as JSON of a request as protobuf",
        call(execute_response(as_json(RECEIPT), as_protobuf(ORDER))),
        _responded(as_json(CHANGED_RECEIPT), ran=True, changed=True),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a response that a target refuses",
        call(execute_response()),
        expect.EXECUTION_FAILED,
        before=bound(on_response(all=True), "/leave"),
        alone=True,
    ),
]

_SENT: dict[str, Any] = {"sent": {"number": 12, "half": 0.5}, "name": "Größe", "list": [None, True]}

FUNCTIONS = [
    Scenario(
        "a function for which nothing is set",
        call(execute_function("first", struct(_SENT))),
        _function(_SENT),
        alone=True,
    ),
    Scenario("a function without a payload", call(execute_function("first")), _function({}), alone=True),
    Scenario(
        "a function whose payload a target changes",
        call(execute_function("first", struct(_SENT))),
        _function({**_SENT, "added": [1, "two"], "sent": None}, ran=True),
        before=bound(_FUNCTION, "/enrich"),
        alone=True,
    ),
    Scenario(
        "a function that a target refuses",
        call(execute_function("first")),
        expect.EXECUTION_FAILED,
        before=bound(_FUNCTION, "/status/404"),
        alone=True,
    ),
    Scenario(
        "a function whose target takes longer than it has",
        call(execute_function("first", timeout=Duration(nanos=100_000_000))),
        _LATE,
        before=bound(_FUNCTION, "/seconds/9"),
        alone=True,
    ),
    Scenario("a function that the server was not told of", call(execute_function("sixth")), unknown_function()),
]

_DEEP: dict[str, Any] = {}
for _ in range(32):
    _DEEP = {"a": _DEEP}
_TEXT = len('{"text":""}')
_ROUNDED = "must not hold 9007199254740992, which may have been rounded; send such a number as a string"

FUNCTION_FAULTS = [
    Scenario(f"a function with a payload {what}", call(execute_function("first", payload)), invalid("payload", rule))
    for what, payload, rule in (
        ("that names a function", struct({"function": "second"}), "must not have the key function"),
        (
            "that is too large",
            struct({"text": "x" * (256 * 1024 - _TEXT + 1)}),
            "must be at most 262144 bytes of JSON",
        ),
        ("that is too deep", struct(_DEEP), "must not be nested in more than 32 levels"),
        ("with a number that is rounded", struct({"number": 2.0**53}), _ROUNDED),
    )
]
FUNCTION_FAULTS += [
    Scenario(
        "a function without a name",
        call(execute_function("")),
        expect.violations(function=TOO_SHORT),
    ),
    Scenario(
        "a function with too long a name, in no time",
        call(execute_function("n" * 1001, timeout=Duration())),
        expect.violations(function="must be at most 1000 characters", timeout=POSITIVE),
    ),
    Scenario(
        "a function with a value without a kind",
        call(execute_function("first", Struct(fields={"a": Value()}))),
        invalid("payload", "must not hold a google.protobuf.Value without a kind"),
        only=PROTOBUF,
    ),
]

_IS_BOUND = bound(_REQUEST, "/change")


def _bad_message(id: str, payload: pb.Payload, rule: str) -> Scenario:
    field = f"request.{payload.WhichOneof('content')}"
    return Scenario(id, call(execute_request(payload)), invalid(field, rule), before=_IS_BOUND, alone=True)


_NO_ORDER = "must be a shop.v1.Order in proto3 JSON; "

MESSAGE_FAULTS = [
    _bad_message("bytes that are no message", pb.Payload(protobuf=b"\xff"), "must be a shop.v1.Order, serialized"),
    _bad_message(
        "JSON with an unknown field",
        pb.Payload(json=struct({"itm": "cup"})),
        f"{_NO_ORDER}itm: is not a field of this message",
    ),
    _bad_message("JSON with a rounded number", pb.Payload(json=struct({"count": 2.0**53})), _ROUNDED),
    _bad_message("JSON that is too deep", pb.Payload(json=struct(_DEEP)), "must not be nested in more than 32 levels"),
    Scenario(
        "a response that is no message",
        call(execute_response(pb.Payload(protobuf=b"\xff"))),
        invalid("response.protobuf", "must be a shop.v1.Receipt, serialized"),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a response of a request that is no message",
        call(execute_response(request=pb.Payload(protobuf=b"\xff"))),
        invalid("request.protobuf", "must be a shop.v1.Order, serialized"),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a message that has no JSON form",
        call(execute_request(as_protobuf(order(time={"seconds": 2**50})))),
        expect.business(
            expect.INVALID_ARGUMENT,
            "ACTIOND-json",
            "Message has no JSON form",
            "MESSAGE_NOT_JSON",
            field=(
                "shop.v1.Order",
                "must have a JSON form, which targets get: a Timestamp of 1125899906842624 s and 0 ns is out of range",
            ),
        ),
        before=_IS_BOUND,
        alone=True,
    ),
    Scenario(
        "a payload that is no object",
        call(pb.ExecuteRequestRequest(), json='{"call":{"method":"/a/b"},"request":{"json":[]}}'),
        expect.violations(**{"request.json": "must be an object"}),
        only=JSON,
        differs={"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)},
    ),
    Scenario(
        "a call with a misspelt field",
        call(pb.ExecuteRequestRequest(), json='{"call":{"method":"/a/b","userid":"1"},"request":{"json":{}}}'),
        expect.violations(**{"call.userid": "is not a field of this message"}),
        only=JSON,
        differs={"envoy-json": Differs("Envoy reads JSON itself, and leaves out what it does not know")},
    ),
]

_PATH_RULE = "does not match regex pattern `^/[^/]+/[^/]+$`"
_HEADERS = {f"x-{number}": pb.HeaderValues() for number in range(201)}

RULES = [
    Scenario(
        "a request of nothing", call(pb.ExecuteRequestRequest()), expect.violations(call=REQUIRED, request=REQUIRED)
    ),
    Scenario(
        "a response of nothing",
        call(pb.ExecuteResponseRequest()),
        expect.violations(call=REQUIRED, request=REQUIRED, response=REQUIRED),
    ),
    Scenario(
        "payloads without content",
        call(pb.ExecuteResponseRequest(call=described(), request=pb.Payload(), response=pb.Payload())),
        expect.violations(**{"request.content": ONE_TYPE, "response.content": ONE_TYPE}),
    ),
    Scenario(
        "a call with everything too long",
        call(execute_request(method=f"/a/{'b' * 1000}", user_id="u" * 201, org_id="o" * 201)),
        expect.violations(
            **{
                "call.method": "must be at most 1000 characters",
                "call.user_id": LONG_NAME,
                "call.org_id": LONG_NAME,
            }
        ),
    ),
    *(
        Scenario(
            f"a call of {path!r}, which is no method's path",
            call(execute_request(method=path)),
            expect.violations(**{"call.method": _PATH_RULE}),
        )
        for path in ("", "a/b", "/a", "/a/b/c", "/a/")
    ),
    Scenario(
        "a call that has no time",
        call(execute_request(timeout=Duration(seconds=-1))),
        expect.violations(**{"call.timeout": POSITIVE}),
    ),
    Scenario(
        "a call with too many headers",
        call(execute_request(headers=_HEADERS)),
        expect.violations(**{"call.headers": "map must be at most 200 entries"}),
    ),
    Scenario(
        "a call with too many values of a header",
        call(execute_request(headers={"x": pb.HeaderValues(values=["1"] * 101)})),
        expect.violations(**{'call.headers["x"].values': "must contain no more than 100 item(s)"}),
    ),
    Scenario(
        "a call with a header in capitals",
        call(execute_request(headers={"Host": pb.HeaderValues(values=["x"])})),
        expect.violations(**{'call.headers["Host"]': "does not match regex pattern `^[0-9a-z_.-]{1,200}$`"}),
    ),
    Scenario("a dry run of nothing", call(pb.DryRunRequest()), expect.violations(trigger=ONE_TYPE)),
    Scenario(
        "a dry run of a request of nothing",
        call(pb.DryRunRequest(request=pb.ExecuteRequestRequest())),
        expect.violations(**{"request.call": REQUIRED, "request.request": REQUIRED}),
    ),
]

_RUNS, _EMPTY, _NOT_SET, _OVERRIDDEN = (
    dry_run_pb2.VERDICT_RUNS,
    dry_run_pb2.VERDICT_EMPTY,
    dry_run_pb2.VERDICT_NOT_SET,
    dry_run_pb2.VERDICT_OVERRIDDEN,
)
_SERVICE_REQUESTS, _ALL_REQUESTS = on_request(service=SERVICE), on_request(all=True)
_Obstacle = dry_run_pb2.Obstacle
_OBSTACLES = [
    _Obstacle(kind=_Obstacle.KIND_KEY_UNREADABLE, text="it has no signing key that can be decrypted"),
    _Obstacle(
        kind=_Obstacle.KIND_ADDRESS_DENIED, text="its address is one that must not be called, see --allow-address"
    ),
    _Obstacle(kind=_Obstacle.KIND_TARGET_PAUSED, text="it is paused after status 410: deliveries of events wait"),
]


def _step(path: str, kind: str, name: str = _NAME, **fields: Any) -> dry_run_pb2.DryRunStep:
    """A step with the target that `_target` makes."""
    return dry_run_pb2.DryRunStep(
        target_id=id_of(name),
        name=name,
        endpoint=f"{RECEIVER}{path}",
        kind=f"TARGET_KIND_REST_{kind}",
        timeout=Duration(seconds=10),
        **fields,
    )


def _body(rest: str, *, org: str = "<owner>", user: str = "") -> str:
    user_id = f'"userID":"{user}",' if user else ""
    return f'{{"fullMethod":"{PLACE}","instanceID":"<instance>","orgID":"{org}",{user_id}{rest}}}'


_ORDER_JSON = '{"item":"cup","count":"1152921504606846976"}'
_NOTHING = answer(
    pb.DryRunResponse(candidates=[candidate(one, _NOT_SET) for one in (_REQUEST, _SERVICE_REQUESTS, _ALL_REQUESTS)])
)

DRY_RUNS = [
    Scenario("a dry run where nothing is set", call(dry_run(execute_request())), _NOTHING, alone=True),
    Scenario(
        "a dry run with executions of which one overrides another",
        call(
            dry_run(
                execute_request(
                    user_id="someone", org_id="some org", headers={"host": pb.HeaderValues(values=["shop.example"])}
                )
            )
        ),
        answer(
            pb.DryRunResponse(
                candidates=[
                    candidate(_REQUEST, _NOT_SET),
                    candidate(_SERVICE_REQUESTS, _RUNS),
                    candidate(_ALL_REQUESTS, _OVERRIDDEN),
                ],
                steps=[
                    _step("/change", "CALL", interrupt_on_error=True, includes=[_ALL_REQUESTS]),
                    _step("/ok", "ASYNC", "another target"),
                ],
                body=_body(
                    f'"request":{_ORDER_JSON},"headers":{{"host":["shop.example"]}}', org="some org", user="someone"
                ),
            )
        ),
        before=(
            *bound(_ALL_REQUESTS, "/change"),
            _target("/ok", "another target", rest_async=SetRESTAsync()),
            set_execution(_SERVICE_REQUESTS, _ALL_REQUESTS, id_of("another target")),
        ),
        alone=True,
    ),
    Scenario(
        "a dry run with an empty execution",
        call(dry_run(execute_request(pb.Payload(json=struct({}))))),
        answer(
            pb.DryRunResponse(
                candidates=[
                    candidate(_REQUEST, _EMPTY),
                    candidate(_SERVICE_REQUESTS, _NOT_SET),
                    candidate(_ALL_REQUESTS, _OVERRIDDEN),
                ]
            )
        ),
        before=(*bound(_ALL_REQUESTS, "/change"), set_execution(_REQUEST)),
        alone=True,
    ),
    Scenario(
        "a dry run of a response",
        call(dry_run(execute_response(as_json(RECEIPT)))),
        answer(
            pb.DryRunResponse(
                candidates=[
                    candidate(_RESPONSE, _RUNS),
                    candidate(on_response(service=SERVICE), _NOT_SET),
                    candidate(on_response(all=True), _NOT_SET),
                ],
                steps=[_step("/receipt", "WEBHOOK")],
                body=_body(f'"request":{_ORDER_JSON},"response":{{"id":"1","total":"7"}}'),
            )
        ),
        before=bound(_RESPONSE, "/receipt", rest_webhook=SetRESTWebhook()),
        alone=True,
    ),
    Scenario(
        "a dry run of a function",
        call(dry_run(execute_function("first", struct({"b": 1, "a": None})))),
        answer(
            pb.DryRunResponse(
                candidates=[candidate(_FUNCTION, _RUNS)],
                steps=[_step("/enrich", "CALL", interrupt_on_error=True)],
                body='{"function":"function/first","a":null,"b":1}',
            )
        ),
        before=bound(_FUNCTION, "/enrich"),
        alone=True,
    ),
    Scenario(
        "a dry run of a function for which nothing is set",
        call(dry_run(execute_function("first"))),
        answer(pb.DryRunResponse(candidates=[candidate(_FUNCTION, _NOT_SET)])),
        alone=True,
    ),
    Scenario(
        "a dry run with a target that cannot be called",
        call(dry_run(execute_request()), by=shelf.TOKEN),
        answer(
            pb.DryRunResponse(
                candidates=[
                    candidate(_REQUEST, _RUNS),
                    candidate(_SERVICE_REQUESTS, _NOT_SET),
                    candidate(_ALL_REQUESTS, _NOT_SET),
                ],
                steps=[
                    dry_run_pb2.DryRunStep(
                        target_id=shelf.TARGET,
                        name=shelf.NAME,
                        endpoint=shelf.ENDPOINT,
                        kind=dry_run_pb2.TARGET_KIND_REST_CALL,
                        timeout=Duration(seconds=1, nanos=500_000_000),
                        interrupt_on_error=True,
                        obstacles=_OBSTACLES,
                    )
                ],
                body=_body(f'"request":{_ORDER_JSON}', org=shelf.OWNER),
            )
        ),
    ),
]

DRY_RUN_FAULTS = [
    Scenario(
        "a dry run of a request of an unknown method",
        call(dry_run(execute_request(method=UNKNOWN))),
        unknown_method("request."),
        before=bound(_ALL_REQUESTS, "/change"),
        alone=True,
    ),
    Scenario(
        "a dry run of a response of an unknown method",
        call(dry_run(execute_response(method=UNKNOWN))),
        unknown_method("response."),
        before=bound(on_response(all=True), "/ok"),
        alone=True,
    ),
    Scenario(
        "a dry run of a request that is no message",
        call(dry_run(execute_request(pb.Payload(protobuf=b"\xff")))),
        invalid("request.request.protobuf", "must be a shop.v1.Order, serialized"),
        before=_IS_BOUND,
        alone=True,
    ),
    Scenario(
        "a dry run of a response that is no message",
        call(dry_run(execute_response(pb.Payload(protobuf=b"\xff")))),
        invalid("response.response.protobuf", "must be a shop.v1.Receipt, serialized"),
        before=bound(_RESPONSE, "/receipt"),
        alone=True,
    ),
    Scenario(
        "a dry run of a function that the server was not told of",
        call(dry_run(execute_function("sixth"))),
        unknown_function("function."),
    ),
    Scenario(
        "a dry run of a function with a payload that names a function",
        call(dry_run(execute_function("first", struct({"function": 1})))),
        invalid("function.payload", "must not have the key function"),
    ),
]

ROWS = [
    *representative(METHODS),
    *representative(FUNCTIONS),
    *exhaustive(FUNCTION_FAULTS),
    *exhaustive(MESSAGE_FAULTS),
    *exhaustive(RULES),
    *representative(DRY_RUNS),
    *exhaustive(DRY_RUN_FAULTS),
]
