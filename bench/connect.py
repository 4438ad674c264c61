"""Connect for Python on three servers, with code that its own plugins generate, as its users do it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from bench.connect_app import PACKAGE
from bench.serving import require_packages
from bench.subjects import ROOT, MissingError, Server, Servers, Starter
from tests.support.programs import PATH
from tests.support.servers.actiond import children_of

_MODULES = ("connectrpc", "protobuf", "httptools", "grpc_tools")
_PLUGINS = ("protoc-gen-py", "protoc-gen-connectrpc")
_DESCRIPTORS = ROOT / "generated" / "actiond_protos" / "actiond.binpb"
_START_SECONDS = 30.0

UVICORN = ("uvicorn", "bench.connect_app:asgi", "--loop", "uvloop", "--http", "httptools", "--no-access-log")
GRANIAN = ("granian", "bench.connect_app:asgi", "--interface", "asginl", "--loop", "uvloop", "--no-ws")
GRANIAN_WSGI = ("granian", "bench.connect_app:wsgi", "--interface", "wsgi")


def connect_under(command: Sequence[str]) -> Starter:
    """Return a starter of one of the servers above, with one worker."""

    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        require_packages(*_MODULES, *command[:1], programs=_PLUGINS)
        package = servers.directory / PACKAGE
        if not package.exists():
            package.mkdir()
            _generate(package)
        port = _free_port()
        process: subprocess.Popen[bytes] = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", *command, "--factory", "--port", str(port), "--log-level", "error"],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(package.parent), str(ROOT)])},
            )
        )
        stack.callback(process.terminate)
        _wait_until_up(process, port)
        return Server(0, port, (process.pid, *children_of(process.pid)), directory)

    return start


def _generate(package: Path) -> None:
    """Generate every file that the service depends on, except those that come with Connect's protobuf."""
    files = descriptor_pb2.FileDescriptorSet.FromString(_DESCRIPTORS.read_bytes()).file
    names = [file.name for file in files if not file.name.startswith("google/protobuf/")]
    write = [f"--py_out={package}", f"--connectrpc_out={package}"]
    command: list[Any] = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={_DESCRIPTORS}", *write]
    subprocess.run([*command, *names], env=os.environ | {"PATH": PATH}, check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise MissingError(f"{process.args!r} does not start")
