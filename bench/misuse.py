"""The fourth part: calls of one owner while a stranger or another owner misuses what all share.

Each kind of misuse has a server of its own, configured as the one beside it where nobody does.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from actiond_protos.zitadel.action.v3alpha import action_service_pb2

from bench.calls import GET, Call
from bench.executions import MANY_EXECUTIONS, NO_EXECUTIONS, add_callers, create_target, headers, set_execution
from bench.load import CallError, Load
from bench.misuser import HELD, KINDS
from bench.requests import JSON_PATH
from bench.serving import starter
from bench.subjects import ROOT, Client, Pair, Part, Server, Servers, Starter, Subject
from bench.target_server import SLOW
from tests.support.servers.actiond import ServerProcess

_CALM = "calm"
_IN_FLIGHT = 4
"""Calls that share a core with those who misuse it."""
_PROTOCOLS = ("json", "grpc")


def _calm(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start a server with two owners. One of them has a target that takes ten seconds, on the calls named HELD."""
    process = stack.enter_context(ServerProcess(directory, "--allow-address", "127.0.0.0/8"))
    server = Server(process.grpc_port, process.http_port, (process.pid,), directory)
    asyncio.run(add_callers(process.database))
    slow = f"http://127.0.0.1:{servers.get('target').http_port}{SLOW}"
    set_execution(server, MANY_EXECUTIONS, {"request": {"method": HELD}}, create_target(server, MANY_EXECUTIONS, slow))
    return server


def _misused(kind: str) -> Starter:
    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        server = _calm(servers, directory, stack)
        stack.enter_context(_misusing(kind, server))
        return server

    return start


@contextmanager
def _misusing(kind: str, server: Server) -> Iterator[None]:
    """Misuse the server in a process of its own. Raises CallError if that could not go on until the end."""
    command = [sys.executable, "-m", "bench.misuser", kind, str(server.http_port), str(server.grpc_port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout is None or process.stdout.readline() != b"begun\n":
            raise CallError(f"the misuse by {kind} did not begin")
        yield
        if process.poll() is not None:
            raise CallError(f"the misuse by {kind} has ended")
        process.kill()


def _get(protocol: str) -> Client:
    def client(server: Server) -> Load:
        target_id = create_target(server, NO_EXECUTIONS, "https://example.com/hook")
        message = action_service_pb2.GetTargetByIDRequest(target_id=target_id).SerializeToString()
        call = Call(GET, "GET", f"{JSON_PATH}/{target_id}", b"", message, target_id.encode())
        return call.load(server, protocol, headers(NO_EXECUTIONS), _IN_FLIGHT)

    return client


def _name(kind: str, protocol: str) -> str:
    return f"{kind}-{protocol}"


PART = Part(
    title=f"GetTargetByID while others misuse the server: {_IN_FLIGHT} in flight",
    subjects=[
        Subject(_name(kind, protocol), kind, protocol, _name(_CALM, protocol), what)
        for protocol in _PROTOCOLS
        for kind, what in {_CALM: "nobody misuses it", **KINDS}.items()
    ],
    starters={
        "target": starter("bench.target_server"),
        _CALM: _calm,
        **{kind: _misused(kind) for kind in KINDS},
    },
    clients={protocol: _get(protocol) for protocol in _PROTOCOLS},
    pairs=[Pair(_name(kind, protocol), _name(_CALM, protocol)) for protocol in _PROTOCOLS for kind in KINDS],
)
