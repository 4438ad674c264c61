"""The command line: its commands, their arguments, and the exit codes. 2 is an invalid setting or argument."""

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from actiond import __version__
from actiond.actions.errors import StoreError
from actiond.cli import server_extra
from actiond.config import settings
from actiond.config.groups import ApiSettings, DeliverySettings, QueueSettings, StoreSettings
from actiond.config.setting import Setting, SettingsError, SettingsGroup, add_flags, read_group, rows
from actiond.config.setting_parsers import file
from actiond.config.settings import DELIVER_TABLE, TABLE
from actiond.process import console
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry import standard_streams

_DESCRIPTION = "Serves ZITADEL's Actions API (targets and executions) over gRPC, gRPC-Web, Connect and JSON."
_SERVE = """\
Serves until SIGTERM or Ctrl-C. Then it takes no new calls, and those in flight may finish within the grace period; a
second signal ends the grace period. In brackets: the variable of each flag, and its default. A flag wins over its
variable. ACTIOND_ADMIN_TOKEN sets the admin token's secret, instead of one generated at the first start;
ACTIOND_ENCRYPTION_KEY sets the key that signing keys are encrypted with, instead of a file in the data directory.
"""


_DELIVERY_ID = "as `actiond delivery list` prints it"
_INSTALL = "pip install '.[server]' in a checkout"


class _Parser(argparse.ArgumentParser):
    """Prints what is wrong as one line, without the usage. Raises Failure if help cannot be printed."""

    def error(self, message: str) -> NoReturn:
        console.error(f"{message} (see {self.prog} --help)")
        sys.exit(2)

    def _print_message(self, message: str, _file: object = None) -> None:
        """Print help or version. The inherited method ignores it when they cannot be written."""
        console.print_line(message.removesuffix("\n"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code; `serve` ends the process itself."""
    _open_standard_streams()
    try:
        code = _exit_code(arguments)
    except SystemExit as end:  # argparse ends so, after help and after what it refuses
        code = int(end.code or 0)
    except Exception:
        if standard_streams.installed() is None:
            raise
        sys.excepthook(*sys.exc_info())  # before the streams are closed
        code = 1
    standard_streams.close()
    return code


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        return _run(_parse(arguments))
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


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Like `parse_args`, which would name the help of `actiond` for a flag that `actiond serve` does not know."""
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        command = " ".join(filter(None, (options.command, getattr(options, "subcommand", None))))
        raise SettingsError(f"unrecognized arguments: {' '.join(unknown)} (see actiond {command} --help)")
    return options


def _run(options: argparse.Namespace) -> int:
    if missing := server_extra.missing():
        console.error(
            f"actiond {options.command} needs the extra `server`, as in {_INSTALL}; missing: {', '.join(missing)}"
        )
        return 2
    chosen = vars(options)
    if options.command == "serve":
        from actiond.process.serve import serve

        return serve(settings.read(chosen, os.environ), settings.unknown_variables(os.environ))
    if options.command == "deliver":
        from actiond.process.serve import deliver

        return deliver(settings.read(chosen, os.environ), settings.unknown_variables(os.environ))
    if options.command == "descriptors":
        from actiond.cli import descriptors

        descriptors.write(file(options.output), read_group(ApiSettings, chosen, os.environ).descriptor_sets)
        return 0
    return _run_on_store(options.command, options.subcommand, chosen)


_TEXTS = ("id", "condition", "expression", "name", "owner", "certificate", "target", "event_type", "aggregate")
"""Arguments that are compared with what a store has, and so are text. A path may be any bytes."""


def _check_texts(chosen: Mapping[str, object]) -> None:
    for name in _TEXTS:
        text = chosen.get(name)
        # Bytes that are not UTF-8 become surrogates.
        if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
            shown = name.upper() if name in ("id", "condition", "expression") else f"--{name.replace('_', '-')}"
            raise SettingsError(f"{shown}: {text!r} is not UTF-8")


def _run_on_store(name: str, subcommand: str, chosen: Mapping[str, object]) -> int:
    _check_texts(chosen)
    from actiond.cli import deliveries, executions, keys, store_command, targets, tokens

    commands = {
        "token": tokens.COMMANDS,
        "execution": executions.COMMANDS,
        "target": targets.COMMANDS,
        "delivery": deliveries.COMMANDS,
        "key": keys.COMMANDS,
    }[name]
    # A token may be created before the server's first start.
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
    deliver = commands.add_parser(
        "deliver",
        help="deliver events, without serving the API",
        description="Delivers the events of a database that other processes serve, until SIGTERM or Ctrl-C. It listens"
        " nowhere.",
        allow_abbrev=False,
    )
    add_flags(deliver, DELIVER_TABLE)
    token = commands.add_parser("token", help="create, list and revoke tokens", allow_abbrev=False)
    _add_token_commands(token)
    execution = commands.add_parser(
        "execution", help="list and delete executions, and set which calls they are for", allow_abbrev=False
    )
    _add_execution_commands(execution)
    target = commands.add_parser(
        "target", help="list targets; give one a new signing key, test it, or resume it", allow_abbrev=False
    )
    _add_target_commands(target)
    delivery = commands.add_parser("delivery", help="list, retry and cancel deliveries of events", allow_abbrev=False)
    _add_delivery_commands(delivery)
    key = commands.add_parser(
        "key", help="list and rotate the instance keys, which sign tokens for targets", allow_abbrev=False
    )
    _add_key_commands(key)
    _add_descriptors_command(commands)
    return parser


def _add_descriptors_command(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = commands.add_parser(
        "descriptors",
        help="write a descriptor set for Envoy's transcoder",
        description="Writes one descriptor set for Envoy's grpc_json_transcoder in front of a service that executions"
        " run for: the service's own, and the types of actiond's error details, without which JSON clients get errors"
        " without a body.",
        allow_abbrev=False,
    )
    parser.add_argument("output", metavar="OUTPUT", help="the file to write")
    add_flags(parser, _of(ApiSettings, "descriptor_sets"))


def _add_token_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    create = commands.add_parser(
        "create",
        help="create a token",
        description="Creates a token. Its secret is printed once, alone on standard output; only its hash is stored.",
        allow_abbrev=False,
    )
    create.add_argument("--name", required=True, help="what the token is for")
    create.add_argument("--owner", metavar="ID", help="the resource owner whose targets it sees [the default owner]")
    create.add_argument(
        "--permission",
        required=True,
        action="extend",
        nargs="+",
        dest="permissions",
        metavar="NAME",
        help="what it may do, as execution.target.read (or action.target.read, its name in v2), or * for everything;"
        " may be repeated",
    )
    create.add_argument("--expires", metavar="WHEN", help="30d, 12h, 45m, or a time as 2030-01-31T12:00:00Z [never]")
    create.add_argument(
        "--certificate",
        metavar="SAN",
        help="a name in a client certificate, as dns:worker.example, uri:spiffe://example/worker, email:… or ip:…;"
        " calls with such a certificate and no Authorization header are this token's [none]",
    )
    listing = commands.add_parser("list", help="list all tokens, without their secrets", allow_abbrev=False)
    revoke = commands.add_parser("revoke", help="revoke a token, at once and for good", allow_abbrev=False)
    revoke.add_argument("id", metavar="ID", help="as `actiond token list` prints it")
    for command in (create, listing, revoke):
        add_flags(command, rows(StoreSettings))


def _add_execution_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list all executions of an owner", allow_abbrev=False)
    delete = commands.add_parser(
        "delete",
        help="delete an execution",
        description="Deletes an execution in the database itself; a running server applies that to its next call. Use"
        " it to recover from an execution that fails every call of the API.",
        allow_abbrev=False,
    )
    delete.add_argument("condition", metavar="CONDITION", help="as `actiond execution list` prints it")
    condition = commands.add_parser(
        "condition",
        help="show or set which calls an execution is for",
        description="Shows the match condition of an execution for requests or responses, or sets it: a CEL expression"
        " over method, headers, user, org and message, such as 'message.name == \"x\"'. The execution runs only"
        " for calls that meet it.",
        allow_abbrev=False,
    )
    condition.add_argument("condition", metavar="CONDITION", help="as `actiond execution list` prints it")
    condition.add_argument("expression", metavar="EXPRESSION", nargs="?", help="the match condition [show it]")
    condition.add_argument("--remove", action="store_true", help="let the execution be for all calls")
    for command in (listing, delete, condition):
        _add_owner(command)
        add_flags(command, rows(StoreSettings))


def _add_target_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    rotate = commands.add_parser(
        "rotate-key",
        help="give a target a new signing key",
        description="Generates a new signing key, which is printed once, alone on standard output. Until the overlap is"
        " over, calls are signed with the new key and those before it.",
        allow_abbrev=False,
    )
    rotate.add_argument("id", metavar="ID", help="id of the target")
    rotate.add_argument(
        "--overlap",
        metavar="SPAN",
        default="24h",
        help="how long calls are signed with the previous keys too, as 24h or 0s [24h]",
    )
    listing = commands.add_parser("list", help="list targets, and how their deliveries go", allow_abbrev=False)
    resume = commands.add_parser(
        "resume",
        help="end the pause of a target",
        description="Ends the pause of a target whose deliveries failed, or that responded 410. Its parked deliveries"
        " are released in growing portions.",
        allow_abbrev=False,
    )
    resume.add_argument("id", metavar="ID", help="id of the target")
    test = commands.add_parser(
        "test",
        help="send a target a test",
        description="Sends one signed request now, as for an event of the type target.tested. The exit code is 1 if the"
        " target does not accept it. It is no delivery: it is not retried, and a pause does not hold it back.",
        allow_abbrev=False,
    )
    test.add_argument("id", metavar="ID", help="id of the target")
    add_flags(
        test, [*_of(DeliverySettings, "allow_addresses", "deny_addresses"), *_of(QueueSettings, "delivery_timeout_ms")]
    )
    for command in (listing, rotate, test, resume):
        _add_owner(command)
        add_flags(command, rows(StoreSettings))


def _of(group: type[SettingsGroup], *fields: str) -> list[Setting]:
    """Return some of a group's settings."""
    return [row for row in rows(group) if row.field in fields]


def _add_delivery_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list deliveries, the newest first", allow_abbrev=False)
    listing.add_argument("--limit", metavar="N", default="100", help="how many to list at most [100]")
    show = commands.add_parser("show", help="show a delivery with its attempts", allow_abbrev=False)
    show.add_argument("id", metavar="ID", help=_DELIVERY_ID)
    show.add_argument("--payload", action="store_true", help="also print the event's payload, as JSON")
    retry = commands.add_parser(
        "retry",
        help="retry deliveries that are dead, or wait for a later retry",
        description="Lets a delivery be attempted at once: a dead one with all its attempts again, or one that waits"
        " for a later retry. Of many, the first of each target are attempted, and the others as those succeed.",
        allow_abbrev=False,
    )
    cancel = commands.add_parser(
        "cancel",
        help="give up deliveries that are not delivered yet",
        description="Gives a delivery up. It is dead then, and can be retried. An attempt that is running is not"
        " interrupted: the target may accept the event all the same.",
        allow_abbrev=False,
    )
    for command in (retry, cancel):
        command.add_argument("id", metavar="ID", nargs="?", help=_DELIVERY_ID)
        command.add_argument("--all", action="store_true", help="all that the filters match, instead of one")
        command.add_argument(
            "--count", action="store_true", help="with --all: print how many they are, and change none"
        )
    for command in (listing, retry, cancel):
        _add_delivery_filters(command)
    for command in (listing, show, retry, cancel):
        _add_owner(command)
        add_flags(command, rows(StoreSettings))


def _add_key_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    listing = commands.add_parser(
        "list",
        help="list the instance keys, which sign tokens for targets, and when each does",
        description="Lists the instance keys that are published. One is signing; a former one has been replaced, and a"
        " next one is to replace it.",
        allow_abbrev=False,
    )
    rotate = commands.add_parser(
        "rotate",
        help="let a new key sign tokens for targets",
        description="Makes a key that signs payloads of the types JWT and JWE. It is published at once, and signs once"
        " receivers that cache the keys must know it; former keys are published until the overlap after that ends. For"
        " a key that has leaked: --ahead 0s --overlap 0s.",
        allow_abbrev=False,
    )
    rotate.add_argument("--algorithm", metavar="NAME", help="ES256, RS256 or EdDSA [that of the newest key]")
    rotate.add_argument(
        "--ahead",
        metavar="SPAN",
        default="5m",
        help="how long the key is published before it signs, as 5m or 0s, 7d at most [5m]",
    )
    rotate.add_argument(
        "--overlap",
        metavar="SPAN",
        default="24h",
        help="how long former keys are published after they have signed for the last time, as 24h or 0s, 366d at most"
        " [24h]",
    )
    for command in (listing, rotate):
        add_flags(command, rows(StoreSettings))


def _add_delivery_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", metavar="ID", help="only those for this target")
    parser.add_argument("--event-type", metavar="TYPE", help="only those of events of this type, as order.placed")
    parser.add_argument("--aggregate", metavar="TYPE/ID", help="only those of events of this aggregate, as order/4711")
    parser.add_argument(
        "--state",
        action="append",
        dest="states",
        metavar="STATE",
        help="only those that are waiting, behind, parked, dead or delivered; may be repeated",
    )
    parser.add_argument("--since", metavar="SPAN", help="only those created within the last 7d, 24h or 30m")


def _add_owner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", metavar="ID", help="resource owner [the default owner]")


def _open_standard_streams() -> None:
    """Open those that are closed, or the first socket would get the number of one; and let them escape what they lack.

    A stream that was closed stays None in `sys`, so that nobody takes it for one that is read.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
