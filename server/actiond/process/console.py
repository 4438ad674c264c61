"""What is printed for the operator: warnings, why the program ends, the start-up lines, and the admin token, once."""

import errno
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from actiond.actions.errors import SchemaTooNewError, StoreError
from actiond.config.setting_parsers import Address
from actiond.process.sockets import ReservedSocket, Sockets
from actiond.secrets import admin_token
from actiond.telemetry import standard_streams
from actiond.telemetry.escaping import escaped

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound here

_TARGET = '{{"name": "{name}", "restWebhook": {{}}, "timeout": "10s", "endpoint": "https://example.com/hook"}}'
_CREATE_TARGET = "zitadel.action.v3alpha.ActionService/CreateTarget"


class Failure(Exception):  # noqa: N818  # no fault of the program's
    """The program or the command cannot go on. Its text is one line; the exit code is 1."""


def info(text: str) -> None:
    """Print a line on stderr: standard output is left to what may be captured."""
    _write_error_line(text)


def warning(text: str) -> None:
    """Print a warning on stderr. Not a log record: `--log-level` does not hide it."""
    _write_error_line(f"actiond: warning: {text}")


def error(reason: object) -> None:
    """Print why the program ends, as one line on stderr."""
    _write_error_line(f"actiond: error: {reason}")


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
        info(f"actiond: targets are also allowed at {', '.join(map(str, networks))} (--allow-address)")


def serving(sockets: Iterable[ReservedSocket]) -> None:
    """Print the start-up lines. Clients that wait for them may connect at once."""
    for reserved in sockets:
        _write_line(f"{reserved.protocol} listening on {reserved.address}")


def delivering() -> None:
    """Print the start-up line of a process that listens nowhere."""
    _write_line("delivering events")


def deliver_admin_token(token: str, data_dir: Path | None, sockets: Sockets, *, is_secure: bool) -> None:
    """Deliver the token that was just generated: show it on a terminal, else write it to a file for this user alone.

    Without a data directory the token ends with the process: it goes to stderr.
    """
    streams = standard_streams.installed()
    terminal = sys.stdout if streams is None else streams.terminal
    if terminal is not None and terminal.isatty() and sockets.http is not None:
        grpc = sockets.grpc or sockets.http
        introduce = _introduction_with_tls if is_secure else _introduction
        try:
            terminal.write(f"{introduce(token, _reachable(grpc.address), _reachable(sockets.http.address))}\n")
            terminal.flush()
        except OSError as error:
            raise Failure(f"the admin token cannot be shown: {error.strerror}") from error
    elif data_dir is not None:
        path = data_dir / admin_token.FILE
        try:
            admin_token.write(path, token)
        except OSError as error:
            raise Failure(f"{path}: the admin token cannot be written: {error.strerror}") from error
        _write_line(f"admin token written to {path}")
    else:
        info(f"actiond: admin token, until this process ends: {token}")


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
    """Print a line of a command's result on stdout, at once. Raise Failure if that cannot be done.

    It is lost without a word if its reader has gone (`actiond token list | head -1`), who has seen what it wanted.
    """
    try:
        print_surely(text)
    except OSError as failure:
        if failure.errno != errno.EPIPE:
            raise Failure(f"standard output cannot be written: {failure.strerror}") from failure


def print_surely(text: str) -> None:
    """Print a line on stdout, at once. Raise OSError if that cannot be done, also if its reader has gone."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
        raise


def _write_line(text: str) -> None:
    """Write a server's line to stdout. A server goes on whether or not it can be read."""
    streams = standard_streams.installed()
    if streams is None:
        print_line(text)
    else:
        streams.stdout.put_bytes(f"{escaped(text)}\n".encode(streams.encodings[0], "backslashreplace"))


def _write_error_line(text: str) -> None:
    """Write a line to stderr. Where that is not possible there is nobody to tell."""
    line = f"{escaped(text)}\n"
    streams = standard_streams.installed()
    if streams is not None:
        streams.stderr.put_bytes(line.encode(streams.encodings[1], "backslashreplace"))
    elif sys.stderr is not None:
        try:
            sys.stderr.write(line)
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Let a stream that failed lead nowhere: what is left in its buffer would fail again at the exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
