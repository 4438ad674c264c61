"""The part about other services: one of grpcio without an interceptor, behind one with nothing set, and with a target.

The last calls a fast restCall target through actiond for each call of the service.
"""

import os
import sys
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from bench.described import write_descriptor_set
from bench.executions import create_target, set_execution
from bench.http2 import GrpcConversation, header_block
from bench.load import Load, SocketLoad
from bench.posts import PostLoad
from bench.serving import start_process, starter
from bench.subjects import Bound, Client, Goal, Pair, Part, Server, Servers, Starter, Subject
from bench.target_server import NOTE, NOTE_CHANGE, RENAMED
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.services.echo import note, service

IN_FLIGHT = 8
_KINDS = {"tasks": "grpc.aio", "threads": "grpc"}
_SAY, _REPLACE = (f"/{service().full_name}/{name}" for name in ("Say", "Replace"))
_MESSAGE = note(id="383270916982837248", text="as it was sent")


def _actiond(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start an actiond on which the fast target changes the requests of one method."""
    described = write_descriptor_set(directory / "echo.binpb", service())
    arguments = ("--allow-address", "127.0.0.0/8", "--descriptor-set", str(described))
    process = stack.enter_context(ServerProcess(directory, *arguments))
    server = Server(process.grpc_port, process.http_port, (process.pid,), directory)
    origin = f"http://127.0.0.1:{servers.get('target').http_port}"
    set_execution(server, ADMIN_TOKEN, {"request": {"method": _SAY}}, create_target(server, ADMIN_TOKEN, origin + NOTE))
    return server


def _shop(kind: str, *, is_intercepted: bool) -> Starter:
    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        command = [sys.executable, "-m", "bench.shop_server", kind]
        if not is_intercepted:
            return start_process(command, directory, stack)
        actiond = servers.get("actiond")
        shop = start_process([*command, f"127.0.0.1:{actiond.grpc_port}", ADMIN_TOKEN], directory, stack)
        return Server(shop.grpc_port, 0, (*shop.processes, *actiond.processes), directory)

    return start


def _call(method: str, sign: str, connections: int) -> Client:
    """Return a client with one call at a time on each connection."""
    message, expected = _MESSAGE.SerializeToString(), sign.encode()

    def client(server: Server) -> Load:
        headers = header_block(method, f"127.0.0.1:{server.grpc_port}", {}, is_secure=False)

        def conversation() -> GrpcConversation:
            return GrpcConversation(1, headers, repeat(message).__next__, lambda answer: expected in answer)

        return SocketLoad(server.grpc_port, connections, conversation)

    return client


def _post(server: Server) -> Load:
    """Return a load of posts to the fast target, one at a time, with the payload of an execution."""
    body = (
        b'{"fullMethod":"%s","instanceID":"383270916982837248","orgID":"admin","request":{"id":"383270916982837248",'
        b'"text":"as it was sent"}}' % _SAY.encode()
    )
    return PostLoad(f"http://127.0.0.1:{server.http_port}{NOTE}", body, NOTE_CHANGE, 1)


def _bare(servers: Servers, directory: Path, _stack: ExitStack) -> Server:
    """Return the target's server: a call's CPU time is that of the bench's process."""
    return Server(0, servers.get("target").http_port, (os.getpid(),), directory)


def _subjects() -> list[Subject]:
    rows = []
    for kind, library in _KINDS.items():
        plain, nothing, request = kind, f"{kind}-nothing-set", f"{kind}-restcall"
        rows += [
            Subject(plain, plain, "plain", plain, f"limit: a service of {library} without an interceptor"),
            Subject(nothing, f"{kind}-intercepted", "plain", plain, "behind the interceptor, nothing set"),
            Subject(request, f"{kind}-intercepted", "restcall", plain, "a restCall target changes each request"),
            Subject(f"{kind}-one", plain, "plain-one", f"{kind}-one", f"limit: {library}, one call at a time"),
            Subject(
                f"{request}-one", f"{kind}-intercepted", "restcall-one", f"{kind}-one", "with a target, one at a time"
            ),
        ]
    rows.append(Subject("post-one", "bare", "post", "post-one", "limit: a bare aiohttp client calls the target"))
    return rows


PART = Part(
    title=f"services of grpcio behind an interceptor: {IN_FLIGHT} in flight",
    subjects=_subjects(),
    starters={
        "target": starter("bench.target_server"),
        "actiond": _actiond,
        "bare": _bare,
        **{kind: _shop(kind, is_intercepted=False) for kind in _KINDS},
        **{f"{kind}-intercepted": _shop(kind, is_intercepted=True) for kind in _KINDS},
    },
    clients={
        "plain": _call(_REPLACE, "as it was sent", IN_FLIGHT),
        "restcall": _call(_SAY, RENAMED, IN_FLIGHT),
        "plain-one": _call(_REPLACE, "as it was sent", 1),
        "restcall-one": _call(_SAY, RENAMED, 1),
        "post": _post,
    },
    goals=tuple(
        Goal(f"{kind}-nothing-set", (kind,), round(1 / 1.05, 2), figure)
        for kind in _KINDS
        for figure in ("rate", "CPU")
    ),
    pairs=tuple(Pair(f"{kind}-restcall-one", "post-one") for kind in _KINDS),
    bounds=tuple(Bound(f"{kind}-restcall-one", "p50", 0.003) for kind in _KINDS),
)
