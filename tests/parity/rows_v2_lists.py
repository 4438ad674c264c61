"""Rows: ListTargets and ListExecutions over v2 and v2beta, of what is on the shelf; see there what each of them is."""

from collections.abc import Iterable, Sequence
from typing import Any

from actiond_protos.zitadel.action.v2 import query_pb2
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition

from actiond.actions.targets import TargetType
from tests.parity import shelf
from tests.parity.calls import on_event, on_function, on_response
from tests.parity.rows_fields import FOREIGN_ID, LONG_NAME, ONE_TYPE, TOO_SHORT
from tests.parity.rows_lists import NAMES
from tests.parity.scenario import ENVOY_READS_JSON, JSON, Differs, Scenario, exhaustive
from tests.parity.v2_calls import LIMIT_TOO_HIGH, VERSIONS, Version
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome

_LETTERS = dict(zip("ABCDEF", shelf.TARGETS, strict=True))
_ENUM = "value must be one of the defined enum values"
_TYPES = {TargetType.WEBHOOK: "rest_webhook", TargetType.CALL: "rest_call", TargetType.ASYNC: "rest_async"}

# By every column, ascending; equals come by id.
_ORDERS = {
    query_pb2.TARGET_FIELD_NAME_UNSPECIFIED: "BCAFDE",
    query_pb2.TARGET_FIELD_NAME_ID: "ABCDEF",
    query_pb2.TARGET_FIELD_NAME_CREATED_DATE: "BCAFDE",
    query_pb2.TARGET_FIELD_NAME_CHANGED_DATE: "BDECAF",
    query_pb2.TARGET_FIELD_NAME_NAME: "EACFDB",
    query_pb2.TARGET_FIELD_NAME_TARGET_TYPE: "CFBDAE",
    query_pb2.TARGET_FIELD_NAME_URL: "BADCFE",
    query_pb2.TARGET_FIELD_NAME_TIMEOUT: "DBEFAC",
    query_pb2.TARGET_FIELD_NAME_INTERRUPT_ON_ERROR: "BCEFAD",
}


def _shown(version: Version, shelved: shelf.Shelved) -> Any:
    """Return a target of the shelf, which has no signing key."""
    created, changed = shelved.dates()
    flag = {} if shelved.type is TargetType.ASYNC else {"interrupt_on_error": shelved.interrupts}
    return version.target(
        shelved.name,
        id=shelved.id,
        creation_date=created,
        change_date=changed,
        timeout=shelved.timeout,
        endpoint=shelved.endpoint,
        signing_key="",
        **{_TYPES[shelved.type]: flag},
    )


def _targets(version: Version, letters: str, **page: Any) -> Outcome:
    return version.targets_listed(*(_shown(version, _LETTERS[letter]) for letter in letters), **page)


def _sorted_targets(version: Version) -> Iterable[Scenario]:
    for column, order in _ORDERS.items():
        name = query_pb2.TargetFieldName.Name(column)
        for way, asc in (("ascending", True), ("descending", False)):
            yield Scenario(
                f"{version.name}: targets by {name}, {way}",
                version.list_targets(column=column, asc=asc, limit=6, by=shelf.TOKEN),
                _targets(version, order if asc else order[::-1], limit=6),
            )
    yield Scenario(
        f"{version.name}: targets without a pagination or a column, the last created first",
        version.list_targets(by=shelf.TOKEN),
        _targets(version, "EDFACB"),
    )


def _filtered_targets(version: Version) -> Iterable[Scenario]:
    for method, text, letters in NAMES:
        yield Scenario(
            f"{version.name}: targets by {method} of {text!r}",
            version.list_targets(version.named(text, method), column=query_pb2.TARGET_FIELD_NAME_ID, by=shelf.TOKEN),
            _targets(version, letters),
        )
    ph = version.named("ph", 4)
    for what, filters, letters in (
        ("ids", [version.with_ids(shelf.A.id, shelf.D.id)], "DA"),
        ("an id that is another owner's, and one that is unknown", [version.with_ids("1", FOREIGN_ID)], ""),
        ("no ids, which none has", [version.with_ids()], ""),
        ("two filters, which must both hold", [ph, version.with_ids(shelf.A.id, shelf.C.id)], "A"),
        ("a hundred filters", [ph] * 100, "AB"),
    ):
        yield Scenario(
            f"{version.name}: targets by {what}",
            version.list_targets(*filters, by=shelf.TOKEN),
            _targets(version, letters),
        )


def _pages_of_targets(version: Version) -> Iterable[Scenario]:
    for what, page, letters, limit in (
        ("the second, two of them", {"offset": 1, "limit": 2}, "DF", 2),
        ("the second, two of them, ascending", {"offset": 1, "limit": 2, "asc": True}, "CA", 2),
        ("the last", {"offset": 5}, "B", 100),
        ("beyond the last", {"offset": 6}, "", 100),
        ("as far as a number goes", {"offset": 2**64 - 1, "limit": 1000}, "", 1000),
        ("the first, with a limit of 0, which is 100", {"limit": 0}, "EDFACB", 100),
    ):
        yield Scenario(
            f"{version.name}: targets from {what}",
            version.list_targets(by=shelf.TOKEN, **page),
            _targets(version, letters, total=6, limit=limit),
        )
    for limit in (1001, 2**32 - 1):
        yield Scenario(
            f"{version.name}: targets with a limit of {limit}", version.list_targets(limit=limit), LIMIT_TOO_HIGH
        )
    crowd = [_shown(version, one) for one in reversed(shelf.CROWD)]
    yield Scenario(
        f"{version.name}: many targets, all of them without a pagination",
        version.list_targets(by=shelf.CROWDED_TOKEN),
        version.targets_listed(*crowd),
    )
    yield Scenario(
        f"{version.name}: many targets, a hundred of them with a pagination that has no limit",
        version.list_targets(by=shelf.CROWDED_TOKEN, asc=False),
        version.targets_listed(*crowd[:100], total=120, limit=100),
    )


def _wrong_targets(version: Version) -> Iterable[Scenario]:
    for what, expected, call in (
        ("a column that nobody knows", expect.violations(sorting_column=_ENUM), version.list_targets(column=9)),
        (
            "filters that say nothing",
            expect.violations(
                **{
                    "filters[0].filter": ONE_TYPE,
                    "filters[1].target_name_filter.method": _ENUM,
                    "filters[2].target_name_filter.target_name": LONG_NAME,
                }
            ),
            version.list_targets(
                version.query_pb2.TargetSearchFilter(), version.named("x", 8), version.named("n" * 201, 0)
            ),
        ),
        (
            "101 filters",
            expect.violations(filters="must contain no more than 100 item(s)"),
            version.list_targets(*[version.named("x", 0)] * 101),
        ),
        (
            "1001 ids",
            expect.violations(
                **{"filters[0].in_target_ids_filter.target_ids": "must contain no more than 1000 item(s)"}
            ),
            version.list_targets(version.with_ids(*["1"] * 1001)),
        ),
    ):
        yield Scenario(f"{version.name}: targets by {what}", call, expected)


_A, _B, _C = shelf.A.id, shelf.B.id, shelf.C.id
# Includes are replaced by what they call.
_CALLED: dict[str, tuple[Condition, tuple[str, ...]]] = {
    "all events": (shelf.ALL_EVENTS, (_A, _B, _A)),
    "group": (shelf.EVENT_GROUP, (_C,)),
    "event": (shelf.ONE_EVENT, (_C, _B)),
    "function": (shelf.FIRST, (_B, _A)),
    "request": (shelf.ONE_REQUEST, (_A,)),
    "response": (shelf.ONE_RESPONSE, (_B,)),
}
"""The executions on the shelf that call something, in the order of their keys: the others are not listed."""
_BY_CREATION = ("group", "function", "request", "all events", "response", "event")
_BY_CHANGE = ("all events", "event", "group", "response", "request", "function")


def _executions(version: Version, names: Sequence[str], **page: Any) -> Outcome:
    shown = []
    for name in names:
        condition, targets = _CALLED[name]
        created, changed = shelf.dates(condition)
        shown.append(
            version.execution_pb2.Execution(
                condition=version.like(condition), creation_date=created, change_date=changed, targets=targets
            )
        )
    return version.executions_listed(*shown, **page)


def _sorted_executions(version: Version) -> Iterable[Scenario]:
    for column, order in (
        (query_pb2.EXECUTION_FIELD_NAME_UNSPECIFIED, _BY_CREATION),
        (query_pb2.EXECUTION_FIELD_NAME_ID, (*_CALLED,)),
        (query_pb2.EXECUTION_FIELD_NAME_CREATED_DATE, _BY_CREATION),
        (query_pb2.EXECUTION_FIELD_NAME_CHANGED_DATE, _BY_CHANGE),
    ):
        name = query_pb2.ExecutionFieldName.Name(column)
        for way, asc in (("ascending", True), ("descending", False)):
            yield Scenario(
                f"{version.name}: executions by {name}, {way}",
                version.list_executions(column=column, asc=asc, limit=6, by=shelf.TOKEN),
                _executions(version, order if asc else order[::-1], limit=6),
            )
    yield Scenario(
        f"{version.name}: executions without a pagination or a column, the last created first",
        version.list_executions(by=shelf.TOKEN),
        _executions(version, _BY_CREATION[::-1]),
    )


def _filtered_executions(version: Version) -> Iterable[Scenario]:
    def having(*conditions: Condition) -> Any:
        return version.with_conditions(*map(version.like, conditions))

    cases: list[tuple[str, Any, tuple[str, ...]]] = [
        (f"the condition of the {name} alone", having(condition), (name,)) for name, (condition, _) in _CALLED.items()
    ]
    cases += [
        ("several conditions", having(shelf.FIRST, shelf.ALL_EVENTS), ("all events", "function")),
        ("conditions that call nothing", having(shelf.SECOND, shelf.ALL_REQUESTS), ()),
        ("a group with .*", having(on_event(group="target.*")), ("group",)),
        ("an event that looks like a group", having(on_event(event="target.*")), ()),
        ("a function that nobody knows", having(on_function("sixth")), ()),
        ("responses where requests are", having(on_response(method=shelf.ONE_REQUEST.request.method)), ()),
        ("no conditions, which none has", having(), ()),
        ("the type of requests", version.of_type(query_pb2.EXECUTION_TYPE_REQUEST), ("request",)),
        ("the type of responses", version.of_type(query_pb2.EXECUTION_TYPE_RESPONSE), ("response",)),
        ("the type of events", version.of_type(query_pb2.EXECUTION_TYPE_EVENT), ("all events", "group", "event")),
        ("the type of functions", version.of_type(query_pb2.EXECUTION_TYPE_FUNCTION), ("function",)),
        ("no type, which is any", version.of_type(query_pb2.EXECUTION_TYPE_UNSPECIFIED), (*_CALLED,)),
        ("a target", version.calling(_A), ("all events", "function", "request")),
        ("a target that includes call", version.calling(_B), ("all events", "event", "function", "response")),
        ("a target that none calls", version.calling(shelf.F.id), ()),
        ("another owner's target", version.calling(FOREIGN_ID), ()),
    ]
    for what, wanted, names in cases:
        yield Scenario(
            f"{version.name}: executions by {what}",
            version.list_executions(wanted, column=query_pb2.EXECUTION_FIELD_NAME_ID, asc=True, by=shelf.TOKEN),
            _executions(version, names, limit=100),
        )
    yield Scenario(
        f"{version.name}: executions by two filters, which must both hold",
        version.list_executions(
            version.calling(_A), version.of_type(query_pb2.EXECUTION_TYPE_FUNCTION), by=shelf.TOKEN
        ),
        _executions(version, ["function"]),
    )


def _pages_of_executions(version: Version) -> Iterable[Scenario]:
    newest = _BY_CREATION[::-1]
    for what, page, names, limit in (
        ("the second, two of them", {"offset": 1, "limit": 2}, newest[1:3], 2),
        ("the last", {"offset": 5}, newest[5:], 100),
        ("beyond the last", {"offset": 6}, (), 100),
        ("as far as a number goes", {"offset": 2**64 - 1, "limit": 1}, (), 1),
        ("the first, as many as there may be", {"limit": 1000}, newest, 1000),
    ):
        yield Scenario(
            f"{version.name}: executions from {what}",
            version.list_executions(by=shelf.TOKEN, **page),
            _executions(version, names, total=6, limit=limit),
        )
    yield Scenario(
        f"{version.name}: executions with a limit of 1001", version.list_executions(limit=1001), LIMIT_TOO_HIGH
    )


def _wrong_executions(version: Version) -> Iterable[Scenario]:
    for what, expected, call in (
        ("a column that nobody knows", expect.violations(sorting_column=_ENUM), version.list_executions(column=4)),
        (
            "filters that say nothing",
            expect.violations(
                **{
                    "filters[0].filter": ONE_TYPE,
                    "filters[1].in_conditions_filter.conditions[0].condition_type": ONE_TYPE,
                    "filters[2].in_conditions_filter.conditions[1].request.condition": ONE_TYPE,
                    "filters[3].execution_type_filter.execution_type": _ENUM,
                    "filters[4].target_filter.target_id": TOO_SHORT,
                    "filters[5].target_filter.target_id": LONG_NAME,
                }
            ),
            version.list_executions(
                version.query_pb2.ExecutionSearchFilter(),
                version.with_conditions(version.condition()),
                version.with_conditions(version.on_function("x"), version.on_request()),
                version.of_type(5),
                version.calling(""),
                version.calling("1" * 201),
            ),
        ),
        (
            "101 filters",
            expect.violations(filters="must contain no more than 100 item(s)"),
            version.list_executions(*[version.calling("1")] * 101),
        ),
        (
            "1001 conditions",
            expect.violations(
                **{"filters[0].in_conditions_filter.conditions": "must contain no more than 1000 item(s)"}
            ),
            version.list_executions(version.with_conditions(*[version.on_function("x")] * 1001)),
        ),
    ):
        yield Scenario(f"{version.name}: executions by {what}", call, expected)


def _json(version: Version) -> Iterable[Scenario]:
    """Forms that JSON alone has."""
    for what, json, letters, page in (
        ("that is empty", "{}", "EDFACB", {}),
        ("that is not there", "", "EDFACB", {}),
        ("with an empty pagination", '{"pagination": {}}', "EDFACB", {"limit": 100}),
        (
            "with numbers in quotes",
            '{"pagination": {"offset": "1", "limit": "1", "asc": true}}',
            "C",
            {"limit": 1, "total": 6},
        ),
        ("with a column by name", '{"sortingColumn": "TARGET_FIELD_NAME_URL"}', "EFCDAB", {}),
        ("with a column by number", '{"sorting_column": 6}', "EFCDAB", {}),
        ("with a name", '{"filters": [{"targetNameFilter": {"targetName": "Alpha"}}]}', "A", {}),
    ):
        yield Scenario(
            f"{version.name}: targets by JSON {what}",
            Call("ListTargets", json=json, authorization=f"Bearer {shelf.TOKEN}", service=version.service),
            _targets(version, letters, **page),
            only=JSON,
        )
    yield Scenario(
        f"{version.name}: targets by JSON with v3alpha's name of a column",
        Call("ListTargets", json='{"sortingColumn": "FIELD_NAME_URL"}', service=version.service),
        expect.violations(sorting_column=f"must be one of {', '.join(map(query_pb2.TargetFieldName.Name, _ORDERS))}"),
        only=JSON,
        differs={"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)},
    )


ROWS = [
    row
    for version in VERSIONS
    for rows in (
        _sorted_targets,
        _filtered_targets,
        _pages_of_targets,
        _wrong_targets,
        _sorted_executions,
        _filtered_executions,
        _pages_of_executions,
        _wrong_executions,
        _json,
    )
    for row in exhaustive(rows(version))
]
