"""The peers in `go/`: grpc-go, and grpc-gateway in its process or in front of it. Built on first use, where Go is.

Their stubs are generated from the committed descriptor set, by generators that are built from the same go.mod.
Everything is written below build/bench-go, and Go's own cache makes a second build quick.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2

from bench.serving import start_process
from bench.subjects import ROOT, MissingError, Server, Servers, Starter

_SOURCES = ROOT / "bench" / "go"
_BUILD = ROOT / "build" / "bench-go"
_DESCRIPTORS = ROOT / "generated" / "actiond_protos" / "actiond.binpb"
_MODULE = "actiond.example/bench"
"""The name in go.mod."""
_TOOLS: dict[str, tuple[str, ...]] = {
    "protoc-gen-go": (),
    "protoc-gen-go-grpc": (),
    "protoc-gen-grpc-gateway": ("allow_delete_body=true",),
}
"""What generates the stubs, and its options: the API has a DELETE with a body."""
_PROGRAM = _BUILD / "bin" / "peer"
_ONE_PROCESSOR = {"GOMAXPROCS": "1"}
"""As a worker of ours has one event loop."""


def peer(*arguments: str, before: str = "") -> Starter:
    """Return a starter of the program, which dials the server `before`. A call's CPU time is then that of both."""

    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        _build()
        upstream = servers.get(before) if before else None
        address = [f"127.0.0.1:{upstream.grpc_port}"] if upstream else []
        server = start_process([str(_PROGRAM), *arguments, *address], directory, stack, _ONE_PROCESSOR)
        return replace(server, processes=(*upstream.processes, *server.processes)) if upstream else server

    return start


@cache
def _build() -> None:
    """Generate the stubs and build the program."""
    if shutil.which("go") is None:
        raise MissingError("Go is not installed")
    shutil.copytree(_SOURCES, _BUILD, dirs_exist_ok=True)
    _run(["go", "build", "-o", "bin/", "tool"])
    _generate()
    _run(["go", "build", "-o", str(_PROGRAM), "."])


def _generate() -> None:
    """Generate the stubs of every file that has no package among Go's own modules."""
    files = descriptor_pb2.FileDescriptorSet.FromString(_DESCRIPTORS.read_bytes()).file
    ours = [file.name for file in files if not file.name.startswith("google/")]
    packages = [f"M{name}={_MODULE}/gen/{Path(name).parent}" for name in ours]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={_DESCRIPTORS}"]
    for tool, options in _TOOLS.items():
        kind = tool.removeprefix("protoc-gen-")
        command += [f"--plugin={tool}={_BUILD / 'bin' / tool}", f"--{kind}_out={_BUILD}"]
        command += [f"--{kind}_opt={option}" for option in (f"module={_MODULE}", *packages, *options)]
    _run([*command, *ours])


def _run(command: Sequence[str]) -> None:
    # Neither a workspace nor flags of the machine may change what is built.
    environment = os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(command, cwd=_BUILD, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        *_, last = ["", *done.stderr.splitlines()]
        raise MissingError(f"`{' '.join(command[:3])}` fails: {last}")
