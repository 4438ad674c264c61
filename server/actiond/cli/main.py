"""The command line: what can be asked, and the exit codes. 2 is a setting or an argument that cannot be meant."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from actiond import __version__
from actiond.actions.errors import StoreError
from actiond.config import settings
from actiond.config.groups import StoreSettings
from actiond.config.setting import SettingsError, add_flags, read_group, rows
from actiond.config.settings import TABLE
from actiond.process import console
from actiond.secrets.encryption_keys import KeyFileError

_DESCRIPTION = (
    "Keeps targets (HTTP endpoints) and executions (when they are called); over gRPC, gRPC-Web, Connect and JSON."
)
_SERVE = """\
Serves until SIGTERM or Ctrl-C: then no new calls are taken, and what runs may finish within the grace; a second signal
ends the grace. In brackets: the variable that stands for a flag, and the default. A flag wins over its variable.
ACTIOND_ADMIN_TOKEN sets the admin token's secret instead of having one made at the first start; ACTIOND_ENCRYPTION_KEY
what signing keys are encrypted with, instead of a file in the data directory.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without a dump of the usage."""

    def error(self, message: str) -> NoReturn:
        console.error(f"{message} ({self.prog} --help says more)")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers the exit code; `serve` ends the process itself."""
    _open_standard_streams()
    try:
        options = _parser().parse_args(arguments)
        return _run(options)
    except SettingsError as error:
        console.error(error)
        return 2
    except StoreError as error:
        return console.store_failure(error)
    except (console.Failure, KeyFileError) as error:
        console.error(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    chosen = vars(options)
    if options.command == "serve":
        from actiond.process.serve import serve

        return serve(settings.read(chosen, os.environ))
    return _run_on_store(options.command, options.subcommand, chosen)


def _run_on_store(name: str, subcommand: str, chosen: Mapping[str, object]) -> int:
    from actiond.cli import executions, store_command, targets, tokens

    commands = {"token": tokens.COMMANDS, "execution": executions.COMMANDS, "target": targets.COMMANDS}[name]
    # A token may be made before the server's first start.
    may_create = (name, subcommand) == ("token", "create")
    store = read_group(StoreSettings, chosen, os.environ)
    store_command.run(store, commands[subcommand], chosen, may_create=may_create)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="actiond", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"actiond {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the API", description=_SERVE, allow_abbrev=False)
    add_flags(serve, TABLE)
    token = commands.add_parser("token", help="make, list and revoke tokens", allow_abbrev=False)
    _add_token_commands(token)
    execution = commands.add_parser("execution", help="list and delete executions", allow_abbrev=False)
    _add_execution_commands(execution)
    target = commands.add_parser("target", help="give a target a new signing key", allow_abbrev=False)
    _add_target_commands(target)
    return parser


def _add_token_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    create = commands.add_parser(
        "create",
        help="make a token",
        description="Makes a token. Its secret is printed once, alone on standard output; it is stored as a hash only.",
        allow_abbrev=False,
    )
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument("--owner", metavar="ID", help="whose targets it sees [the default owner]")
    create.add_argument(
        "--permission",
        required=True,
        action="extend",
        nargs="+",
        dest="permissions",
        metavar="NAME",
        help="what it may do, as execution.target.read, or * for everything; one or several",
    )
    create.add_argument("--expires", metavar="WHEN", help="30d, 12h, 45m, or a time as 2030-01-31T12:00:00Z [never]")
    listing = commands.add_parser("list", help="list all tokens, without their secrets", allow_abbrev=False)
    revoke = commands.add_parser("revoke", help="end a token, at once and for good", allow_abbrev=False)
    revoke.add_argument("id", metavar="ID", help="as `actiond token list` prints it")
    for command in (create, listing, revoke):
        add_flags(command, rows(StoreSettings))


def _add_execution_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list all executions of an owner", allow_abbrev=False)
    delete = commands.add_parser(
        "delete",
        help="delete an execution",
        description="Deletes an execution on the store itself; a running server sees it with the next call. It is the"
        " way back when an execution fails every call of the API.",
        allow_abbrev=False,
    )
    delete.add_argument("condition", metavar="CONDITION", help="as `actiond execution list` prints it")
    for command in (listing, delete):
        _add_owner(command)
        add_flags(command, rows(StoreSettings))


def _add_target_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    rotate = commands.add_parser(
        "rotate-key",
        help="give a target a new signing key",
        description="Makes a new signing key, printed once, alone on standard output. Until the overlap is over, calls"
        " are signed with the new key and those before it.",
        allow_abbrev=False,
    )
    rotate.add_argument("id", metavar="ID", help="the target's")
    rotate.add_argument(
        "--overlap", metavar="SPAN", default="24h", help="how long the keys before it still sign, as 24h or 0s [24h]"
    )
    _add_owner(rotate)
    add_flags(rotate, rows(StoreSettings))


def _add_owner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", metavar="ID", help="whose [the default owner's]")


def _open_standard_streams() -> None:
    """A program started with one of these closed would give its number to the first socket it opens."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
