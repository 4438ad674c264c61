"""actiond with executions, set through the public API, and callers whose calls trigger them or do not."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from actiond.actions.tokens import ALL_PERMISSIONS, Token, digest_of
from actiond.actions.use_cases.tokens import Tokens
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from bench.calls import GET
from bench.load import CallError
from bench.requests import JSON_PATH, JSON_TYPE
from bench.subjects import Server, Servers, ask
from bench.target_server import FAST, SLOW
from bench.waiting import CALL, keep
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

NO_EXECUTIONS, MANY_EXECUTIONS = "bench-owner-without-executions", "bench-owner-of-many-executions"
"""Resource owners besides the admin's. Each is also the secret of its caller."""
MANY = 50
"""Number of executions of the last owner, none of which its calls trigger."""

_PATH = "/v3alpha/executions"
_OTHERS = "bench.Others"


def idle(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start a server on which the fast target changes the admin's GET calls, and waiting.CALL waits on the slow one."""
    others = directory / "others.binpb"
    others.write_bytes(_other_methods())
    arguments = ("--allow-address", "127.0.0.0/8", "--descriptor-set", str(others))
    process = stack.enter_context(ServerProcess(directory, *arguments))
    server = Server(process.grpc_port, process.http_port, (process.pid,), directory)
    asyncio.run(add_callers(process.database))
    origin = f"http://127.0.0.1:{servers.get('target').http_port}"
    set_execution(server, ADMIN_TOKEN, {"response": {"method": GET}}, create_target(server, ADMIN_TOKEN, origin + FAST))
    slow = create_target(server, ADMIN_TOKEN, origin + SLOW)
    set_execution(server, ADMIN_TOKEN, {"request": {"method": CALL.method}}, slow)
    fast = create_target(server, MANY_EXECUTIONS, origin + FAST)
    for number in range(MANY):
        set_execution(server, MANY_EXECUTIONS, {"request": {"method": f"/{_OTHERS}/Method{number}"}}, fast)
    return server


def busy(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start a server like `idle`, and keep `servers.waiting` calls waiting on the slow target."""
    server = idle(servers, directory, stack)
    stack.enter_context(keep(servers.waiting, server, servers.get("target")))
    return server


def headers(secret: str) -> Mapping[str, str]:
    """Return the headers that identify the caller."""
    return {"authorization": f"Bearer {secret}"}


def create_target(server: Server, secret: str, endpoint: str) -> str:
    """Create a restCall target and return its id."""
    target = {"name": f"target-{time.time_ns()}", "restCall": {"interruptOnError": True}, "timeout": "60s"}
    return str(_asked(server, secret, "POST", JSON_PATH, {**target, "endpoint": endpoint})["id"])


def set_execution(server: Server, secret: str, condition: Mapping[str, object], *target_ids: str) -> None:
    targets = [{"target": target_id} for target_id in target_ids]
    _asked(server, secret, "PUT", _PATH, {"condition": condition, "targets": targets})


def _asked(server: Server, secret: str, verb: str, path: str, body: Mapping[str, object]) -> Any:
    answer = ask(server.http_port, path, {**JSON_TYPE, **headers(secret)}, json.dumps(body).encode(), verb)
    if answer.status not in {200, 201}:
        raise CallError(f"{verb} {path}: {answer}")
    return json.loads(answer.body)


async def add_callers(database: str, owners: Iterable[str] = (NO_EXECUTIONS, MANY_EXECUTIONS)) -> None:
    """Store a token with all permissions for each owner."""
    store = open_store(parse_database_url(database))
    try:
        for owner in owners:
            token = Token(owner, owner, owner, frozenset({ALL_PERMISSIONS}), digest_of(owner), time.time_ns())
            await Tokens(store, time.time_ns).add(token)
    finally:
        await store.close()


def _other_methods() -> bytes:
    """Return the descriptor set of a service that another server would serve, for executions to name."""
    package, _, name = _OTHERS.rpartition(".")
    empty = f".{package}.Empty"
    methods = (
        MethodDescriptorProto(name=f"Method{number}", input_type=empty, output_type=empty) for number in range(MANY)
    )
    service = ServiceDescriptorProto(name=name, method=methods)
    file = FileDescriptorProto(
        name="bench/others.proto", package=package, message_type=[DescriptorProto(name="Empty")], service=[service]
    )
    return FileDescriptorSet(file=[file]).SerializeToString()
