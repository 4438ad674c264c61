"""A failing assert says what it compared, wherever in tests/ it is."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook

from tests.support.clients.http import Reply

TESTS = Path(__file__).parents[1]


def _helpers() -> list[str]:
    """The modules that are neither tests nor conftests, which pytest rewrites by itself."""
    paths = [path for folder in TESTS.iterdir() if folder.name != "__pycache__" for path in folder.rglob("*.py")]
    names = [path for path in paths if path.name != "conftest.py" and not path.name.startswith("test_")]
    modules = [path.relative_to(TESTS.parent).with_suffix("") for path in names if "node_modules" not in path.parts]
    return [".".join(module.parts).removesuffix(".__init__") for module in modules]


def test_a_failing_assert_of_a_helper_prints_its_operands() -> None:
    reply = Reply(200, [("server", "one"), ("server", "two")], b"")
    with pytest.raises(AssertionError, match=r"assert 2 <= 1\n.*where 2 = len\(\['one', 'two'\]\)"):
        reply.header("server")


def test_the_asserts_of_every_helper_are_rewritten() -> None:
    helpers = _helpers()
    assert "tests.support.servers.faces" in helpers
    plain = [name for name in helpers if not _is_rewritten(name)]
    assert plain == []


def _is_rewritten(name: str) -> bool:
    spec = find_spec(name)
    assert spec is not None
    return isinstance(spec.loader, AssertionRewritingHook)
