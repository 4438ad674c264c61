"""One setting: a field of a group, its flag and its variable, and how its text is read.

A group is a frozen dataclass whose fields are made by `setting`. What is wrong with a setting is said in one line that
begins with its flag or variable. Nothing here opens a file.
"""

import argparse
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Required, TypedDict, TypeVar, Unpack

T = TypeVar("T")

_SETTING = "setting"


class SettingsError(Exception):
    """An invalid setting. Its text is one line and begins with the setting's name."""


class Columns(TypedDict, total=False):
    """What a row of the table says, beside how its text is read."""

    name: Required[str]
    """As in `--name` and `ACTIOND_NAME`."""
    help: Required[str]
    default: str
    derive: Callable[[Mapping[str, object]], object]
    """Returns the default value, given the values of the fields before it; `default` describes it then."""
    metavar: str
    """Empty for a switch, which takes no value on the command line."""
    repeated: bool
    """The flag takes several values and may be given several times; its variable holds a list."""
    variable_only: bool
    """A secret: command lines are seen by every user of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table of settings. See Columns."""

    field: str = ""
    """The field of its group."""
    name: str
    read: Callable[[str], object]
    """Returns the value of a text, or raises ValueError."""
    help: str
    default: str = ""
    derive: Callable[[Mapping[str, object]], object] | None = None
    metavar: str = ""
    repeated: bool = False
    variable_only: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return VARIABLE_PREFIX + self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class SettingsGroup:
    """The base of all groups."""


VARIABLE_PREFIX = "ACTIOND_"

G = TypeVar("G", bound=SettingsGroup)


def setting(*, read: Callable[[str], T], **columns: Unpack[Columns]) -> T:
    """Make a field of a group, which has the type that `read` returns."""
    row = Setting(read=read, **columns)
    field: T = dataclasses.field(repr=not row.variable_only, metadata={_SETTING: row})
    return field


def rows(group: type[SettingsGroup]) -> tuple[Setting, ...]:
    """Return the settings of a group in the order of its fields."""
    return tuple(dataclasses.replace(field.metadata[_SETTING], field=field.name) for field in dataclasses.fields(group))


def add_flags(parser: argparse.ArgumentParser, table: Iterable[Setting]) -> None:
    """Give the parser a flag per setting. Values stay text: `read_group` reads them, so that all errors look alike."""
    for row in table:
        if row.variable_only:
            continue
        text = f"{row.help} [{row.variable}; {row.default or 'none'}]".replace("%", "%%")
        form: dict[str, Any] = {"dest": row.field, "help": text}
        if not row.metavar:
            form |= {"action": "store_const", "const": "true"}
        elif row.repeated:
            form |= {"action": "extend", "nargs": "+", "metavar": row.metavar}
        else:
            form |= {"metavar": row.metavar}
        parser.add_argument(row.flag, **form)


def read_group(group: type[G], arguments: Mapping[str, object], environment: Mapping[str, str]) -> G:
    """Read a group from flags (as argparse leaves them, by field) and variables. Raise SettingsError."""
    chosen: dict[str, object] = {}
    for row in rows(group):
        chosen[row.field] = _read_one(row, arguments, environment, chosen)
    return group(**chosen)


def _read_one(
    row: Setting, arguments: Mapping[str, object], environment: Mapping[str, str], chosen: Mapping[str, object]
) -> object:
    """Return one setting's value: its flag, else its variable, else its default."""
    given = arguments.get(row.field)
    if given is not None:
        source, text = row.flag, "\n".join(given) if isinstance(given, list) else str(given)
    elif row.variable in environment:
        source, text = row.variable, environment[row.variable]
    elif row.variable_only:
        return None
    elif row.derive is not None:
        return row.derive(chosen)
    else:
        source, text = row.flag, row.default
    try:
        return row.read(text)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}") from error
