"""The script and the program that docs/zitadel.md lets a reader move print what it says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_clients.sdk.sdks import BUILD, NPM
from tests.support.programs import PATH
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess, clean_environment

_PAGE = (Path(__file__).parents[3] / "docs" / "zitadel.md").read_text()
_MOVING = _PAGE.partition("<!-- moving -->")[2].partition("<!-- /moving -->")[0]
# What differs from run to run.
_ID = re.compile(r'"[0-9]{18}"')
_DATE = re.compile(r'"[0-9-]{10}T[0-9:.]+Z"')
_KEY = re.compile(r'"signingKey":"[\w-]{43}"')


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that has nothing yet."""
    with ServerProcess(tmp_path) as server:
        yield server


def block(language: str) -> str:
    """Return the page's block in this language. There is one."""
    [found] = re.findall(rf"```{language}\n(.*?)```", _MOVING, re.DOTALL)
    return str(found)


def printed(server: ServerProcess, *command: str, **environment: str) -> str:
    """Return what a command prints, with the server's address and token in place of those of the page."""
    places = {"http://127.0.0.1:8080": server.http_url, "the admin token": ADMIN_TOKEN}
    *words, script = command
    for given, real in places.items():
        assert given in script
        script = script.replace(given, real)
    ended = subprocess.run(
        [*words, script],
        env=clean_environment(PATH=PATH, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended
    return ended.stdout


def without_chance(text: str) -> str:
    for pattern, name in ((_KEY, "key"), (_ID, "id"), (_DATE, "date")):
        text = pattern.sub(name, text)
    return text


def test_the_script_prints_what_the_page_says(fresh: ServerProcess) -> None:
    assert without_chance(printed(fresh, "bash", "-eu", "-c", block("sh"))) == without_chance(block("json"))


@pytest.mark.parametrize("api", [("zitadel-client", "v2")], indirect=True, ids=" ".join)
@pytest.mark.usefixtures("api")  # installs the SDK
def test_the_program_prints_what_the_page_says(fresh: ServerProcess) -> None:
    said = printed(fresh, sys.executable, "-c", block("python"), PYTHONPATH=str(BUILD / "python"))
    assert said == re.findall(r"```text\n(.*?)```", _MOVING, re.DOTALL)[0]


@pytest.mark.parametrize(
    ("api", "position"),
    [(("@zitadel/node", "v2"), 0), (("@zitadel/client/node", "v2beta"), 1)],
    indirect=["api"],
    ids=["@zitadel/node", "@zitadel/client"],
)
@pytest.mark.usefixtures("api")  # installs the SDK
def test_the_programs_for_node_list_the_targets(fresh: ServerProcess, position: int) -> None:
    program = re.findall(r"```js\n(.*?)```", _MOVING, re.DOTALL)[position]
    # Node looks for packages where it runs.
    script = f'cd "{NPM}" && node --input-type=module --eval "$0"'
    places = program.replace("http://127.0.0.1:8080", fresh.http_url).replace("the admin token", ADMIN_TOKEN)
    ended = subprocess.run(["bash", "-c", script, places], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "0 targets\n"), ended.stderr
