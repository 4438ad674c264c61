"""What is measured: the table's rows, the servers behind them, and the requests of each protocol."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from google.protobuf.duration_pb2 import Duration
from zitadel.action.v3alpha import action_service_pb2, target_pb2

from bench.limits import JSON_PATH, CommitLoad
from bench.load import GrpcLoad, HttpLoad, Load, Template
from tests.envoy_process import EnvoyProcess
from tests.server_process import ADMIN_TOKEN, ServerProcess, children_of

_ROOT = Path(__file__).parents[1]
_METHOD = "/zitadel.action.v3alpha.ActionService/CreateTarget"
_NUMBER = b"00000000"
_AUTHORIZATION = f"Bearer {ADMIN_TOKEN}"

# A full one: each kind of field that there is.
_PROTOBUF = action_service_pb2.CreateTargetRequest(
    name="bench-00000000",
    rest_webhook=target_pb2.SetRESTWebhook(interrupt_on_error=True),
    timeout=Duration(seconds=10),
    endpoint="https://example.com/hook",
).SerializeToString()
_JSON = (
    b'{"name":"bench-00000000","restWebhook":{"interruptOnError":true},'
    b'"timeout":"10s","endpoint":"https://example.com/hook"}'
)


@dataclass(frozen=True, slots=True)
class Server:
    """What answers on two ports, and the processes whose time it takes."""

    grpc_port: int
    http_port: int
    processes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A row of the table."""

    name: str
    server: str
    """A key of `_STARTERS`; none of them for what runs in the bench's own process."""
    protocol: str
    limit: str
    """The row that shows how fast this one could be at best; its own name for a limit."""
    includes: str
    is_stored: bool = False
    """Whether a call ends after a commit to the disk."""


SUBJECTS = (
    Subject("json", "sqlite", "json", "granian-json", "actiond whole, SQLite", is_stored=True),
    Subject("grpc-web", "sqlite", "grpc-web", "granian-grpc-web", "actiond whole, SQLite", is_stored=True),
    Subject("grpc", "sqlite", "grpc", "grpcio", "actiond whole, SQLite", is_stored=True),
    Subject("json-memory", "memory", "json", "granian-json", "actiond without a disk"),
    Subject("grpc-web-memory", "memory", "grpc-web", "granian-grpc-web", "actiond without a disk"),
    Subject("grpc-memory", "memory", "grpc", "grpcio", "actiond without a disk"),
    Subject("envoy-json", "envoy", "json", "granian-json", "Envoy's transcoder, then `grpc`", is_stored=True),
    Subject("envoy-grpc-web", "envoy", "grpc-web", "granian-grpc-web", "Envoy, then `grpc`", is_stored=True),
    Subject("granian-json", "limits", "json", "granian-json", "limit: granian reads, fixed bytes go back"),
    Subject("granian-grpc-web", "limits", "grpc-web", "granian-grpc-web", "limit: the same, gRPC-Web's bytes"),
    Subject("grpcio", "limits", "grpc", "grpcio", "limit: grpc.aio, fixed bytes go back"),
    Subject("commits", "", "", "commits", "limit: the two inserts and a commit, one after the other", is_stored=True),
)


class Servers:
    """The servers that the rows ask for, each started when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        """`stack` ends them."""
        self._stack = stack
        self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="actiond-bench-")))
        self._running: dict[str, Server] = {}

    def load(self, subject: Subject) -> tuple[Load, tuple[int, ...]]:
        """The client of a row, and the processes that serve it."""
        if not subject.server:
            return CommitLoad(self._directory), (os.getpid(),)
        server = self.get(subject.server)
        return _LOADS[subject.protocol](server), server.processes

    def get(self, name: str) -> Server:
        if name not in self._running:
            directory = self._directory / name
            directory.mkdir()
            self._running[name] = _STARTERS[name](self, directory, self._stack)
        return self._running[name]


def _sqlite(_: Servers, directory: Path, stack: ExitStack) -> Server:
    process = stack.enter_context(ServerProcess(directory))
    return Server(process.grpc_port, process.http_port, (process.pid,))


def _memory(_: Servers, directory: Path, stack: ExitStack) -> Server:
    process = stack.enter_context(ServerProcess(directory, database="memory:"))
    return Server(process.grpc_port, process.http_port, (process.pid,))


def _envoy(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    upstream = servers.get("sqlite")
    before = children_of(os.getpid())
    process = stack.enter_context(EnvoyProcess(directory, upstream.grpc_port))
    # What a call costs is the time of both.
    [envoy] = set(children_of(os.getpid())).difference(before)
    return Server(0, process.port, (*upstream.processes, envoy))


def _limits(_: Servers, _directory: Path, stack: ExitStack) -> Server:
    command = [sys.executable, "-m", "bench.limits"]
    process = stack.enter_context(
        subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )
    grpc_port, http_port = map(int, cast("IO[str]", process.stdout).readline().split())
    return Server(grpc_port, http_port, (process.pid,))


_STARTERS: dict[str, Callable[[Servers, Path, ExitStack], Server]] = {
    "sqlite": _sqlite,
    "memory": _memory,
    "envoy": _envoy,
    "limits": _limits,
}


def _json(server: Server) -> Load:
    return HttpLoad(server.http_port, _post(JSON_PATH, "application/json", _JSON), _is_good)


def _grpc_web(server: Server) -> Load:
    frame = b"\0" + len(_PROTOBUF).to_bytes(4, "big") + _PROTOBUF
    return HttpLoad(server.http_port, _post(_METHOD, "application/grpc-web+proto", frame), _is_good)


def _grpc(server: Server) -> Load:
    return GrpcLoad(server.grpc_port, _METHOD, Template.split(_PROTOBUF, _NUMBER), (("authorization", _AUTHORIZATION),))


_LOADS: dict[str, Callable[[Server], Load]] = {"json": _json, "grpc-web": _grpc_web, "grpc": _grpc}


def _post(path: str, content_type: str, body: bytes) -> Template:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {_AUTHORIZATION}\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Template.split(head.encode() + body, _NUMBER)


def _is_good(answer: bytes) -> bool:
    """Whether a target was created: 201, or a grpc-status of 0, which Envoy's JSON has among the headers of a 200."""
    if answer.startswith(b"HTTP/1.1 201 "):
        return True
    # Envoy writes the trailer without the space.
    return answer.startswith(b"HTTP/1.1 200 ") and (b"grpc-status: 0\r" in answer or b"grpc-status:0\r" in answer)
