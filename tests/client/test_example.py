"""The example of docs/python.md and docs/envoy.md, with the real actiond and the commands as the pages show them."""

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

from actiond.client import ActionsInterceptor, aio
from actiond.client.interceptors.settings import SKIPPED_SERVICES
from tests.support.programs import program
from tests.support.proxied.system import shipped_config
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.commands import run
from tests.support.servers.envoy import EnvoyProcess

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text()
ENVOY_PAGE = (ROOT / "docs" / "envoy.md").read_text()
SHOP = ROOT / "docs" / "examples" / "shop"


class Example:
    """A directory like the root of a checkout with the example, and programs that run in it."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.shop = root / SHOP.relative_to(ROOT)
        self.directory = root
        """Where programs run."""
        self._stack = stack
        self.variables: dict[str, str] = {}

    def run(self, command: str) -> str:
        """Run a command to its end, and return what it prints."""
        done = subprocess.run(
            self._words(command),
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self, command: str) -> int:
        """Start a program that serves, and return its port."""
        process: subprocess.Popen[str] = subprocess.Popen(
            self._words(command), cwd=self.directory, env=self._environment(), stdout=subprocess.PIPE, text=True
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        return int(process.stdout.readline().split()[-1])

    def _words(self, command: str) -> list[str]:
        words = shlex.split(command, comments=True)
        return [sys.executable if word == "python" else word for word in words]

    def _environment(self) -> dict[str, str]:
        return os.environ | self.variables


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    with ExitStack() as stack:
        made = Example(tmp_path / "checkout", stack)
        # Without what the page's commands may have written into this checkout.
        shutil.copytree(SHOP, made.shop, ignore=shutil.ignore_patterns("shop_pb2*", "*.binpb", "__pycache__"))
        (protoc,) = re.findall(r"^python -m grpc_tools\.protoc .*$", PAGE, re.MULTILINE)
        made.run(protoc)
        yield made


def test_the_gated_service_is_the_same_with_two_lines_more() -> None:
    plain, gated = ((SHOP / name).read_text().splitlines() for name in ("shop.py", "gated_shop.py"))
    changed = [line for line in difflib.ndiff(plain, gated) if not line.startswith(" ")]
    assert [line[:2] for line in changed] == ["+ ", "+ "]
    for line in changed:
        assert line[2:] in PAGE


def test_the_page_runs_what_it_shows(example: Example, tmp_path: Path) -> None:
    (described,) = re.findall(r"^ACTIOND_DESCRIPTOR_SET=(\S+) make run$", PAGE, re.MULTILINE)
    (options,) = re.findall(r"^\t@exec \$\(BIN\)/actiond serve (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (session,) = re.findall(r"```console\n(\$ python \S+gate\.py.*?)```", PAGE, re.DOTALL)
    (guarding,) = re.findall(r"^(python \S+guard\.py) 9000", PAGE, re.MULTILINE)
    (serving,) = re.findall(r"^(python \S+gated_shop\.py)", PAGE, re.MULTILINE)
    (tmp_path / "actiond").mkdir()
    environment = {"ACTIOND_DESCRIPTOR_SET": str(example.directory / described)}
    with ServerProcess(tmp_path / "actiond", *options.split(), environment=environment) as actiond:
        example.variables = {"ACTIOND": actiond.grpc_target, "TOKEN": ADMIN_TOKEN, "SHOP": "127.0.0.1:0"}
        guard = example.serve(f"{guarding} 0")
        example.variables["SHOP"] = f"127.0.0.1:{example.serve(serving)}"
        shown = ""
        for command in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
            shown += f"$ {command}\n{example.run(command.replace('9000', str(guard)))}"
    assert shown == session


def test_the_page_shows_how_the_typed_client_is_used(example: Example, tmp_path: Path) -> None:
    (code,) = re.findall(r"^## The typed client\n\n```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    (example.directory / "client.py").write_text(code)
    (tmp_path / "actiond").mkdir()
    with ServerProcess(tmp_path / "actiond") as actiond:
        example.variables = {"ACTIOND": actiond.grpc_target, "TOKEN": ADMIN_TOKEN}
        key, name = example.run("python client.py").splitlines()
        assert len(key) >= 32
        assert name == "audit"
        assert example.run("python client.py").split()[1] == "TARGET_NAME_TAKEN"


def test_the_page_about_envoy_runs_what_it_shows(example: Example, tmp_path: Path) -> None:
    (session,) = re.findall(r"(\$ python gate\.py.*?)```", ENVOY_PAGE, re.DOTALL)
    (serve,) = re.findall(r"^actiond serve (.*)$", ENVOY_PAGE, re.MULTILINE)
    (create,) = re.findall(r"^actiond token create (.*)$", ENVOY_PAGE, re.MULTILINE)
    example.directory = example.shop  # where this page runs its commands
    shop_set, transcoder_set = example.shop / "shop.binpb", tmp_path / "transcoder.binpb"
    options = serve.replace("docs/examples/shop/shop.binpb", str(shop_set)).split()
    for folder in ("actiond", "envoy"):
        (tmp_path / folder).mkdir()
    with ServerProcess(tmp_path / "actiond", *options) as actiond:
        token = run(actiond, "token", "create", *create.split()).stdout.splitlines()[-1]
        example.run(f"{program('actiond')} descriptors {transcoder_set} --descriptor-set {shop_set}")
        example.variables = {"ACTIOND": actiond.grpc_target, "TOKEN": ADMIN_TOKEN, "SHOP": "127.0.0.1:0"}
        guard = example.serve("python guard.py 0")
        shop = example.serve("python shop.py")

        def config(listener: int, upstream: int) -> str:
            return shipped_config(listener, upstream, actiond.grpc_port, transcoder_set)

        with EnvoyProcess(tmp_path / "envoy", shop, config, {"EXT_PROC_TOKEN": token}) as envoy:
            example.variables["SHOP"] = f"127.0.0.1:{envoy.port}"
            shown = ""
            for command in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
                shown += f"$ {command}\n{example.run(command.replace('9000', str(guard)))}"
    assert shown == session


def test_the_service_without_the_two_lines_is_not_gated(example: Example) -> None:
    example.variables = {"SHOP": "127.0.0.1:0"}
    example.variables["SHOP"] = f"127.0.0.1:{example.serve('python docs/examples/shop/shop.py')}"
    assert example.run("python docs/examples/shop/buy.py poison 7") == "7 x poison\n"


def test_the_page_names_each_setting_with_its_default() -> None:
    table = dict(
        re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.partition("## Settings")[2].partition("\n## ")[0], re.MULTILINE)
    )

    def shown(default: Any) -> str:
        if default is Parameter.empty:
            return "required"
        return "health, reflection" if default is SKIPPED_SERVICES else f"`{default!r}`"

    for interceptor in (ActionsInterceptor, aio.ActionsInterceptor):
        parameters = list(signature(interceptor).parameters.values())[1:]
        assert {each.name: shown(each.default) for each in parameters} == table
