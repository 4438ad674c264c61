"""The third part: calls beside slow targets, the cost of calling a target, and of executions that no call triggers.

Two servers run side by side with the same configuration and the same rows: on `idle` no calls wait, on `busy` a
thousand calls wait on a target that takes ten seconds.
"""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from actiond_protos.zitadel.action.v3alpha import action_service_pb2

from bench.calls import GET, Call
from bench.executions import MANY, MANY_EXECUTIONS, NO_EXECUTIONS, busy, create_target, headers, idle
from bench.load import Load
from bench.posts import PostLoad
from bench.requests import JSON, JSON_PATH, METHOD, PROTOBUF
from bench.serving import starter
from bench.subjects import Client, Pair, Part, Server, Servers, Subject
from bench.target_server import CHANGE, FAST, RENAMED
from tests.support.servers.actiond import ADMIN_TOKEN

IN_FLIGHT = 8

_KINDS = {
    "get": "GetTargetByID",
    "create": "CreateTarget, SQLite",
    "call": "GetTargetByID, its response changed by a fast target",
}
_PROTOCOLS = ("json", "grpc-web", "grpc")
_NAMES = tuple(f"{kind}-{protocol}" for kind in _KINDS for protocol in _PROTOCOLS)


def _subjects() -> list[Subject]:
    rows = []
    for name in _NAMES:
        kind = name.partition("-")[0]
        rows.append(Subject(name, "idle", name, "post" if kind == "call" else name, _KINDS[kind]))
        rows.append(Subject(_busy(name), "busy", name, name, "the same while others wait on a slow target"))
    what = f"GetTargetByID, {MANY} executions for other methods"
    rows.append(Subject("get-json-many", "idle", "get-json-many", "get-json", what))
    rows.append(Subject("post", "bare", "post", "post", "limit: a bare aiohttp client calls the fast target"))
    return rows


def _busy(name: str) -> str:
    return f"{name}-busy"


_PAIRS = (
    *(Pair(_busy(name), name) for name in _NAMES),
    *(Pair(f"call-{protocol}", f"get-{protocol}") for protocol in _PROTOCOLS),
    Pair("call-json", "post"),
    Pair("get-json-many", "get-json"),
)


def _get(protocol: str, secret: str, sign: str = "") -> Client:
    """Return a client of GetTargetByID. `sign` is what a good response contains, by default the target's id."""

    def client(server: Server) -> Load:
        target_id = create_target(server, secret, "https://example.com/hook")
        message = action_service_pb2.GetTargetByIDRequest(target_id=target_id).SerializeToString()
        call = Call(GET, "GET", f"{JSON_PATH}/{target_id}", b"", message, (sign or target_id).encode())
        return call.load(server, protocol, headers(secret), IN_FLIGHT)

    return client


def _create(protocol: str) -> Client:
    call = Call(METHOD, "POST", JSON_PATH, JSON, PROTOBUF, NO_EXECUTIONS.encode(), is_numbered=True)
    return lambda server: call.load(server, protocol, headers(NO_EXECUTIONS), IN_FLIGHT)


_CLIENTS: dict[str, Callable[[str], Client]] = {
    "get": lambda protocol: _get(protocol, NO_EXECUTIONS),
    "create": _create,
    "call": lambda protocol: _get(protocol, ADMIN_TOKEN, RENAMED),
}


def _post(server: Server) -> Load:
    """Return a load of posts to the fast target, with a payload as long as that of `call`."""
    named = {"id": "383270916982837248", "name": "target-1795000000438174228", "endpoint": "https://example.com/hook"}
    payload = {"fullMethod": GET, "orgID": "1" * 18, "userID": "admin", "request": {"targetId": "1" * 18}}
    body = json.dumps({**payload, "response": {"target": named}}).encode()
    return PostLoad(f"http://127.0.0.1:{server.http_port}{FAST}", body, CHANGE, IN_FLIGHT)


def _bare(servers: Servers, directory: Path, _stack: ExitStack) -> Server:
    """Return the target's server without actiond: a call's CPU time is that of this process."""
    return Server(0, servers.get("target").http_port, (os.getpid(),), directory)


PART = Part(
    title=f"calls beside slow targets, and to fast ones: {IN_FLIGHT} in flight",
    subjects=_subjects(),
    starters={"target": starter("bench.target_server"), "idle": idle, "busy": busy, "bare": _bare},
    clients={
        **{f"{kind}-{protocol}": make(protocol) for kind, make in _CLIENTS.items() for protocol in _PROTOCOLS},
        "get-json-many": _get("json", MANY_EXECUTIONS),
        "post": _post,
    },
    pairs=_PAIRS,
)
