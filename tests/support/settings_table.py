"""Generates the table of docs/settings.md; `python -m tests.support.settings_table` prints it."""

import sys

from actiond.config.settings import TABLE, Setting

HEAD = ("| flag | variable | default | what it is |", "|---|---|---|---|")


def rows() -> list[str]:
    """Return the table's rows in Markdown, without its head."""
    return [_row(setting) for setting in TABLE]


def _row(setting: Setting) -> str:
    flag = "none" if setting.variable_only else f"`{setting.flag}{' ' + setting.metavar if setting.metavar else ''}`"
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| {flag} | `{setting.variable}` | {default} | {setting.help} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join((*HEAD, *rows(), "")))
