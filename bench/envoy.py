"""Envoy with the shipped envoy.yaml, in front of another row's gRPC port."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from bench.subjects import MissingError, Server, Servers, Starter
from tests.support.programs import PATH
from tests.support.servers.actiond import children_of
from tests.support.servers.envoy import EnvoyProcess


def envoy_before(name: str) -> Starter:
    """Return a starter of Envoy in front of the named server. A call's CPU time is that of both."""

    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        upstream = servers.get(name)
        process, envoy = run_envoy(EnvoyProcess(directory, upstream.grpc_port), stack)
        return Server(0, process.port, (*upstream.processes, envoy), directory)

    return start


def run_envoy(envoy: EnvoyProcess, stack: ExitStack) -> tuple[EnvoyProcess, int]:
    """Start an Envoy, which the exit stack stops, and return it with its process. Raises MissingError."""
    if shutil.which("envoy", path=PATH) is None:
        raise MissingError("envoy is not installed")
    before = children_of(os.getpid())
    stack.enter_context(envoy)
    [process] = set(children_of(os.getpid())).difference(before)
    return envoy, process
