"""The README says what the code says."""

import re
import tomllib
from pathlib import Path

import pytest

from actiond.config.settings import TABLE, Setting

README = (Path(__file__).parents[1] / "README.md").read_text()


def row(setting: Setting) -> str:
    flag = "none" if setting.variable_only else f"`{setting.flag}{' ' + setting.metavar if setting.metavar else ''}`"
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| {flag} | `{setting.variable}` | {default} | {setting.help} |"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    _, _, rest = README.partition("<!-- settings -->\n")
    table, _, _ = rest.partition("\n<!-- /settings -->")
    assert table.splitlines()[2:] == [row(setting) for setting in TABLE]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:server|tests|proto|bench)/[\w./]*)`", README))))
def test_a_file_that_the_readme_names_is_there(path: str) -> None:
    assert (Path(__file__).parents[1] / path).exists()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    section = README.partition("## Dependencies")[2].partition("## ")[0]
    for requirement in project["dependencies"]:
        assert re.split(r"[<>=]", requirement)[0] in section
