"""What is loaded, and when: what only reads settings, or runs on a bare installation, loads nothing that serves."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from actiond.cli import server_extra
from tests.support.servers.actiond import clean_environment

SERVER = Path(__file__).parents[2] / "server"
BARE = {"google", "grpc"}
"""What third parties contribute to a bare installation, by the names under which it is imported."""
OURS = {"actiond", "actiond_protos", "rpcfront"}

# What reads settings, and a supervisor, do without these.
HEAVY = {
    *server_extra.MODULES,
    *("google", "grpc", "rpcfront", "sqlite3"),
    *("actiond.app", "actiond.bootstrap", "actiond.delivery.client", "actiond.executions"),
    *("actiond.storage.memory", "actiond.storage.opening", "actiond.storage.sqlite"),
}

LOADED = """
import json, sys
before = set(sys.modules)
try:
    {statement}
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(set(sys.modules) - before)))
"""

# Finders that find nothing of the server extra.
WITHOUT_EXTRA = """
import sys

class Bare:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {missing} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Bare(finder) for finder in sys.meta_path]
{statement}
"""


def run(script: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads."""
    done = run(LOADED.format(statement=statement))
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr))


@pytest.mark.parametrize(
    "statement",
    [
        'from actiond.cli.main import main; main(["--version"])',
        'from actiond.cli.main import main; main(["--help"])',
        'from actiond.cli.main import main; main(["serve", "--help"])',
        'from actiond.cli.main import main; main(["token", "create", "--help"])',
        "from actiond.config import settings; settings.read({}, {})",
        "from actiond.process import serve",
    ],
)
def test_what_only_reads_settings_loads_no_store_and_nothing_that_serves(statement: str) -> None:
    loaded = loaded_by(statement)
    assert "actiond.config" in loaded
    assert loaded & HEAVY == set()


def test_a_client_loads_the_standard_library_and_what_a_bare_installation_has() -> None:
    loaded = loaded_by("import actiond.client, actiond.client.signature")
    assert {name.partition(".")[0] for name in loaded} <= {*sys.stdlib_module_names, *BARE, "actiond"}
    assert {name for name in loaded if name.startswith("actiond.")} <= {
        "actiond.client",
        "actiond.client.signature",
        "actiond.client.signing_keys",
    }


def on_a_bare_installation(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    statement = f"from actiond.cli.main import main; sys.exit(main({list(arguments)}))"
    return run(WITHOUT_EXTRA.format(missing=server_extra.MODULES, statement=statement), cwd)


@pytest.mark.parametrize(
    "arguments",
    [("serve",), ("serve", "--workers", "2"), ("token", "list"), ("target", "rotate-key", "1")],
    ids=" ".join,
)
def test_on_a_bare_installation_a_command_says_what_to_install(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = on_a_bare_installation(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"actiond: error: actiond {arguments[0]} needs the extra `server`, as in pip install '.[server]'"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("serve", "--help")], ids=" ".join)
def test_on_a_bare_installation_there_is_help(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = on_a_bare_installation(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "actiond" in done.stdout


def test_the_server_extra_is_what_the_program_imports() -> None:
    imported = {name for path in SERVER.rglob("*.py") for name in _imports(path)}
    assert imported - set(sys.stdlib_module_names) - OURS == BARE | set(server_extra.MODULES)


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names.add(node.module.partition(".")[0])
    return names
