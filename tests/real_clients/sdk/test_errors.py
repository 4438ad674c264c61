"""Errors, as each of ZITADEL's SDKs hands them to the program that uses it."""

from dataclasses import dataclass
from http import HTTPStatus

import pytest

from tests.real_clients.sdk.sdks import Api, Detail, JsonObject, SdkError
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.commands import run

TAKEN = "a name that is taken"
TARGET: JsonObject = {"name": TAKEN, "restCall": {}, "timeout": "10s", "endpoint": "https://example.com/hook"}


@dataclass(frozen=True, slots=True)
class Case:
    method: str
    request: JsonObject
    status: HTTPStatus
    code: str
    text: str
    id: str
    token: str = ADMIN_TOKEN


CASES = {
    "a target that is not there": Case(
        *("GetTarget", {"id": "1"}, HTTPStatus.NOT_FOUND, "NOT_FOUND", "Target not found", "QUERY-hj5oaniyrz")
    ),
    "a name that is taken": Case(
        *("CreateTarget", TARGET, HTTPStatus.CONFLICT, "ALREADY_EXISTS", "Target already exists", "V3-DKcYh")
    ),
    "no timeout": Case(
        "CreateTarget",
        {**TARGET, "timeout": "0s"},
        *(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Target has no timeout", "COMMAND-39f35d8uri"),
    ),
    "an execution of a target that is not there": Case(
        "SetExecution",
        {"condition": {"event": {"all": True}}, "targets": ["1"]},
        *(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Target not found", "COMMAND-17e8fq1ggk"),
    ),
    "a token that nobody was given": Case(
        "GetTarget",
        {"id": "1"},
        *(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", "Token is invalid", "AUTH-7fs1e"),
        token="nobody-was-given-this",
    ),
    "a token that may only read": Case(
        "DeleteTarget",
        {"id": "1"},
        *(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "No matching permissions found", "AUTH-5mWD2"),
        token="reader",
    ),
}


@pytest.fixture(scope="module")
def reader(server: ServerProcess) -> str:
    """A token that may read targets, and nothing else."""
    return run(server, "token", "create", "--name", "reader", "--permission", "action.target.read").stdout.strip()


@pytest.fixture
def taken(api: Api) -> None:
    """See to it that there is a target of that name."""
    if not api.call("ListTargets", {"filters": [{"targetNameFilter": {"targetName": TAKEN}}]}).get("targets"):
        api.call("CreateTarget", TARGET)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("name", CASES)
def test_an_error_keeps_its_code_its_text_and_its_id(api: Api, reader: str, name: str) -> None:
    case = CASES[name]
    with pytest.raises(SdkError) as caught:
        api.call(case.method, case.request, token=reader if case.token == "reader" else case.token)
    error = caught.value
    assert error.code == api.kind.code(case.status, case.code)
    assert error.message == f"{case.text} ({case.id})"
    assert error.details == ([Detail(case.id, case.text)] if api.kind.has_details else [])


def test_a_request_that_breaks_a_rule_of_the_proto_names_the_field(api: Api) -> None:
    with pytest.raises(SdkError) as caught:
        api.call("CreateTarget", {**TARGET, "name": "n" * 1001})
    assert caught.value.code == api.kind.code(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT")
    assert "name" in caught.value.message


def test_a_token_that_may_only_read_reads(api: Api, reader: str) -> None:
    assert api.call("ListTargets", {}, token=reader)["pagination"]
    assert api.call("ListExecutionMethods", {}, token=reader)["methods"]
