"""The first part: all of actiond, including store and authentication, compared with Envoy and the bare limits."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.commits import CommitLoad
from bench.envoy import envoy_before
from bench.http2 import grpc_load
from bench.load import IN_FLIGHT, Load, Template, http_load
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, NUMBER, PROTOBUF, WEB, WEB_TYPE, is_good
from bench.serving import starter
from bench.subjects import Part, Server, Servers, Subject, post
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

_AUTHORIZATION = {"authorization": f"Bearer {ADMIN_TOKEN}"}

SUBJECTS = (
    Subject("json", "sqlite", "json", "httptools-json", "all of actiond, SQLite", is_stored=True),
    Subject("grpc-web", "sqlite", "grpc-web", "httptools-grpc-web", "all of actiond, SQLite", is_stored=True),
    Subject("grpc", "sqlite", "grpc", "ngh2-grpc", "all of actiond, SQLite", is_stored=True),
    Subject("json-memory", "memory", "json", "httptools-json", "all of actiond, in memory"),
    Subject("grpc-web-memory", "memory", "grpc-web", "httptools-grpc-web", "all of actiond, in memory"),
    Subject("grpc-memory", "memory", "grpc", "ngh2-grpc", "all of actiond, in memory"),
    Subject("envoy-json", "envoy", "json", "httptools-json", "Envoy's transcoder, then `grpc`", is_stored=True),
    Subject("envoy-grpc-web", "envoy", "grpc-web", "httptools-grpc-web", "Envoy, then `grpc`", is_stored=True),
    Subject("httptools-json", "limits", "json", "httptools-json", "limit: httptools reads, fixed bytes go back"),
    Subject("httptools-grpc-web", "limits", "grpc-web", "httptools-grpc-web", "limit: the same for gRPC-Web"),
    Subject("ngh2-grpc", "limits", "grpc", "ngh2-grpc", "limit: ngh2 with a fixed response"),
    Subject("commits", "disk", "commits", "commits", "limit: a target's rows and a commit, one by one", is_stored=True),
)


def _sqlite(_: Servers, directory: Path, stack: ExitStack) -> Server:
    process = stack.enter_context(ServerProcess(directory))
    return Server(process.grpc_port, process.http_port, (process.pid,), directory)


def _memory(_: Servers, directory: Path, stack: ExitStack) -> Server:
    process = stack.enter_context(ServerProcess(directory, database="memory:"))
    return Server(process.grpc_port, process.http_port, (process.pid,), directory)


def _disk(_: Servers, directory: Path, _stack: ExitStack) -> Server:
    return Server(0, 0, (os.getpid(),), directory)


def _json(server: Server) -> Load:
    return http_load(server.http_port, _numbered(post(JSON_PATH, JSON_TYPE | _AUTHORIZATION, JSON)), is_good)


def _grpc_web(server: Server) -> Load:
    return http_load(server.http_port, _numbered(post(METHOD, WEB_TYPE | _AUTHORIZATION, WEB)), is_good)


def _grpc(server: Server) -> Load:
    return grpc_load(server.grpc_port, METHOD, _AUTHORIZATION, _numbered(PROTOBUF), bool)


def _numbered(request: bytes) -> Callable[[], bytes]:
    return Template.split(request, NUMBER).next


PART = Part(
    title=f"actiond whole: CreateTarget, {IN_FLIGHT} in flight",
    subjects=SUBJECTS,
    starters={
        "sqlite": _sqlite,
        "memory": _memory,
        "envoy": envoy_before("sqlite"),
        "limits": starter("bench.constant_server"),
        "disk": _disk,
    },
    clients={
        "json": _json,
        "grpc-web": _grpc_web,
        "grpc": _grpc,
        "commits": lambda server: CommitLoad(server.directory),
    },
)
