"""The proto alone says which permission a method asks for and how it succeeds."""

import time

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from actiond.actions.errors import PermissionMissingError, TokenMissingError
from actiond.actions.use_cases.tokens import Tokens
from actiond.api import permissions
from actiond.api.authentication import Authenticator
from actiond.api.health import HEALTH
from actiond.api.served import (
    ACTION_SERVICE,
    ACTION_SERVICE_V2,
    ACTION_SERVICE_V2BETA,
    DELIVERY_SERVICE,
    EXECUTION_SERVICE,
    SERVICES,
)
from actiond.storage.memory import MemoryStore
from rpcfront import ServiceError, ServicerContext
from tests.support.services import echo
from tests.support.tokens import make_token

PERMISSIONS = {
    "CreateTarget": "execution.target.write",
    "UpdateTarget": "execution.target.write",
    "DeleteTarget": "execution.target.delete",
    "ListTargets": "execution.target.read",
    "GetTargetByID": "execution.target.read",
    "SetExecution": "execution.write",
    "DeleteExecution": "execution.delete",
    "ListExecutions": "execution.read",
    "ListExecutionFunctions": "execution.read",
    "ListExecutionMethods": "execution.read",
    "ListExecutionServices": "execution.read",
}

# Under the names that v3alpha has for them, and that tokens hold.
V2BETA_PERMISSIONS = {
    "CreateTarget": "execution.target.write",
    "UpdateTarget": "execution.target.write",
    "DeleteTarget": "execution.target.delete",
    "GetTarget": "execution.target.read",
    "ListTargets": "execution.target.read",
    "SetExecution": "execution.write",
    "ListExecutions": "execution.read",
    "ListExecutionFunctions": "authenticated",
    "ListExecutionMethods": "authenticated",
    "ListExecutionServices": "authenticated",
}

V2_PERMISSIONS = V2BETA_PERMISSIONS | {
    "AddPublicKey": "execution.target.write",
    "ActivatePublicKey": "execution.target.write",
    "DeactivatePublicKey": "execution.target.write",
    "RemovePublicKey": "execution.target.write",
    "ListPublicKeys": "execution.target.read",
}

DELIVERY_PERMISSIONS = {
    "ListDeliveries": "delivery.read",
    "CountDeliveries": "delivery.read",
    "GetDelivery": "delivery.read",
    "RetryDelivery": "delivery.write",
    "CancelDelivery": "delivery.write",
    "RetryDeliveries": "delivery.write",
    "CancelDeliveries": "delivery.write",
    "WatchDeliveries": "delivery.read",
    "TestTarget": "execution.target.write",
    "GetTargetHealth": "delivery.read",
    "ResumeTarget": "delivery.write",
    "PublishEvent": "event.publish",
    "PublishEvents": "event.publish",
    "GetCaller": "authenticated",
}

EXECUTION_PERMISSIONS = {
    "ExecuteRequest": "execution.process",
    "ExecuteResponse": "execution.process",
    "ExecuteFunction": "execution.process",
    "DryRun": "execution.read",
    "WatchExecutions": "execution.process",
    "GetCondition": "execution.read",
    "SetCondition": "execution.write",
}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (ACTION_SERVICE, PERMISSIONS),
        (ACTION_SERVICE_V2, V2_PERMISSIONS),
        (ACTION_SERVICE_V2BETA, V2BETA_PERMISSIONS),
        (DELIVERY_SERVICE, DELIVERY_PERMISSIONS),
        (EXECUTION_SERVICE, EXECUTION_PERMISSIONS),
    ],
)
def test_each_method_has_the_permission_that_the_proto_names(
    service: ServiceDescriptor, expected: dict[str, str]
) -> None:
    assert {method.name: permissions.permission(method) for method in service.methods} == expected


def test_a_method_without_a_permission_stops_the_start() -> None:
    with pytest.raises(ServiceError, match=r"echo\.v1\.Echo\.Say: the proto names no permission"):
        Authenticator(None, (ACTION_SERVICE, echo.service()))  # type: ignore[arg-type]  # it does not come to that


async def test_a_public_method_has_no_caller_and_the_store_is_not_asked() -> None:
    # Without a store, which it would fail to ask.
    authenticate = Authenticator(None, (ACTION_SERVICE,), {HEALTH: None})  # type: ignore[arg-type]  # no token is looked at
    for method in HEALTH.methods:
        assert await authenticate(method, ServicerContext()) is None
    with pytest.raises(AttributeError, match="authenticate"):
        await authenticate(ACTION_SERVICE.methods[0], ServicerContext())


async def test_a_private_method_beside_the_api_requires_its_permission_and_has_no_caller() -> None:
    tokens = Tokens(MemoryStore(), time.time_ns)
    for secret, held in (("reader", "docs.read"), ("other", "metrics.read")):
        await tokens.add(make_token(secret, "1", [held]))
    authenticate = Authenticator(tokens, (ACTION_SERVICE,), {HEALTH: "docs.read"})
    for method in HEALTH.methods:
        assert await authenticate(method, _with_token("reader")) is None
        with pytest.raises(PermissionMissingError):
            await authenticate(method, _with_token("other"))
        with pytest.raises(TokenMissingError):
            await authenticate(method, ServicerContext())


def _with_token(secret: str) -> ServicerContext:
    context = ServicerContext()
    context.authorization = lambda: [f"Bearer {secret}"]  # type: ignore[method-assign]  # as a header of a protocol
    return context


def test_success_codes_are_those_of_the_proto() -> None:
    codes = {method.name: permissions.success_code(method) for method in ACTION_SERVICE.methods}
    assert codes == dict.fromkeys(PERMISSIONS, 200) | {"CreateTarget": 201}
    for service in (DELIVERY_SERVICE, ACTION_SERVICE_V2, ACTION_SERVICE_V2BETA):
        assert {permissions.success_code(method) for method in service.methods} == {200}


def test_the_known_permissions_are_sorted_and_each_named_once() -> None:
    assert permissions.permissions((ACTION_SERVICE,)) == (
        "docs.read",
        "execution.bypass",
        "execution.delete",
        "execution.read",
        "execution.target.delete",
        "execution.target.read",
        "execution.target.write",
        "execution.write",
        "metrics.read",
    )


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("action.target.read", "execution.target.read"),
        ("action.target.write", "execution.target.write"),
        ("action.target.delete", "execution.target.delete"),
        ("action.execution.read", "execution.read"),
        ("action.execution.write", "execution.write"),
        ("execution.target.read", "execution.target.read"),
        ("execution.read", "execution.read"),
        ("action.targets.read", "action.targets.read"),
        ("*", "*"),
    ],
)
def test_names_of_the_stable_api_are_held_under_those_of_v3alpha(name: str, held: str) -> None:
    assert permissions.canonical(name) == held


def test_the_other_names_are_those_of_the_stable_api_alone() -> None:
    assert permissions.other_names(SERVICES) == {
        "action.target.read": "execution.target.read",
        "action.target.write": "execution.target.write",
        "action.target.delete": "execution.target.delete",
        "action.execution.read": "execution.read",
        "action.execution.write": "execution.write",
    }


def test_the_stable_api_has_no_permissions_of_its_own() -> None:
    v3alpha = permissions.permissions((ACTION_SERVICE,))
    assert permissions.permissions((ACTION_SERVICE, ACTION_SERVICE_V2, ACTION_SERVICE_V2BETA)) == v3alpha


def test_no_token_can_hold_what_every_valid_token_has() -> None:
    assert permissions.permissions((DELIVERY_SERVICE,)) == (
        "delivery.read",
        "delivery.write",
        "docs.read",
        "event.publish",
        "execution.bypass",
        "execution.target.write",
        "metrics.read",
    )
