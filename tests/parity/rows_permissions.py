"""Rows: what each method asks of its caller, and that it asks before it looks at anything else."""

from dataclasses import replace

from actiond_protos.actiond.v1 import delivery_service_pb2, dry_run_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as pb

from tests.parity import callers, rows_auth
from tests.parity import delivery_calls as deliveries
from tests.parity import execution_calls as executions
from tests.parity.calls import (
    FUNCTIONS,
    answer,
    delete,
    delete_execution,
    list_executions,
    list_functions,
    list_methods,
    list_services,
    list_targets,
    on_function,
    set_execution,
    update,
)
from tests.parity.scenario import JSON, PROTOBUF, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import (
    DELIVERIES,
    EXECUTIONS,
    SERVICE,
    SERVICE_V2,
    SERVICE_V2BETA,
    Call,
    Outcome,
)
from tests.support.action_service.requests import create, get
from tests.support.services import shop

METHODS = (
    "CreateTarget",
    "DeleteExecution",
    "DeleteTarget",
    "GetTargetByID",
    "ListExecutionFunctions",
    "ListExecutionMethods",
    "ListExecutionServices",
    "ListExecutions",
    "ListTargets",
    "SetExecution",
    "UpdateTarget",
)
V2BETA_METHODS = (
    "CreateTarget",
    "DeleteTarget",
    "GetTarget",
    "ListExecutionFunctions",
    "ListExecutionMethods",
    "ListExecutionServices",
    "ListExecutions",
    "ListTargets",
    "SetExecution",
    "UpdateTarget",
)
V2_METHODS = tuple(
    sorted(
        {
            *V2BETA_METHODS,
            "ActivatePublicKey",
            "AddPublicKey",
            "DeactivatePublicKey",
            "ListPublicKeys",
            "RemovePublicKey",
        }
    )
)
# Those that run executions are not in the catalogue: no execution runs around them.
EXECUTION_METHODS = ("DryRun", "GetCondition", "SetCondition")
DELIVERY_METHODS = (
    "CancelDeliveries",
    "CancelDelivery",
    "CountDeliveries",
    "GetCaller",
    "GetDelivery",
    "GetTargetHealth",
    "ListDeliveries",
    "PublishEvent",
    "PublishEvents",
    "ResumeTarget",
    "RetryDeliveries",
    "RetryDelivery",
    "TestTarget",
    "WatchDeliveries",
)
FUNCTIONS_LISTED = answer(pb.ListExecutionFunctionsResponse(functions=sorted(FUNCTIONS)))
CATALOGUE = (
    (DELIVERIES, DELIVERY_METHODS),
    (EXECUTIONS, EXECUTION_METHODS),
    (shop.SERVICE, shop.METHODS),
    (SERVICE_V2, V2_METHODS),
    (SERVICE_V2BETA, V2BETA_METHODS),
    (SERVICE, METHODS),
)
"""The services that conditions may name, with their methods, in the order of their names."""
METHODS_LISTED = answer(
    pb.ListExecutionMethodsResponse(methods=[f"/{service}/{name}" for service, names in CATALOGUE for name in names])
)
SERVICES_LISTED = answer(pb.ListExecutionServicesResponse(services=[service for service, _ in CATALOGUE]))

_REQUIRED = "value is required"
_NO_CALL = expect.violations(call=_REQUIRED, request=_REQUIRED)
_NO_CONDITION = expect.violations(condition="value is required")

# The permission that each method asks for; a call that comes to nothing even with it, and what comes of it.
_CALLS: tuple[tuple[str, Call, Outcome], ...] = (
    (
        callers.WRITE_TARGETS,
        create(pb.CreateTargetRequest()),
        expect.violations(
            name="must be at least 1 characters",
            target_type="exactly one field is required in oneof",
            timeout="value is required",
            endpoint="must be at least 1 characters",
        ),
    ),
    (callers.WRITE_TARGETS, update("1"), expect.TARGET_TO_CHANGE_UNKNOWN),
    (callers.DELETE_TARGETS, delete("1"), expect.TARGET_TO_DELETE_UNKNOWN),
    (callers.READ_TARGETS, list_targets(limit=1001), expect.LIMIT_TOO_HIGH),
    (callers.READ_TARGETS, get("1"), expect.UNKNOWN_TARGET),
    (callers.WRITE, set_execution(None), _NO_CONDITION),
    (callers.DELETE, delete_execution(None), _NO_CONDITION),
    (callers.READ, list_executions(limit=1001), expect.LIMIT_TOO_HIGH),
    (callers.READ, list_functions(), FUNCTIONS_LISTED),
    (callers.READ, list_methods(), METHODS_LISTED),
    (callers.READ, list_services(), SERVICES_LISTED),
    (
        callers.READ_DELIVERIES,
        deliveries.call(delivery_service_pb2.ListDeliveriesRequest(page_token="x")),
        deliveries.BAD_PAGE_TOKEN,
    ),
    (
        callers.READ_DELIVERIES,
        deliveries.call(delivery_service_pb2.CountDeliveriesRequest()),
        answer(delivery_service_pb2.CountDeliveriesResponse()),
    ),
    (
        callers.READ_DELIVERIES,
        deliveries.call(delivery_service_pb2.GetDeliveryRequest(delivery_id="1")),
        deliveries.UNKNOWN_DELIVERY,
    ),
    (
        callers.WRITE_DELIVERIES,
        deliveries.call(delivery_service_pb2.RetryDeliveryRequest(delivery_id="1")),
        deliveries.UNKNOWN_DELIVERY,
    ),
    (
        callers.WRITE_DELIVERIES,
        deliveries.call(delivery_service_pb2.CancelDeliveryRequest(delivery_id="1")),
        deliveries.UNKNOWN_DELIVERY,
    ),
    (
        callers.WRITE_DELIVERIES,
        deliveries.call(delivery_service_pb2.RetryDeliveriesRequest()),
        expect.violations(filter="value is required"),
    ),
    (
        callers.WRITE_DELIVERIES,
        deliveries.call(delivery_service_pb2.CancelDeliveriesRequest()),
        expect.violations(filter="value is required"),
    ),
    (
        callers.WRITE_TARGETS,
        deliveries.call(delivery_service_pb2.TestTargetRequest(target_id="1")),
        deliveries.UNKNOWN_TARGET,
    ),
    (
        callers.READ_DELIVERIES,
        deliveries.call(delivery_service_pb2.GetTargetHealthRequest(target_id="1")),
        deliveries.UNKNOWN_TARGET,
    ),
    (
        callers.WRITE_DELIVERIES,
        deliveries.call(delivery_service_pb2.ResumeTargetRequest(target_id="1")),
        deliveries.UNKNOWN_TARGET,
    ),
    (
        callers.PUBLISH,
        deliveries.call(delivery_service_pb2.PublishEventRequest(type="x", aggregate_type="order", aggregate_id="1")),
        deliveries.unknown_type(),
    ),
    (
        callers.PUBLISH,
        deliveries.call(delivery_service_pb2.PublishEventsRequest()),
        expect.violations(events="must contain at least 1 item(s)"),
    ),
    (callers.PROCESS, executions.call(execution_service_pb2.ExecuteRequestRequest()), _NO_CALL),
    (
        callers.PROCESS,
        executions.call(execution_service_pb2.ExecuteResponseRequest()),
        expect.violations(call=_REQUIRED, request=_REQUIRED, response=_REQUIRED),
    ),
    (callers.PROCESS, executions.call(executions.execute_function("sixth")), executions.unknown_function()),
)


def _by(call: Call, secret: str) -> Call:
    return replace(call, authorization=f"Bearer {secret}")


ENOUGH = [
    Scenario(f"{call.method} with {permission} alone", _by(call, callers.only(permission)), expected)
    for permission, call, expected in _CALLS
]

LACKING = [
    Scenario(
        f"{call.method} with all but {permission}",
        _by(call, callers.all_but(permission)),
        expect.PERMISSION_MISSING,
    )
    for permission, call, _ in _CALLS
]

ANONYMOUS = [
    Scenario(
        f"{call.method} without a token, of bytes that are no request",
        replace(call, message=None, wire=b"\xff\xff", authorization=None),
        expect.TOKEN_MISSING,
        only=PROTOBUF,
    )
    for _, call, _ in _CALLS
]
ANONYMOUS += [
    Scenario(
        f"{call.method} without a token, as JSON",
        replace(call, authorization=None),
        expect.TOKEN_MISSING,
        only=JSON,
    )
    for _, call, _ in _CALLS
]
ANONYMOUS += [
    Scenario(
        f"{method} without a token, of malformed JSON",
        Call(method, message, json='{"query":', authorization=None),
        expect.TOKEN_MISSING,
        only=JSON,
        differs={"envoy-json": Differs("Envoy reads the body while it asks us, and whoever is first answers")},
    )
    for method, message in (
        ("UpdateTarget", pb.UpdateTargetRequest(target_id="1")),
        ("ListTargets", None),
        ("SetExecution", None),
        ("DeleteExecution", None),
        ("ListExecutions", None),
    )
]

_DRY_RUN = executions.call(executions.dry_run(executions.execute_function("first")))

# A dry run shows targets, too.
DRY_RUNS = [
    Scenario(f"DryRun with {permission} alone", _by(_DRY_RUN, callers.only(permission)), expect.PERMISSION_MISSING)
    for permission in (callers.READ, callers.READ_TARGETS)
]
DRY_RUNS += [
    Scenario(f"DryRun with all but {permission}", _by(_DRY_RUN, callers.all_but(permission)), expect.PERMISSION_MISSING)
    for permission in (callers.READ, callers.READ_TARGETS)
]
DRY_RUNS += [
    Scenario(
        f"DryRun with all but {permission}",
        _by(_DRY_RUN, callers.all_but(permission)),
        answer(
            execution_service_pb2.DryRunResponse(
                candidates=[executions.candidate(on_function("first"), dry_run_pb2.VERDICT_NOT_SET)]
            )
        ),
    )
    for permission in (callers.PROCESS,)
]

# What every valid token may call.
AUTHENTICATED = [
    Scenario(
        "a token without permissions asks who it is",
        deliveries.call(delivery_service_pb2.GetCallerRequest(), by=rows_auth.POWERLESS),
        answer(
            delivery_service_pb2.GetCallerResponse(
                token_id=rows_auth.POWERLESS, name=rows_auth.POWERLESS, resource_owner=rows_auth.POWERLESS_OWNER
            )
        ),
    ),
    Scenario(
        "an expired token asks who it is",
        deliveries.call(delivery_service_pb2.GetCallerRequest(), by=rows_auth.EXPIRED),
        expect.TOKEN_INVALID,
    ),
    Scenario(
        "nobody asks who it is",
        deliveries.call(delivery_service_pb2.GetCallerRequest(), authorization=None),
        expect.TOKEN_MISSING,
    ),
]

ROWS = [
    *representative(ENOUGH),
    *representative(AUTHENTICATED),
    *exhaustive(LACKING),
    *exhaustive(DRY_RUNS),
    *exhaustive(ANONYMOUS),
]
