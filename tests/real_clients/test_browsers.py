"""Real clients of the ActionService in a real browser, from a page of another origin: see web/cases.js."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.real_clients.table import CLIENTS
from tests.support.clients.browser import Browser, Visit, visit
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.pages import PageServer

Outcomes = dict[str, Any]

TYPE = "type.googleapis.com/"


@dataclass(frozen=True, slots=True)
class Visits:
    """The same page, opened under an origin that the server allows and under one that it does not."""

    allowed: Visit
    refused: Visit


@pytest.fixture(scope="module")
def visits(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visits:
    scratch = tmp_path_factory.mktemp("browsers")
    with (
        PageServer(browser.site) as pages,
        ServerProcess(scratch, "--cors-origin", pages.origin("localhost"), database="memory:") as server,
    ):
        query = urlencode({"api": server.http_url, "token": ADMIN_TOKEN})
        # The refused page goes first: the other then creates targets of the same names, which shows that they are free.
        refused = visit(browser.chromium, pages, f"{pages.origin('127.0.0.1')}/?{query}", scratch / "refused")
        allowed = visit(browser.chromium, pages, f"{pages.origin('localhost')}/?{query}", scratch / "allowed")
    return Visits(allowed, refused)


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def outcomes(visits: Visits, client: str) -> Outcomes:
    return outcomes_of(visits.allowed, client)


def outcomes_of(visit: Visit, client: str) -> Outcomes:
    outcomes: Outcomes = visit.report[client]
    assert "error" not in outcomes, outcomes["error"]
    return outcomes


def test_a_page_of_another_origin_creates_a_target(outcomes: Outcomes) -> None:
    created = outcomes["created"]["response"]

    assert re.fullmatch(r"[0-9]{1,20}", created["id"])
    assert created["details"]["sequence"] == "1"
    assert created["details"].keys() == {"sequence", "changeDate", "resourceOwner"}


def test_it_reads_the_target_back(outcomes: Outcomes, client: str) -> None:
    created = outcomes["created"]["response"]

    assert outcomes["readBack"]["response"]["target"] == {
        "targetId": created["id"],
        "details": created["details"],
        "name": f"Grüße von {client} 🎯",
        "restCall": {"interruptOnError": True},
        "timeout": "2.500000001s",
        "endpoint": "https://example.com/hook?a=b",
    }


def test_a_deadline_beyond_the_eight_digits_of_grpc_is_no_fault(outcomes: Outcomes) -> None:
    assert outcomes["farDeadline"]["response"] == outcomes["readBack"]["response"]


@pytest.mark.parametrize(
    ("case", "code", "id_", "text"),
    [
        ("nameTaken", 6, "V3-DKcYh", "Target already exists"),
        ("unknownTarget", 5, "QUERY-hj5oaniyrz", "Target not found"),
        ("wrongToken", 16, "AUTH-7fs1e", "Token is invalid"),
    ],
)
def test_an_error_arrives_with_its_details(outcomes: Outcomes, case: str, code: int, id_: str, text: str) -> None:
    failure = outcomes[case]["failure"]
    details = {detail.pop("@type"): detail for detail in map(dict, failure["details"])}

    assert (failure["code"], failure["message"]) == (code, f"{text} ({id_})")
    assert details.keys() == {f"{TYPE}zitadel.v1.ErrorDetail", f"{TYPE}google.rpc.ErrorInfo"}
    assert details[f"{TYPE}zitadel.v1.ErrorDetail"] == {"id": id_, "message": text}
    assert details[f"{TYPE}google.rpc.ErrorInfo"]["domain"] == "actiond"
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", details[f"{TYPE}google.rpc.ErrorInfo"]["reason"])


def test_every_bad_field_is_named(outcomes: Outcomes) -> None:
    failure = outcomes["badFields"]["failure"]
    (detail,) = failure["details"]

    assert failure["code"] == 3
    assert detail["@type"] == f"{TYPE}google.rpc.BadRequest"
    violations = {violation["field"]: violation["description"] for violation in detail["fieldViolations"]}
    assert violations.keys() == {"name", "target_type", "timeout", "endpoint"}
    assert all(violations.values())


def test_a_call_without_a_token_is_told_so(outcomes: Outcomes) -> None:
    assert outcomes["noToken"]["failure"] == {"code": 16, "message": "auth header missing", "details": []}


def test_a_page_of_an_origin_that_is_not_allowed_is_blocked(visits: Visits, client: str) -> None:
    for outcome in outcomes_of(visits.refused, client).values():
        assert outcome.keys() == {"failure"}
        assert outcome["failure"]["details"] == []
    assert "blocked by CORS policy" in visits.refused.console


def test_the_browser_blocks_nothing_of_an_allowed_page(visits: Visits) -> None:
    assert "blocked by CORS policy" not in visits.allowed.console
