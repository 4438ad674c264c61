"""Runs a server of the bench in a process of its own, on uvloop, until its standard input ends."""

import asyncio
import gc
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import IO, Any, cast

import uvloop

from bench.load import CallError
from bench.subjects import ROOT, MissingError, Server, Servers, Starter
from tests.support.programs import PATH

Ports = tuple[int, int]
"""The ports of gRPC and of HTTP; 0 for the one that a server does not have."""


def run(serving: AbstractAsyncContextManager[Ports]) -> None:
    """Enter the context manager, which serves, and print its ports."""
    uvloop.run(_run(serving))


async def _run(serving: AbstractAsyncContextManager[Ports]) -> None:
    async with serving as ports:
        freeze()
        print(*ports, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def freeze() -> None:
    """Let the garbage collector ignore what there is, and run rarely, as a worker of actiond does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def require_packages(*modules: str, programs: Sequence[str] = ()) -> None:
    """Raise MissingError unless these modules and programs of other packages are installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    missing += [name for name in programs if shutil.which(name, path=PATH) is None]
    if missing:
        raise MissingError(f"{', '.join(missing)}: see the extra `bench` in pyproject.toml")


def starter(module: str, *arguments: str, needs: Sequence[str] = ()) -> Starter:
    """Return a starter that runs a module of the bench that calls `run`. It `needs` modules of other packages."""

    def start(_servers: Servers, directory: Path, stack: ExitStack) -> Server:
        require_packages(*needs)
        return start_process([sys.executable, "-m", module, *arguments], directory, stack)

    return start


def start_process(
    command: Sequence[str], directory: Path, stack: ExitStack, variables: Mapping[str, str] | None = None
) -> Server:
    """Start a program that prints its ports once it listens and ends with its standard input."""
    environment = os.environ | (variables or {})
    process: subprocess.Popen[Any] = stack.enter_context(
        subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )
    ports = cast("IO[str]", process.stdout).readline().split()
    if not ports:
        raise CallError(f"{' '.join(command)} does not start")
    grpc_port, http_port = map(int, ports)
    return Server(grpc_port, http_port, (process.pid,), directory)
