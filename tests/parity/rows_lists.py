"""Rows: ListTargets, over the targets of the shelf. They are asked for by letter; see there what each of them is."""

from collections.abc import Iterable
from typing import Any

from actiond_protos.zitadel.action.v3alpha import query_pb2
from actiond_protos.zitadel.action.v3alpha.query_pb2 import InTargetIDsQuery, TargetNameQuery, TargetSearchQuery
from actiond_protos.zitadel.object.v2 import object_pb2

from tests.parity import shelf
from tests.parity.calls import ANY_COLUMN, Column, list_targets, targets_listed
from tests.parity.rows_fields import FOREIGN_ID, LONG_NAME, ONE_TYPE
from tests.parity.scenario import ENVOY_READS_JSON, ENVOY_TAKES_IT, JSON, Differs, Scenario, exhaustive
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome

_BY = f"Bearer {shelf.TOKEN}"
_LETTERS = dict(zip("ABCDEF", shelf.TARGETS, strict=True))


def _listed(letters: str, *, total: int | None = None, column: Column = ANY_COLUMN) -> Outcome:
    return targets_listed(*(_LETTERS[letter].message() for letter in letters), total=total, column=column)


# By every column, ascending; equals come by id.
_ORDERS = {
    query_pb2.FIELD_NAME_UNSPECIFIED: "ABCDEF",
    query_pb2.FIELD_NAME_ID: "ABCDEF",
    query_pb2.FIELD_NAME_CREATION_DATE: "BCAFDE",
    query_pb2.FIELD_NAME_CHANGE_DATE: "BDECAF",
    query_pb2.FIELD_NAME_NAME: "EACFDB",
    query_pb2.FIELD_NAME_TARGET_TYPE: "CFBDAE",
    query_pb2.FIELD_NAME_URL: "BADCFE",
    query_pb2.FIELD_NAME_TIMEOUT: "DBEFAC",
    query_pb2.FIELD_NAME_ASYNC: "ABDECF",
    query_pb2.FIELD_NAME_INTERRUPT_ON_ERROR: "BCEFAD",
}

SORTED = [
    Scenario(
        f"targets by {query_pb2.TargetFieldName.Name(column)}, {way}",
        list_targets(column=column, asc=asc, authorization=_BY),
        _listed(order if asc else order[::-1], column=column),
    )
    for column, order in _ORDERS.items()
    for way, asc in (("ascending", True), ("descending", False))
]
SORTED += [
    Scenario("targets without a query", list_targets(authorization=_BY), _listed("FEDCBA")),
]


def _named(text: str, method: object_pb2.TextQueryMethod) -> TargetSearchQuery:
    return TargetSearchQuery(target_name_query=TargetNameQuery(target_name=text, method=method))


def _with_ids(*ids: str) -> TargetSearchQuery:
    return TargetSearchQuery(in_target_ids_query=InTargetIDsQuery(target_ids=ids))


# How names are compared, with what, and the targets that are found, in the order of their ids, descending.
NAMES: tuple[tuple[object_pb2.TextQueryMethod, str, str], ...] = (
    (object_pb2.TEXT_QUERY_METHOD_EQUALS, "Alpha", "A"),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS, "alpha", ""),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS, "Alph", ""),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS, "", ""),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE, "aLPHA", "A"),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE, "STRASSE", "D"),
    (object_pb2.TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE, "big οδος", "F"),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH, "Alpha", "A"),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH, "al", "B"),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH, "BET", "C"),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH, "lpha", ""),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE, "ALPHA", "BA"),
    (object_pb2.TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE, "b", "FC"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "ph", "BA"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "PH", ""),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "%", "E"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "_", "E"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "*", ""),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS, "", "FEDCBA"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE, "PH", "BA"),
    (object_pb2.TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE, "SS", "D"),
    (object_pb2.TEXT_QUERY_METHOD_ENDS_WITH, "a", "A"),
    (object_pb2.TEXT_QUERY_METHOD_ENDS_WITH, "\\", "E"),
    (object_pb2.TEXT_QUERY_METHOD_ENDS_WITH, "Alph", ""),
    (object_pb2.TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE, "A", "CA"),
    (object_pb2.TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE, "δοσ", "F"),
)

FILTERED = [
    Scenario(
        f"targets by {object_pb2.TextQueryMethod.Name(method)} of {text!r}",
        list_targets(_named(text, method), authorization=_BY),
        _listed(letters),
    )
    for method, text, letters in NAMES
]


def _filtered(id: str, queries: Iterable[TargetSearchQuery], letters: str) -> Scenario:
    return Scenario(f"targets by {id}", list_targets(*queries, authorization=_BY), _listed(letters))


_PH = _named("ph", object_pb2.TEXT_QUERY_METHOD_CONTAINS)

FILTERED += [
    _filtered("ids", [_with_ids(shelf.A.id, shelf.D.id)], "DA"),
    _filtered("one id, given twice", [_with_ids(shelf.A.id, shelf.A.id)], "A"),
    _filtered("ids of which one is unknown and one another owner's", [_with_ids("1", FOREIGN_ID, shelf.C.id)], "C"),
    _filtered("an id with a zero before it", [_with_ids(f"0{shelf.A.id}")], ""),
    _filtered("no ids, which none has", [_with_ids()], ""),
    _filtered("two queries, which must both hold", [_PH, _with_ids(shelf.A.id, shelf.C.id)], "A"),
    _filtered("two queries that rule each other out", [_with_ids(shelf.A.id), _with_ids(shelf.B.id)], ""),
    _filtered("a hundred queries", [_PH] * 100, "BA"),
]


def _paged(id: str, letters: str, total: int = 6, **page: Any) -> Scenario:
    return Scenario(f"targets from {id}", list_targets(**page, authorization=_BY), _listed(letters, total=total))


PAGES = [
    _paged("the second, two of them", "ED", offset=1, limit=2),
    _paged("the last", "A", offset=5),
    _paged("beyond the last", "", offset=6),
    _paged("as far as a number goes", "", offset=2**64 - 1, limit=1),
    _paged("the first, one of them", "F", limit=1),
    _paged("the first, as many as there may be", "FEDCBA", limit=1000),
    Scenario(
        "targets by a column and from the second, as the filter leaves them",
        list_targets(_PH, column=query_pb2.FIELD_NAME_URL, asc=True, offset=1, limit=5, authorization=_BY),
        _listed("A", total=2, column=query_pb2.FIELD_NAME_URL),
    ),
]

_LIMITS = [
    Scenario(f"a limit of {limit}, which is over the maximum", list_targets(limit=limit), expect.LIMIT_TOO_HIGH)
    for limit in (1001, 2**32 - 1)
]

_ENUM = "value must be one of the defined enum values"

WRONG = [
    Scenario(
        "targets by a column that is none",
        list_targets(column=10),  # type: ignore[arg-type]  # no such number is the point
        expect.violations(sorting_column=_ENUM),
    ),
    Scenario(
        "targets by a query that says nothing",
        list_targets(_PH, TargetSearchQuery()),
        expect.violations(**{"queries[1].query": ONE_TYPE}),
    ),
    Scenario(
        "targets by a name of 201 characters and a method that is none",
        list_targets(TargetSearchQuery(target_name_query=TargetNameQuery(target_name="n" * 201, method=8))),  # type: ignore[arg-type]  # no such number is the point
        expect.violations(
            **{"queries[0].target_name_query.method": _ENUM, "queries[0].target_name_query.target_name": LONG_NAME}
        ),
    ),
    Scenario(
        "targets by 101 queries",
        list_targets(*[_PH] * 101),
        expect.violations(queries="must contain no more than 100 item(s)"),
    ),
    Scenario(
        "targets by 1001 ids",
        list_targets(_with_ids(*["1"] * 1001)),
        expect.violations(**{"queries[0].in_target_ids_query.target_ids": "must contain no more than 1000 item(s)"}),
    ),
]


def _bad_json(what: str, json: str, field: str, why: str, envoy: Differs | None = None) -> Scenario:
    differs = {"envoy-json": envoy or Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    call = Call("ListTargets", json=json)
    return Scenario(f"targets by JSON with {what}", call, expect.violations(**{field: why}), only=JSON, differs=differs)


_COLUMN = f"must be one of {', '.join(map(query_pb2.TargetFieldName.Name, _ORDERS))}"
WRONG_JSON = [
    _bad_json("a column that nobody knows", '{"sortingColumn": "NAME"}', "sorting_column", _COLUMN),
    _bad_json(
        "an offset below zero",
        '{"query": {"offset": "-1"}}',
        "query.offset",
        "must be a whole number from 0 to 18446744073709551615",
    ),
    _bad_json(
        "a limit over 32 bits",
        '{"query": {"limit": 4294967296}}',
        "query.limit",
        "must be a whole number from 0 to 4294967295",
    ),
    _bad_json(
        "queries that are no list",
        '{"queries": {}}',
        "queries",
        "must be an array",
        Differs("Envoy's parser takes one value for a list of one"),
    ),
    _bad_json(
        "an id that is a number",
        '{"queries": [{"inTargetIdsQuery": {"targetIds": ["1", 2]}}]}',
        "queries[0].in_target_ids_query.target_ids[1]",
        "must be a string",
        ENVOY_TAKES_IT,
    ),
]

JSON_FORMS = [
    Scenario(
        f"targets by JSON {what}",
        Call("ListTargets", json=json, authorization=_BY),
        _listed(letters, total=total, column=column),
        only=JSON,
    )
    for what, json, letters, total, column in (
        ("that is empty", "{}", "FEDCBA", 6, ANY_COLUMN),
        ("that is not there", "", "FEDCBA", 6, ANY_COLUMN),
        ("with numbers in quotes", '{"query": {"offset": "1", "limit": "1", "asc": true}}', "B", 6, ANY_COLUMN),
        ("with numbers", '{"query": {"offset": 1, "limit": 1, "asc": true}}', "B", 6, ANY_COLUMN),
        (
            "with a column by name",
            '{"sortingColumn": "FIELD_NAME_URL", "query": {"limit": 1}}',
            "E",
            6,
            query_pb2.FIELD_NAME_URL,
        ),
        ("with a column by number", '{"sorting_column": 6, "query": {"limit": 1}}', "E", 6, query_pb2.FIELD_NAME_URL),
        ("with a name query", '{"queries": [{"targetNameQuery": {"targetName": "Alpha"}}]}', "A", 1, ANY_COLUMN),
        (
            "with the original names",
            '{"queries": [{"in_target_ids_query": {"target_ids": ["7"]}}]}',
            "A",
            1,
            ANY_COLUMN,
        ),
    )
]

_CROWD = f"Bearer {shelf.CROWDED_TOKEN}"


def _crowd(id: str, first: int, last: int, **page: Any) -> Scenario:
    """Targets of the crowded shelf, ascending."""
    targets = [shelved.message(shelf.CROWDED_OWNER) for shelved in shelf.CROWD[first:last]]
    return Scenario(
        f"many targets, {id}", list_targets(asc=True, authorization=_CROWD, **page), targets_listed(*targets, total=120)
    )


CROWDS = [
    _crowd("a hundred of them unless asked otherwise", 0, 100),
    _crowd("as many as there may be", 0, 120, limit=1000),
    _crowd("what is left behind the first page", 100, 120, offset=100),
]

ROWS = [
    *exhaustive(SORTED),
    *exhaustive(FILTERED),
    *exhaustive(PAGES),
    *exhaustive(_LIMITS),
    *exhaustive(WRONG),
    *exhaustive(WRONG_JSON),
    *exhaustive(JSON_FORMS),
    *exhaustive(CROWDS),
]
