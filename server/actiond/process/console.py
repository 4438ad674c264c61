"""What the program says to whoever started it: warnings, why it ends, the start-up lines, and the admin token, once."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.config.setting_parsers import Address
from actiond.process.sockets import ReservedSocket
from actiond.secrets import admin_token

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound here

_TARGET = '{{"name": "{name}", "restWebhook": {{}}, "timeout": "10s", "endpoint": "https://example.com/hook"}}'
_CREATE_TARGET = "zitadel.action.v3alpha.ActionService/CreateTarget"


class Failure(Exception):  # noqa: N818  # no fault of the program's
    """The program cannot go on, or the command cannot be done. Its text is one line; the exit code is 1."""


def info(text: str) -> None:
    """A line on stderr: standard output is left to what may be captured."""
    sys.stderr.write(f"{text}\n")


def warning(text: str) -> None:
    """A line on stderr for the operator. No log record: nothing is set up yet."""
    sys.stderr.write(f"actiond: warning: {text}\n")


def error(reason: object) -> None:
    """The one line on stderr that says why the program ends."""
    sys.stderr.write(f"actiond: error: {reason}\n")


def store_failure(failure: StoreError) -> int:
    """Says it, and answers the exit code: a database of a later release is a wrong setting, the rest is a failure."""
    error(failure)
    return 2 if isinstance(failure, SchemaTooNewError) else 1


def warn_of_exposure(listeners: Iterable[ReservedSocket]) -> None:
    """There is no TLS in actiond: beyond this machine, tokens would travel in the open."""
    for listener in listeners:
        if not listener.is_loopback:
            protocol, address = listener.protocol, listener.address
            warning(
                f"--{protocol}-address: {address} is open to other machines, without TLS: tokens can be read on the way"
            )


def allowed_addresses(networks: Sequence[object]) -> None:
    """Says where targets may be beside the public addresses."""
    if networks:
        info(f"targets may be at {', '.join(map(str, networks))} too (--allow-address)")


def serving(listeners: Iterable[ReservedSocket]) -> None:
    """The start-up lines. Whoever waits for them may connect at once."""
    for listener in listeners:
        print_line(f"{listener.protocol} listening on {listener.address}")


def deliver_admin_token(token: str, data_dir: Path | None, grpc: ReservedSocket, http: ReservedSocket) -> None:
    """Deliver the token that was just generated: show it on a terminal, else write it to a file for this user alone.

    Without a data directory the token ends with the process: it goes to stderr.
    """
    if sys.stdout is not None and sys.stdout.isatty():
        print_line(_introduction(token, _reachable(grpc.address), _reachable(http.address)))
    elif data_dir is not None:
        path = data_dir / admin_token.FILE
        try:
            admin_token.write(path, token)
        except OSError as error:
            raise Failure(f"{path}: the admin token cannot be written: {error.strerror}") from error
        print_line(f"admin token written to {path}")
    else:
        sys.stderr.write(f"admin token, until this process ends: {token}\n")


def _introduction(token: str, grpc: Address, http: Address) -> str:
    bearer = f"'Authorization: Bearer {token}'"
    by_curl, by_grpcurl = _TARGET.format(name="made-with-curl"), _TARGET.format(name="made-with-grpcurl")
    return f"""\
The admin token, shown this once:

  {token}

Each of these makes a target with it:

  curl -sS http://{http}/v3alpha/targets -H {bearer} -H 'Content-Type: application/json' -d '{by_curl}'

  grpcurl -plaintext -H {bearer} -d '{by_grpcurl}' {grpc} {_CREATE_TARGET}
"""


def _reachable(address: Address) -> Address:
    return Address(_ANY_HOST.get(address.host, address.host), address.port)


def print_line(text: str) -> None:
    """A line on stdout, at once. Where nobody reads any more, it is lost."""
    if sys.stdout is None:  # started with a closed stdout
        return
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # The reader has gone (`actiond serve | head -1`). That is no reason to stop, nor to fail again at exit.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
