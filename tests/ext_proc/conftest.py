"""What the tests of the state machine share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actiond.api.ext_proc.methods import Methods
from tests.ext_proc.dialogue import Dialogue, Executions, Run, shop_methods
from tests.support.proxied.shop import write_descriptor_set

Begin = Callable[..., Dialogue]


@pytest.fixture(scope="session")
def shop_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The descriptor set of the shop."""
    return write_descriptor_set(tmp_path_factory.mktemp("shop") / "shop.binpb")


@pytest.fixture(scope="session")
def methods(shop_set: Path) -> Methods:
    return shop_methods(shop_set)


@pytest.fixture(scope="session")
def begin(methods: Methods) -> Begin:
    """Begins a dialogue with executions that are functions: `begin(request=…, response=…)`."""

    def begun(request: Run | None = None, response: Run | None = None, **options: Any) -> Dialogue:
        sides = {name: run for name, run in (("request", request), ("response", response)) if run is not None}
        return Dialogue(methods, Executions(**sides), **options)

    return begun
