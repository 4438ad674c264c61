"""The browser and the page that the tests of this directory share; where the machine lacks one, they are skipped."""

import os

import pytest

from tests.real_clients.web_page import make_page
from tests.support.clients.browser import Browser, UnavailableError, find_chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    try:
        return Browser(find_chromium(), make_page(tmp_path_factory.mktemp("page")))
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the browser's clients must run: {lack}", pytrace=False)
        pytest.skip(f"the browser's clients do not run here: {lack}")
