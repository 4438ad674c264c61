"""The settings of `actiond serve`: one frozen value, read from flags and ACTIOND_ variables; a flag wins.

`TABLE` is the only list of them: the command line, the environment and the README's table come from it. What is wrong
with a setting is said in one line that begins with its flag or variable. This module opens nothing.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actiond.config import setting_parsers as parsers
from actiond.config.setting_parsers import Address
from actiond.delivery.egress.networks import Network
from actiond.secrets import encryption_keys
from actiond.storage.urls import DatabaseUrl, parse_database_url

SHORT_TOKEN = 16
"""An admin token of fewer characters is taken, with a warning."""


class SettingsError(Exception):
    """A setting that cannot be meant. Its text is one line and begins with the setting's name."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    field: str
    """The field of Settings that it fills."""
    name: str
    """As in `--name` and `ACTIOND_NAME`."""
    read: Callable[[str], object]
    help: str
    default: str = ""
    metavar: str = ""
    """Empty for a switch, which takes no value on the command line."""
    repeated: bool = False
    """The flag takes several values and may be given several times; its variable holds a list."""
    variable_only: bool = False
    """A secret: command lines are seen by every user of the machine."""

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return "ACTIOND_" + self.name.upper().replace("-", "_")


DATABASE = Setting(
    field="database",
    name="database",
    read=parse_database_url,
    help="memory:, sqlite:///relative/path or sqlite:////absolute/path",
    default="sqlite:///data/actiond.db",
    metavar="URL",
)

ENCRYPTION_KEY = Setting(
    field="encryption_keys",
    name="encryption-key",
    read=encryption_keys.parse,
    help="what signing keys are encrypted with, 32 bytes in base64, instead of a file beside the database; several"
    " while it is changed, the newest first",
    variable_only=True,
)

TABLE = (
    Setting("grpc_address", "grpc-address", parsers.address, "where gRPC is served", "127.0.0.1:50051", "HOST:PORT"),
    Setting(
        "http_address",
        "http-address",
        parsers.address,
        "where gRPC-Web, Connect and JSON are served",
        "127.0.0.1:8080",
        "HOST:PORT",
    ),
    DATABASE,
    Setting("workers", "workers", parsers.whole_number(1, 256), "processes that serve", "1", "N"),
    Setting(
        "cors_origins",
        "cors-origin",
        parsers.origins,
        "an origin whose pages may call, as scheme://host[:port], or *",
        metavar="ORIGIN",
        repeated=True,
    ),
    Setting(
        "cors_headers",
        "cors-header",
        parsers.header_names,
        "a request header that those pages may send besides the protocols' own",
        metavar="NAME",
        repeated=True,
    ),
    Setting(
        "cors_expose_headers",
        "cors-expose-header",
        parsers.header_names,
        "a response header that those pages may read besides the protocols' own",
        metavar="NAME",
        repeated=True,
    ),
    Setting(
        "grace",
        "grace",
        parsers.seconds,
        "how long running calls may take once it is told to stop",
        "10",
        "SECONDS",
    ),
    Setting(
        "read_timeout",
        "read-timeout",
        parsers.seconds,
        "how long a client may take to send a request's head, and again its body; shorter than the grace",
        "5",
        "SECONDS",
    ),
    Setting(
        "max_body",
        "max-body",
        parsers.whole_number(1, 2**31 - 1),
        "the largest request, over any protocol",
        "1048576",
        "BYTES",
    ),
    Setting(
        "max_concurrent",
        "max-concurrent",
        parsers.whole_number(1, 1_000_000),
        "calls that a worker runs at once, over any protocol; more are RESOURCE_EXHAUSTED",
        "4096",
        "N",
    ),
    Setting(
        "strict_json",
        "strict-json",
        parsers.boolean,
        "refuse unknown fields in JSON instead of ignoring them",
        "false",
    ),
    Setting(
        "log_level",
        "log-level",
        parsers.one_of("debug", "info", "warning", "error"),
        "what is worth a line on stderr: debug, info, warning or error",
        "info",
        "LEVEL",
    ),
    Setting(
        "access_log",
        "access-log",
        parsers.one_of("none", "text", "json"),
        "a line on stderr for each call: none, text or json",
        "none",
        "FORM",
    ),
    Setting(
        "metrics",
        "metrics",
        parsers.one_of("public", "private", "none"),
        "who reads /metrics: anyone (public), tokens with the permission metrics.read (private), or none",
        "public",
        "WHO",
    ),
    Setting(
        "descriptor_sets",
        "descriptor-set",
        parsers.paths,
        "a file of protoc --descriptor_set_out, whose services and methods executions may name too",
        metavar="FILE",
        repeated=True,
    ),
    Setting(
        "functions",
        "function",
        parsers.function_names,
        "a function that executions may name",
        metavar="NAME",
        repeated=True,
    ),
    Setting(
        "allow_addresses",
        "allow-address",
        parsers.networks,
        "addresses that targets may have although they are not public, as 10.1.0.0/16 or ::1",
        metavar="CIDR",
        repeated=True,
    ),
    Setting(
        "deny_addresses",
        "deny-address",
        parsers.networks,
        "addresses that targets may not have although they are public; the longest prefix wins",
        metavar="CIDR",
        repeated=True,
    ),
    Setting(
        "max_target_calls",
        "max-target-calls",
        parsers.whole_number(1, 60_000),
        "calls to targets that a worker has under way at once; more wait",
        "2048",
        "N",
    ),
    Setting(
        "max_calls_per_target",
        "max-calls-per-target",
        parsers.whole_number(1, 60_000),
        "the same, to one target",
        "1024",
        "N",
    ),
    Setting(
        "max_target_answer",
        "max-target-answer",
        parsers.whole_number(1, 2**31 - 1),
        "the largest answer of a target that is used",
        "1048576",
        "BYTES",
    ),
    ENCRYPTION_KEY,
    Setting(
        "admin_token",
        "admin-token",
        parsers.secret,
        "the admin token's secret, instead of one made at the first start",
        variable_only=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `serve` runs with. The lists of CORS are empty unless set: no page of another origin may call."""

    grpc_address: Address
    http_address: Address
    database: DatabaseUrl
    workers: int
    cors_origins: tuple[str, ...]
    cors_headers: tuple[str, ...]
    cors_expose_headers: tuple[str, ...]
    grace: float
    read_timeout: float
    max_body: int
    max_concurrent: int
    strict_json: bool
    log_level: str
    access_log: str
    metrics: str
    descriptor_sets: tuple[Path, ...]
    functions: tuple[str, ...]
    allow_addresses: tuple[Network, ...]
    deny_addresses: tuple[Network, ...]
    max_target_calls: int
    max_calls_per_target: int
    max_target_answer: int
    encryption_keys: tuple[bytes, ...] | None = field(repr=False)
    admin_token: str | None = field(repr=False)

    def __post_init__(self) -> None:
        if self.workers > 1 and not self.database.traits.shared_by_processes:
            raise SettingsError(
                f"--workers: {self.workers} processes cannot share --database memory:, which is one's own"
            )
        if self.read_timeout >= self.grace:
            raise SettingsError(
                f"--read-timeout: {self.read_timeout:g} s is not shorter than --grace, {self.grace:g} s"
            )
        if self.http_address == self.grpc_address and self.http_address.port != 0:
            raise SettingsError(f"--http-address: {self.http_address} is --grpc-address too; they need a port each")

    def warnings(self) -> list[str]:
        """What is allowed but should be known to the operator, a line each."""
        if self.admin_token is not None and len(self.admin_token) < SHORT_TOKEN:
            return [f"ACTIOND_ADMIN_TOKEN: fewer than {SHORT_TOKEN} characters can be guessed"]
        return []


def add_flags(parser: argparse.ArgumentParser, table: Iterable[Setting]) -> None:
    """Gives the parser a flag per setting. Values stay text: `read` reads them, so that all errors look the same."""
    for setting in table:
        if setting.variable_only:
            continue
        text = f"{setting.help} [{setting.variable}; {setting.default or 'none'}]".replace("%", "%%")
        form: dict[str, Any] = {"dest": setting.field, "help": text}
        if not setting.metavar:
            form |= {"action": "store_const", "const": "true"}
        elif setting.repeated:
            form |= {"action": "extend", "nargs": "+", "metavar": setting.metavar}
        else:
            form |= {"metavar": setting.metavar}
        parser.add_argument(setting.flag, **form)


def read(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """The settings that flags (as argparse leaves them, by field) and variables amount to. Raises SettingsError."""
    chosen = read_some(TABLE, arguments, environment)
    return Settings(**chosen)  # type: ignore[arg-type]  # each row's `read` answers its field's type


def read_some(
    table: Iterable[Setting], arguments: Mapping[str, object], environment: Mapping[str, str]
) -> dict[str, object]:
    """The few settings that another command than `serve` needs, by field. Raises SettingsError."""
    return {setting.field: _read_one(setting, arguments, environment) for setting in table}


def _read_one(setting: Setting, arguments: Mapping[str, object], environment: Mapping[str, str]) -> object:
    """One setting's value: its flag, else its variable, else its default."""
    given = arguments.get(setting.field)
    if given is not None:
        source, text = setting.flag, "\n".join(given) if isinstance(given, list) else str(given)
    elif setting.variable in environment:
        source, text = setting.variable, environment[setting.variable]
    elif setting.variable_only:
        return None
    else:
        source, text = setting.flag, setting.default
    try:
        return setting.read(text)
    except ValueError as error:
        raise SettingsError(f"{source}: {error}") from error
