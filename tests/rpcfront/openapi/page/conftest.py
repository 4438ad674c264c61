"""The browser that opens the page; where the machine has none, the tests are skipped."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.clients.browser import UnavailableError, find_chromium
from tests.support.clients.devtools import Tab, open_tab


@pytest.fixture(scope="session")
def chromium() -> str:
    try:
        return find_chromium()
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the page must be seen: {lack}", pytrace=False)
        pytest.skip(f"the page is not seen here: {lack}")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    async with open_tab(chromium, tmp_path_factory.mktemp("browser")) as tab:
        yield tab
