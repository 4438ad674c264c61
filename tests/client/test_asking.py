"""What an error of actiond means for the call that it is asked about."""

from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from actiond.client.interceptors.asking import DEADLINE_PASSED, Ending, Failure, budget_used, outcome
from tests.support.servers.actions_double import interrupted, status

DETAILS = "grpc-status-details-bin"


def meant(made: status_pb2.Status, *, budget: float | None = 2.0) -> Ending | Failure:
    code = next(code for code in grpc.StatusCode if code.value[0] == made.code)
    metadata = [("own", "trailer"), (DETAILS, made.SerializeToString())]
    return outcome(code, made.message, metadata, budget=budget)


@pytest.mark.parametrize(
    "ended",
    [
        interrupted(),
        interrupted("EXECUTION_ERROR_FORWARDED"),
        status(
            grpc.StatusCode.UNAVAILABLE,
            "closed on Sundays",
            error_details_pb2.ErrorInfo(reason="EXECUTION_ERROR_FORWARDED", domain="actiond"),
        ),
        status(
            grpc.StatusCode.INVALID_ARGUMENT,
            "no",
            error_details_pb2.ErrorInfo(reason="EXECUTION_FAILED", domain="actiond"),
        ),
    ],
)
def test_the_error_of_an_execution_is_that_of_the_call(ended: status_pb2.Status) -> None:
    meaning = meant(ended)
    assert isinstance(meaning, Ending)
    assert (meaning.code.value[0], meaning.message) == (ended.code, ended.message)
    assert meaning.details == ended.SerializeToString()


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.INTERNAL, ()),
        (grpc.StatusCode.NOT_FOUND, ()),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            (error_details_pb2.ErrorInfo(reason="EXECUTION_FAILED", domain="elsewhere"),),
        ),
        (
            grpc.StatusCode.PERMISSION_DENIED,
            (error_details_pb2.ErrorInfo(reason="PERMISSION_MISSING", domain="actiond"),),
        ),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (error_details_pb2.RetryInfo(),)),
    ],
    ids=["internal", "method unknown", "another's details", "another reason", "overload"],
)
def test_a_failure_of_actiond_itself_lets_a_message_go_on_if_fail_open(
    code: grpc.StatusCode, details: tuple[Any, ...]
) -> None:
    assert meant(status(code, "internal text", *details)) == Failure(code.name, "internal text", may_pass=True)


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.RESOURCE_EXHAUSTED],
)
def test_a_message_that_actiond_refuses_does_not_go_on(code: grpc.StatusCode) -> None:
    assert meant(status(code, "message is larger than 1 MiB")) == Failure(
        code.name, "message is larger than 1 MiB", may_pass=False
    )


def test_the_budget_is_named_once_it_is_used_up() -> None:
    assert meant(status(grpc.StatusCode.DEADLINE_EXCEEDED, "late")) == budget_used(2.0)


def test_the_calls_own_deadline_ends_it() -> None:
    assert meant(status(grpc.StatusCode.DEADLINE_EXCEEDED, "late"), budget=None) is DEADLINE_PASSED


def test_details_that_do_not_parse_are_no_executions() -> None:
    meaning = outcome(grpc.StatusCode.INTERNAL, "broken", [(DETAILS, b"\xff")], budget=2.0)
    assert meaning == Failure("INTERNAL", "broken")
