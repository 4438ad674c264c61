"""Every client of the table in docs/browsers.md is put to every feature, in a real browser, from another origin."""

from pathlib import Path

import pytest

from tests.real_clients.features import FEATURES
from tests.real_clients.table import CLIENTS, REFUSED, cell, render, visit_calls
from tests.support.clients.browser import Browser, Visit

PAGE = Path(__file__).parents[2] / "docs" / "browsers.md"


@pytest.fixture(scope="module")
def visit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    return visit_calls(browser.chromium, browser.site, tmp_path_factory.mktemp("features") / "visit")


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_a_feature_or_lacks_it_as_known(visit: Visit, client: str, feature: str) -> None:
    assert cell(visit.report, client, feature)


def test_the_table_in_the_documentation_is_what_ran(visit: Visit) -> None:
    _, _, rest = PAGE.read_text().partition("<!-- clients -->\n")
    table, _, _ = rest.partition("<!-- /clients -->")
    assert table == render(visit.report)


def test_json_in_frames_of_grpc_web_is_refused(visit: Visit) -> None:
    outcome = visit.report[REFUSED]["unary"]
    assert outcome == {"messages": [], "failure": {"code": 2, "message": "HTTP 415", "details": []}}


def test_the_browser_blocks_nothing(visit: Visit) -> None:
    assert "blocked by CORS policy" not in visit.console
