"""Rows: ListExecutions, over the executions of the shelf, and the three lists of what a condition may name."""

from collections.abc import Sequence

from actiond_protos.zitadel.action.v3alpha import query_pb2
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListExecutionFunctionsRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from actiond_protos.zitadel.action.v3alpha.query_pb2 import (
    ExecutionTypeQuery,
    IncludeQuery,
    InConditionsQuery,
    SearchQuery,
    TargetQuery,
)

from tests.parity import shelf
from tests.parity.calls import (
    executions_listed,
    list_executions,
    list_functions,
    list_methods,
    list_services,
    on_event,
    on_function,
    on_request,
    on_response,
)
from tests.parity.rows_fields import FOREIGN_ID, LONG_NAME, ONE_TYPE, REQUIRED, TOO_SHORT
from tests.parity.rows_permissions import FUNCTIONS_LISTED, METHODS_LISTED, SERVICES_LISTED
from tests.parity.scenario import ENVOY_READS_JSON, JSON, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Http, Outcome

_BY = f"Bearer {shelf.TOKEN}"
_ALL = shelf.CONDITIONS
_EVENTS, _FUNCTIONS, _REQUESTS, _RESPONSES = _ALL[:3], _ALL[3:5], _ALL[5:8], _ALL[8:]


def _listed(conditions: Sequence[Condition], total: int | None = None) -> Outcome:
    return executions_listed(*map(shelf.execution, conditions), total=total)


def _with_conditions(*conditions: Condition) -> SearchQuery:
    return SearchQuery(in_conditions_query=InConditionsQuery(conditions=conditions))


def _of_type(execution_type: query_pb2.ExecutionType) -> SearchQuery:
    return SearchQuery(execution_type_query=ExecutionTypeQuery(execution_type=execution_type))


def _naming(target_id: str) -> SearchQuery:
    return SearchQuery(target_query=TargetQuery(target_id=target_id))


def _including(condition: Condition) -> SearchQuery:
    return SearchQuery(include_query=IncludeQuery(include=condition))


def _found(id: str, queries: Sequence[SearchQuery], *conditions: Condition) -> Scenario:
    """In the order of their keys, which the row asks for."""
    return Scenario(f"executions by {id}", list_executions(*queries, asc=True, authorization=_BY), _listed(conditions))


FILTERED = [
    _found("no query", [], *_ALL),
    *(
        _found(f"a condition, {number} on the shelf", [_with_conditions(one)], one)
        for number, one in enumerate(_ALL, 1)
    ),
    _found(
        "several conditions, of which one is not there",
        [_with_conditions(shelf.SECOND, on_function("third"), shelf.ALL_EVENTS)],
        shelf.ALL_EVENTS,
        shelf.SECOND,
    ),
    _found("a group with .*", [_with_conditions(on_event(group="target.*"))], shelf.EVENT_GROUP),
    _found("an event that looks like a group", [_with_conditions(on_event(event="target.*"))]),
    _found("a function that nobody knows", [_with_conditions(on_function("sixth"))]),
    _found("responses where requests are", [_with_conditions(on_response(method=shelf.ONE_REQUEST.request.method))]),
    _found("no conditions, which none has", [_with_conditions()]),
    _found("the type of requests", [_of_type(query_pb2.EXECUTION_TYPE_REQUEST)], *_REQUESTS),
    _found("the type of responses", [_of_type(query_pb2.EXECUTION_TYPE_RESPONSE)], *_RESPONSES),
    _found("the type of events", [_of_type(query_pb2.EXECUTION_TYPE_EVENT)], *_EVENTS),
    _found("the type of functions", [_of_type(query_pb2.EXECUTION_TYPE_FUNCTION)], *_FUNCTIONS),
    _found("no type, which is any", [_of_type(query_pb2.EXECUTION_TYPE_UNSPECIFIED)], *_ALL),
    _found("a target", [_naming(shelf.A.id)], shelf.ALL_EVENTS, shelf.FIRST, shelf.ONE_REQUEST),
    _found("a target that none names", [_naming(shelf.F.id)]),
    _found("another owner's target", [_naming(FOREIGN_ID)]),
    _found("an include", [_including(shelf.EVENT_GROUP)], shelf.ONE_EVENT),
    _found("an include with .*", [_including(on_event(group="target.*"))], shelf.ONE_EVENT),
    _found("an include that looks like a group", [_including(on_event(event="target.*"))]),
    _found("an include that none has", [_including(shelf.SECOND)]),
    _found(
        "two queries, which must both hold",
        [_naming(shelf.A.id), _of_type(query_pb2.EXECUTION_TYPE_FUNCTION)],
        shelf.FIRST,
    ),
    _found("two conditions apart, which rule each other out", [_with_conditions(one) for one in _ALL[:2]]),
    _found("a hundred queries", [_naming(shelf.C.id)] * 100, shelf.EVENT_GROUP),
]


def _paged(id: str, conditions: Sequence[Condition], **page: int) -> Scenario:
    return Scenario(
        f"executions from {id}", list_executions(**page, authorization=_BY), _listed(conditions, total=len(_ALL))
    )


PAGES = [
    Scenario("executions without a query", list_executions(authorization=_BY), _listed(_ALL[::-1])),
    _paged("the second, two of them", _ALL[-2:-4:-1], offset=1, limit=2),
    _paged("the second, two of them, ascending", _ALL[1:3], offset=1, limit=2, asc=True),
    _paged("the last", _ALL[:1], offset=9),
    _paged("beyond the last", (), offset=10),
    _paged("as far as a number goes", (), offset=2**64 - 1, limit=1),
    _paged("the first, as many as there may be", _ALL[::-1], limit=1000),
    Scenario(
        "executions from the second, as the filter leaves them",
        list_executions(_naming(shelf.A.id), asc=True, offset=1, limit=1, authorization=_BY),
        _listed([shelf.FIRST], total=3),
    ),
]
PAGES += [
    Scenario(f"executions with a limit of {limit}", list_executions(limit=limit), expect.LIMIT_TOO_HIGH)
    for limit in (1001, 2**32 - 1)
]

_ENUM = "value must be one of the defined enum values"


def _refused(id: str, expected: Outcome, *queries: SearchQuery) -> Scenario:
    return Scenario(f"executions by {id}", list_executions(*queries), expected)


WRONG = [
    _refused(
        "queries that say nothing",
        expect.violations(
            **{
                "queries[0].query": ONE_TYPE,
                "queries[1].in_conditions_query.conditions[0].condition_type": ONE_TYPE,
                "queries[2].execution_type_query.execution_type": _ENUM,
                "queries[3].target_query.target_id": TOO_SHORT,
                "queries[4].target_query.target_id": LONG_NAME,
                "queries[5].include_query.include": REQUIRED,
                "queries[6].include_query.include.function.name": TOO_SHORT,
            }
        ),
        SearchQuery(),
        _with_conditions(Condition()),
        SearchQuery(execution_type_query=ExecutionTypeQuery(execution_type=5)),  # type: ignore[arg-type]  # no such number is the point
        _naming(""),
        _naming("1" * 201),
        SearchQuery(include_query=IncludeQuery()),
        _including(on_function("")),
    ),
    _refused("101 queries", expect.violations(queries="must contain no more than 100 item(s)"), *[_naming("1")] * 101),
    _refused(
        "1001 conditions",
        expect.violations(**{"queries[0].in_conditions_query.conditions": "must contain no more than 1000 item(s)"}),
        _with_conditions(*[shelf.FIRST] * 1001),
    ),
    _refused(
        "a condition that is empty",
        expect.event_condition_empty("queries[1].in_conditions_query.conditions[1]"),
        _naming("1"),
        _with_conditions(shelf.FIRST, on_event()),
    ),
    _refused(
        "an include that is empty",
        expect.request_condition_empty("queries[0].include_query.include"),
        _including(on_request(all=False)),
    ),
]


def _bad_json(what: str, json: str, field: str, why: str) -> Scenario:
    differs = {"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    call = Call("ListExecutions", json=json)
    return Scenario(
        f"executions by JSON with {what}", call, expect.violations(**{field: why}), only=JSON, differs=differs
    )


_TYPE = f"must be one of {', '.join(query_pb2.ExecutionType.keys())}"
WRONG_JSON = [
    _bad_json(
        "a type that nobody knows",
        '{"queries": [{"executionTypeQuery": {"executionType": "REQUEST"}}]}',
        "queries[0].execution_type_query.execution_type",
        _TYPE,
    ),
    _bad_json(
        "two queries in one",
        '{"queries": [{"targetQuery": {"targetId": "1"}, "inConditionsQuery": {}}]}',
        "queries[0].query",
        'must hold only one of "targetQuery" and "inConditionsQuery"',
    ),
]

JSON_FORMS = [
    Scenario(
        f"executions by JSON {what}",
        Call("ListExecutions", json=json, authorization=_BY),
        _listed(conditions),
        only=JSON,
    )
    for what, json, conditions in (
        ("that is empty", "{}", _ALL[::-1]),
        ("that is not there", "", _ALL[::-1]),
        (
            "with a type by name",
            '{"queries": [{"executionTypeQuery": {"executionType": "EXECUTION_TYPE_FUNCTION"}}]}',
            _FUNCTIONS[::-1],
        ),
        ("with a type by number", '{"queries": [{"execution_type_query": {"execution_type": 4}}]}', _FUNCTIONS[::-1]),
        ("with an include", '{"queries": [{"includeQuery": {"include": {"function": {"name": "first"}}}}]}', _ALL[:1]),
    )
]

CATALOGUE = [
    Scenario("the functions that the server was told of", list_functions(), FUNCTIONS_LISTED),
    Scenario("the methods that the server has", list_methods(), METHODS_LISTED),
    Scenario("the services that the server has", list_services(), SERVICES_LISTED),
    Scenario(
        "the functions, with a query that nobody knows",
        Call(
            "ListExecutionFunctions",
            ListExecutionFunctionsRequest(),
            http=Http(path="/v3alpha/executions/functions?x=y"),
        ),
        expect.violations(x="is not a field of the request"),
        only=JSON,
        differs={
            "envoy-json": Differs(
                "Envoy refuses this itself, in its own words", expect.INVALID_ARGUMENT, http_status=400
            )
        },
    ),
]

ROWS = [
    *exhaustive(FILTERED),
    *exhaustive(PAGES),
    *exhaustive(WRONG),
    *exhaustive(WRONG_JSON),
    *exhaustive(JSON_FORMS),
    *representative(CATALOGUE),
]
