"""What the log says of a call that is refused: enough to know what to change."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from actiond.client import Client
from tests.client.shop import FLAVOURS, Outcome, call, serve
from tests.client.test_with_actiond import set_execution
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.actions_double import ActionsDouble, ends_with, hangs, status
from tests.support.targets.answers import STANDARD
from tests.support.targets.server import TargetServer

pytestmark = pytest.mark.parametrize("flavour", FLAVOURS)

REFUSED = Outcome((), grpc.StatusCode.UNAVAILABLE, "actions are unavailable")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "actiond.client"]


def test_a_budget_that_is_used_up_is_named_with_its_seconds(flavour: str, caplog: pytest.LogCaptureFixture) -> None:
    with ActionsDouble() as actiond:
        actiond.on_request = hangs(actiond)
        with serve(flavour, actiond.target, budget=0.25) as shop:
            assert call(shop.target, "Place") == REFUSED
    assert logged(caplog) == ["actions: '/shop.v1.Shop/Place': the call is refused: 'budget=0.25 s is used up'"]


VIOLATIONS = [
    error_details_pb2.BadRequest.FieldViolation(field="call.method", description="must be one that is known"),
    error_details_pb2.BadRequest.FieldViolation(field="call.user_id", description="must be short"),
]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ([], "'Method is unknown'"),
        ([error_details_pb2.BadRequest()], "'Method is unknown'"),
        (
            [error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(field_violations=VIOLATIONS)],
            "'Method is unknown: call.method must be one that is known'",
        ),
    ],
)
def test_the_first_field_that_breaks_a_rule_is_named(
    flavour: str, details: list[Any], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ends_with(status(grpc.StatusCode.NOT_FOUND, "Method is unknown", *details))
    with ActionsDouble(answer) as actiond, serve(flavour, actiond.target) as shop:
        assert call(shop.target, "Place") == REFUSED
    assert logged(caplog) == [f"actions: '/shop.v1.Shop/Place': the call is refused: {expected}"]


def test_details_that_do_not_parse_refuse_the_call(flavour: str, caplog: pytest.LogCaptureFixture) -> None:
    broken = status_pb2.Status(code=5, message="Method is unknown")
    for kind in ("ErrorInfo", "BadRequest"):
        broken.details.add(type_url=f"type.googleapis.com/google.rpc.{kind}", value=b"\xff")
    with ActionsDouble(ends_with(broken)) as actiond, serve(flavour, actiond.target) as shop:
        assert call(shop.target, "Place") == REFUSED
    assert logged(caplog) == ["actions: '/shop.v1.Shop/Place': the call is refused: 'Method is unknown'"]


def test_actiond_without_the_services_types_says_which_settings_have_them(
    flavour: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        TargetServer(STANDARD) as targets,
        ServerProcess(tmp_path, "--allow-address", "127.0.0.0/8") as actiond,
        grpc.insecure_channel(actiond.grpc_target) as channel,
        serve(flavour, actiond.grpc_target, token=ADMIN_TOKEN) as shop,
    ):
        set_execution(Client(channel, token=ADMIN_TOKEN), {"request": {"all": True}}, targets.url("/ok"))
        assert call(shop.target, "Place") == REFUSED
    (line,) = logged(caplog)
    assert line.endswith(
        "'Method is unknown (ACTIOND-method): call.method must be one that the server has the message types of"
        " (--descriptor-set, --reflect)'"
    )
