"""Rows: SetExecution over v2 and v2beta, and the three lists of what a condition may name."""

from collections.abc import Iterable
from typing import Any

from tests.parity.calls import FUNCTIONS, answer, id_of
from tests.parity.rows_fields import FOREIGN_ID, LONG_NAME, ONE_TYPE, TOO_SHORT
from tests.parity.rows_permissions import CATALOGUE
from tests.parity.scenario import ENVOY_READS_JSON, JSON, Differs, Scenario, exhaustive, representative
from tests.parity.v2_calls import NO_CONDITION, VERSIONS, Version
from tests.support.action_service import expect
from tests.support.action_service.model import SERVICE, Call, Outcome

# What covers the calls of the rows themselves would call the rows' targets.
_METHOD = f"/{SERVICE}/DeleteTarget"


def _conditions(version: Version) -> dict[str, Any]:
    return {
        "requests to a method": version.on_request(method=_METHOD),
        "requests to a service": version.on_request(service=SERVICE),
        "responses of a method": version.on_response(method=_METHOD),
        "responses of a service": version.on_response(service=SERVICE),
        "a function": version.on_function("first"),
        "an event": version.on_event(event="target.changed"),
        "a group of events": version.on_event(group="execution"),
        "all events": version.on_event(all=True),
        "requests to a method of v2": version.on_request(method="/zitadel.action.v2.ActionService/AddPublicKey"),
        "requests to a method of v2beta": version.on_request(
            method="/zitadel.action.v2beta.ActionService/DeleteTarget"
        ),
    }


def _set(version: Version) -> Iterable[Scenario]:
    for what, condition in _conditions(version).items():
        yield Scenario(
            f"{version.name}: an execution for {what}",
            version.set_execution(condition, id_of("one")),
            version.execution_set(),
            before=(version.create("one"),),
            then=(
                (
                    version.list_executions(),
                    version.executions_listed(version.execution(condition, id_of("one"))),
                ),
                (version.set_execution(condition), version.execution_set()),
                (version.list_executions(), version.executions_listed()),
            ),
            alone=True,
        )
    for what, condition in {
        "all requests": version.on_request(all=True),
        "all responses": version.on_response(all=True),
    }.items():
        yield Scenario(
            f"{version.name}: an execution for {what}, which a call can end that it fits itself",
            version.set_execution(condition, id_of("one")),
            version.execution_set(),
            before=(version.create("one", endpoint="https://127.0.0.1.example.invalid/"),),
            then=((version.set_execution(condition), version.execution_set()),),
            alone=True,
        )


def _again(version: Version) -> Iterable[Scenario]:
    condition, one, other = version.on_function("first"), id_of("one"), id_of("other")
    for how, earlier, later in (
        ("with other targets", (one,), (other,)),
        ("with more", (one,), (other, one, one)),
        ("in another order", (one, other), (other, one)),
        ("as it was", (one, other), (one, other)),
    ):
        yield Scenario(
            f"{version.name}: an execution that is set again {how}",
            version.set_execution(condition, *later),
            version.execution_set(),
            before=(version.create("one"), version.create("other"), version.set_execution(condition, *earlier)),
            then=((version.list_executions(), version.executions_listed(version.execution(condition, *later))),),
            alone=True,
        )
    group = version.on_event(group="target")
    yield Scenario(
        f"{version.name}: a group with .*, which is the group without",
        version.set_execution(version.on_event(group="target.*"), one),
        version.execution_set(),
        before=(version.create("one"),),
        then=(
            (version.list_executions(), version.executions_listed(version.execution(group, one))),
            (version.set_execution(version.on_event(group="target.*")), version.execution_set()),
            (version.list_executions(), version.executions_listed()),
        ),
        alone=True,
    )


def _ended(version: Version) -> Iterable[Scenario]:
    for what, condition in {
        "that nobody has set": version.on_function("second"),
        "of a function that nobody knows": version.on_function("sixth"),
        "of a method that nobody knows": version.on_request(method="/no.Service/Method"),
        "of an event that looks like a group": version.on_event(event="target.*"),
    }.items():
        yield Scenario(
            f"{version.name}: ending an execution {what}", version.set_execution(condition), version.execution_set()
        )


_LONG = "must be at most 1000 characters"


def _refused(version: Version) -> Iterable[Scenario]:
    unknown: tuple[tuple[str, Any, Outcome], ...] = (
        ("an unknown method", version.on_request(method=f"/{SERVICE}/NoSuch"), expect.METHOD_UNKNOWN),
        ("responses of an unknown method", version.on_response(method="/no.Service/M"), expect.METHOD_UNKNOWN),
        ("an unknown service", version.on_request(service="no.Service"), expect.SERVICE_UNKNOWN),
        ("an unknown function", version.on_function("sixth"), expect.FUNCTION_UNKNOWN),
        ("an unknown event", version.on_event(event="user.human.added"), expect.EVENT_UNKNOWN),
        ("an unknown group", version.on_event(group="user"), expect.GROUP_UNKNOWN),
        ("no condition", None, NO_CONDITION),
        ("a condition of no type", version.condition(), expect.violations(**{"condition.condition_type": ONE_TYPE})),
    )
    for what, condition, expected in unknown:
        yield Scenario(
            f"{version.name}: setting an execution for {what}", version.set_execution(condition, "1"), expected
        )
    for what, path, make in (
        ("requests", "request", version.on_request),
        ("responses", "response", version.on_response),
        ("events", "event", version.on_event),
    ):
        yield Scenario(
            f"{version.name}: setting an execution for {what} of nothing",
            version.set_execution(make(), "1"),
            expect.violations(**{f"condition.{path}.condition": ONE_TYPE}),
        )
        yield Scenario(
            f"{version.name}: setting an execution for all {what}, which is false",
            version.set_execution(make(all=False), "1"),
            expect.violations(**{f"condition.{path}.all": "must equal true"}),
        )
    for what, path, condition, rule in (
        ("a method without a name", "request.method", version.on_request(method=""), TOO_SHORT),
        ("a method of 1001 characters", "request.method", version.on_request(method="m" * 1001), _LONG),
        ("a service of 1001 characters", "response.service", version.on_response(service="m" * 1001), _LONG),
        ("a function without a name", "function.name", version.on_function(""), TOO_SHORT),
        ("an event without a name", "event.event", version.on_event(event=""), TOO_SHORT),
        ("a group of 1001 characters", "event.group", version.on_event(group="m" * 1001), _LONG),
    ):
        yield Scenario(
            f"{version.name}: setting an execution for {what}",
            version.set_execution(condition, "1"),
            expect.violations(**{f"condition.{path}": rule}),
        )
    first = version.on_function("first")
    one = f"{version.name}: a target beside those that are not there"
    for what, targets, expected in (
        ("a target that nobody has", ("1",), expect.target_missing()),
        ("another owner's target", (FOREIGN_ID,), expect.target_missing()),
        ("a target that nobody has after one that is there", (id_of(one), "1"), expect.target_missing(1)),
        ("an empty id", ("",), expect.violations(**{"targets[0]": TOO_SHORT})),
        ("an id of 201 characters", ("1", "1" * 201), expect.violations(**{"targets[1]": LONG_NAME})),
        (
            "1001 targets",
            ("1",) * 1001,
            expect.violations(targets="must contain no more than 1000 item(s)"),
        ),
    ):
        has_one = id_of(one) in targets
        yield Scenario(
            f"{version.name}: setting an execution with {what}",
            version.set_execution(first, *targets),
            expected,
            before=(version.create(one),) if has_one else (),
        )


def _json(version: Version) -> Iterable[Scenario]:
    """Forms that JSON alone has."""
    differs = {"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)}
    yield Scenario(
        f"{version.name}: an execution by JSON that has null where its targets are",
        Call(
            "SetExecution",
            json='{"condition": {"function": {"name": "second"}}, "targets": null}',
            service=version.service,
        ),
        version.execution_set(),
        only=JSON,
    )
    yield Scenario(
        f"{version.name}: an execution by JSON with v3alpha's targets",
        Call(
            "SetExecution",
            json='{"condition": {"function": {"name": "first"}}, "targets": [{"target": "1"}]}',
            service=version.service,
        ),
        expect.violations(**{"targets[0]": "must be a string"}),
        only=JSON,
        differs=differs,
    )


def _catalogues(version: Version) -> Iterable[Scenario]:
    methods = [f"/{service}/{name}" for service, names in CATALOGUE for name in names]
    services = [service for service, _ in CATALOGUE]
    pb = version.pb
    yield Scenario(
        f"{version.name}: the functions that the server was told of",
        version.call(pb.ListExecutionFunctionsRequest()),
        answer(pb.ListExecutionFunctionsResponse(functions=sorted(FUNCTIONS))),
    )
    yield Scenario(
        f"{version.name}: the methods that the server has",
        version.call(pb.ListExecutionMethodsRequest()),
        answer(pb.ListExecutionMethodsResponse(methods=methods)),
    )
    yield Scenario(
        f"{version.name}: the services that the server has",
        version.call(pb.ListExecutionServicesRequest()),
        answer(pb.ListExecutionServicesResponse(services=services)),
    )


ROWS = [row for version in VERSIONS for row in representative(_catalogues(version))]
ROWS += [
    row for version in VERSIONS for rows in (_set, _again, _ended, _refused, _json) for row in exhaustive(rows(version))
]
