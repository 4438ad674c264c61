import pytest

from tests.actions.samples import Domain


@pytest.fixture
def domain() -> Domain:
    return Domain()
