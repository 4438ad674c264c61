"""What tests may import: a suite takes what it shares with others from tests.support, and stays within itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def foreign_imports(source: str, owner: str) -> list[str]:
    """The modules of `tests` that a module of the folder `owner` imports and should not."""
    return [name for name in _imports(ast.parse(source)) if not _may_import(owner, name)]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from tests import parity` names the suite only after the import, and a relative import nowhere.
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _may_import(owner: str, name: str) -> bool:
    if name.startswith("."):
        return False
    top, _, rest = name.partition(".")
    return top != "tests" or rest.partition(".")[0] in {"support", owner}


def test_no_suite_imports_a_suite() -> None:
    modules = [path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts]
    assert {TESTS / "parity" / "conftest.py", TESTS / "support" / "programs.py"} < set(modules)
    foreign = {}
    for path in modules:
        owner, *within = path.relative_to(TESTS).parts
        # The tests beside the suites belong to none.
        if names := foreign_imports(path.read_text(), owner if within else ""):
            foreign[str(path.relative_to(TESTS))] = names
    assert foreign == {}


@pytest.mark.parametrize(
    "line",
    [
        "from tests.parity.model import Call",
        "from tests.parity import model",
        "from tests import parity",
        "import tests.parity.model",
        "from ..parity import model",
        "def late():\n    from tests.parity import model",
    ],
)
def test_an_import_of_another_suite_is_found(line: str) -> None:
    assert len(foreign_imports(line, "rpcfront")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "from tests.support.wire import grpc_web",
        "from tests.rpcfront.clients import invoke",
        "import rpcfront",
        "from actiond.app import Application",
    ],
)
def test_its_own_modules_and_the_support_are_free_to_import(line: str) -> None:
    assert foreign_imports(line, "rpcfront") == []


def test_the_support_imports_no_suite() -> None:
    assert foreign_imports("from tests.rpcfront.clients import invoke", "support") == ["tests.rpcfront.clients.invoke"]
