"""Serves over gRPC and granian on one event loop, configured as a worker of actiond is, until standard input ends."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

import grpc
import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server as HttpServer

from actiond.config import settings
from actiond.process.sockets import is_listening, reserve_sockets
from bench.load import CallError
from bench.subjects import ROOT, Server, Servers, Starter

Add = Callable[[grpc.aio.Server], None]
"""Adds the services to a gRPC server."""


def run(application: object, add: Add) -> None:
    """Serve, and print the two ports once both listen."""
    uvloop.run(_serve(application, add))


async def _serve(application: object, add: Add) -> None:
    anywhere = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    grpc_at, http_at = reserve_sockets(settings.read(anywhere, {}).listen)
    grpc_server = grpc.aio.server(options=(("grpc.so_reuseport", 1),))
    add(grpc_server)
    grpc_server.add_insecure_port(str(grpc_at.address))
    await grpc_server.start()
    http_server = HttpServer(
        application,
        address=http_at.address.host,
        port=http_at.address.port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=4096,
        backpressure=65_536,
        http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=64 * 1024),
    )
    served = asyncio.create_task(http_server.serve())
    while not is_listening(http_at.address):  # noqa: ASYNC110  # granian offers nothing to await
        await asyncio.sleep(0.005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    print(grpc_at.address.port, http_at.address.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    http_server.stop()  # type: ignore[no-untyped-call]  # granian has no annotations
    await served
    await grpc_server.stop(None)


def starter(module: str, *arguments: str) -> Starter:
    """Return a starter that runs a module of the bench that calls `run`."""

    def start(_servers: Servers, directory: Path, stack: ExitStack) -> Server:
        command = [sys.executable, "-m", module, *arguments]
        process: subprocess.Popen[Any] = stack.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        ports = cast("IO[str]", process.stdout).readline().split()
        if not ports:
            raise CallError(f"{' '.join(command)} does not start")
        grpc_port, http_port = map(int, ports)
        return Server(grpc_port, http_port, (process.pid,), directory)

    return start
