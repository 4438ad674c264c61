import pytest

from tests.support.delivering import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """The time by which a store's deliveries are due."""
    return FakeClock()
