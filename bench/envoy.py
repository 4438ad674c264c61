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
        if shutil.which("envoy", path=PATH) is None:
            raise MissingError("envoy is not installed")
        upstream = servers.get(name)
        before = children_of(os.getpid())
        process = stack.enter_context(EnvoyProcess(directory, upstream.grpc_port))
        [envoy] = set(children_of(os.getpid())).difference(before)
        return Server(0, process.port, (*upstream.processes, envoy), directory)

    return start
