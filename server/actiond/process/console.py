"""What is printed for the operator: warnings, why the program ends, the start-up lines, and the admin token, once."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.config.setting_parsers import Address
from actiond.process.sockets import ReservedSocket, Sockets
from actiond.secrets import admin_token

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound here

_TARGET = '{{"name": "{name}", "restWebhook": {{}}, "timeout": "10s", "endpoint": "https://example.com/hook"}}'
_CREATE_TARGET = "zitadel.action.v3alpha.ActionService/CreateTarget"


class Failure(Exception):  # noqa: N818  # no fault of the program's
    """The program or the command cannot go on. Its text is one line; the exit code is 1."""


def info(text: str) -> None:
    """Print a line on stderr: standard output is left to what may be captured."""
    sys.stderr.write(f"{text}\n")


def warning(text: str) -> None:
    """Print a warning on stderr. Not a log record: logging is not set up yet."""
    sys.stderr.write(f"actiond: warning: {text}\n")


def error(reason: object) -> None:
    """Print why the program ends, as one line on stderr."""
    sys.stderr.write(f"actiond: error: {reason}\n")


def store_failure(failure: StoreError) -> int:
    """Print why the store failed, and return the exit code: 2, a wrong setting, if a later release wrote it, else 1."""
    error(failure)
    return 2 if isinstance(failure, SchemaTooNewError) else 1


def warn_of_exposure(sockets: Iterable[ReservedSocket]) -> None:
    """Warn of listening beyond this machine: without TLS, tokens would travel in the open."""
    for reserved in sockets:
        if not reserved.is_loopback:
            protocol, address = reserved.protocol, reserved.address
            warning(
                f"--{protocol}-address: {address} is reachable from other machines without TLS:"
                " tokens can be read in transit"
            )


def allowed_addresses(networks: Sequence[object]) -> None:
    """Print where targets may be besides public addresses."""
    if networks:
        info(f"targets are also allowed at {', '.join(map(str, networks))} (--allow-address)")


def serving(sockets: Iterable[ReservedSocket]) -> None:
    """Print the start-up lines. Clients that wait for them may connect at once."""
    for reserved in sockets:
        print_line(f"{reserved.protocol} listening on {reserved.address}")


def deliver_admin_token(token: str, data_dir: Path | None, sockets: Sockets, *, is_secure: bool) -> None:
    """Deliver the token that was just generated: show it on a terminal, else write it to a file for this user alone.

    Without a data directory the token ends with the process: it goes to stderr.
    """
    if sys.stdout is not None and sys.stdout.isatty():
        grpc = sockets.grpc or sockets.http
        introduce = _introduction_with_tls if is_secure else _introduction
        print_line(introduce(token, _reachable(grpc.address), _reachable(sockets.http.address)))
    elif data_dir is not None:
        path = data_dir / admin_token.FILE
        try:
            admin_token.write(path, token)
        except OSError as error:
            raise Failure(f"{path}: the admin token cannot be written: {error.strerror}") from error
        print_line(f"admin token written to {path}")
    else:
        sys.stderr.write(f"admin token, until this process ends: {token}\n")


def _introduction_with_tls(token: str, grpc: Address, http: Address) -> str:
    text = _introduction(token, grpc, http)
    text = text.replace(f" http://{http}/", f" https://{http}/").replace("grpcurl -plaintext ", "grpcurl ")
    return f"""\
{text}
The host must be a name in the server's certificate. For an authority of your own, add --cacert FILE to curl, and
-cacert FILE to grpcurl; for a client certificate, --cert and --key, and -cert and -key.
"""


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
    """Print a line on stdout, at once. It is lost if nobody reads any more."""
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
