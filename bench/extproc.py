"""The part about ext_proc: a service behind Envoy, without the filter, with processors that do nothing, and actiond.

Envoy runs the shipped envoy-ext-proc.yaml, of which only addresses are others. CPU is that of the processor's process.
"""

import re
import sys
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from bench import feed
from bench.described import write_descriptor_set
from bench.envoy import run_envoy
from bench.executions import create_target, set_execution
from bench.http2 import grpc_load
from bench.load import IN_FLIGHT, CallError, Load
from bench.serving import start_process, starter
from bench.streams import STREAMS, grpc_streams
from bench.subjects import Client, Goal, Pair, Part, Server, Servers, Starter, Subject
from bench.target_server import NOTE, RENAMED, SAME
from tests.support.proxied.system import TOKEN_VARIABLE, shipped_config
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.envoy import EnvoyProcess
from tests.support.services.echo import note, service

_NOTHING, _UNCHANGED, _CHANGED, _RESPONSE = (
    f"/{service().full_name}/{name}" for name in ("Replace", "Inner", "Say", "Hidden")
)
"""The methods, by what is set on them. All return their request."""
_MESSAGES = 50_000
"""Of a stream, so that its request, which a target sees, weighs little."""
_TEXT = "as it was sent"
_MESSAGE = note(id="383270916982837248", text=_TEXT).SerializeToString()
_FILTER = re.compile(r"^( +)- name: envoy\.filters\.http\.ext_proc\n.*?(?=^\1- name: )", re.DOTALL | re.MULTILINE)


def _actiond(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    """Start an actiond with executions on three methods of the service, and on its stream's request."""
    described = write_descriptor_set(directory / "set.binpb", service(), feed.SERVICE)
    arguments = ("--allow-address", "127.0.0.0/8", "--descriptor-set", str(described))
    process = stack.enter_context(ServerProcess(directory, *arguments))
    server = Server(process.grpc_port, process.http_port, (process.pid,), directory)
    origin = f"http://127.0.0.1:{servers.get('target').http_port}"
    changing, same = (create_target(server, ADMIN_TOKEN, origin + path) for path in (NOTE, SAME))
    for kind, method, target in (
        ("request", _UNCHANGED, same),
        ("request", _CHANGED, changing),
        ("response", _RESPONSE, changing),
        ("request", feed.METHOD, same),
    ):
        set_execution(server, ADMIN_TOKEN, {kind: {"method": method}}, target)
    return server


def _authenticated(servers: Servers, directory: Path, stack: ExitStack) -> Server:
    database = servers.get("actiond").directory / "actiond.db"
    command = [sys.executable, "-m", "bench.constant_processor", f"sqlite:///{database}"]
    return start_process(command, directory, stack)


def _behind_envoy(processor: str | None) -> Starter:
    """Return a starter of Envoy in front of the service, with a processor or without the filter."""

    def start(servers: Servers, directory: Path, stack: ExitStack) -> Server:
        upstream, target = servers.get("service"), servers.get("target")
        server = servers.get(processor) if processor else None
        # The transcoder needs a set of its own, even if it serves nothing.
        described = write_descriptor_set(directory / "set.binpb", service())

        def config(listener: int, port: int) -> str:
            if server is not None:
                return shipped_config(listener, port, server.grpc_port, described)
            text, filters = _FILTER.subn("", shipped_config(listener, port, port, described))
            if filters != 1:
                raise CallError(f"the shipped configuration has {filters} filters of ext_proc")
            return text

        process, envoy = run_envoy(
            EnvoyProcess(directory, upstream.grpc_port, config, {TOKEN_VARIABLE: ADMIN_TOKEN}), stack
        )
        others = (envoy, *upstream.processes, *target.processes)
        return Server(process.port, 0, server.processes if server else (), directory, others=others)

    return start


def _unary(method: str, sign: str) -> Client:
    """Return a client of a method whose response contains `sign`."""
    expected = sign.encode()

    def client(server: Server) -> Load:
        return grpc_load(server.grpc_port, method, {}, repeat(_MESSAGE).__next__, lambda answer: expected in answer)

    return client


_CONSTANT, _AUTHENTICATED = "extproc-constant", "extproc-authenticated"
_LIMITS = (_CONSTANT, _AUTHENTICATED)
_NO_MATCH, _REQUEST = "extproc-nothing-fits", "extproc-unchanged"
_STREAM, _STREAM_CONSTANT = "stream-extproc", "stream-extproc-constant"

_LIMIT = "limit: a processor that lets every call go on"
SUBJECTS = (
    Subject("envoy-alone", "plain", "nothing", _CONSTANT, "the service behind Envoy, without the filter"),
    Subject(_CONSTANT, "constant", "nothing", _CONSTANT, _LIMIT),
    Subject(_AUTHENTICATED, "constant-auth", "nothing", _CONSTANT, "the same, which authenticates as actiond does"),
    Subject(_NO_MATCH, "envoy", "nothing", _CONSTANT, "actiond, no execution fits"),
    Subject(_REQUEST, "envoy", "unchanged", _CONSTANT, "actiond, a restCall target sees each request"),
    Subject("extproc-changed", "envoy", "changed", _CONSTANT, "actiond, a restCall target changes each request"),
    Subject("extproc-response", "envoy", "response", _CONSTANT, "actiond, a restCall target changes each response"),
    Subject("stream-envoy-alone", "plain", "stream", _STREAM_CONSTANT, "a server stream, without the filter"),
    Subject(_STREAM_CONSTANT, "constant", "stream", _STREAM_CONSTANT, _LIMIT),
    Subject(_STREAM, "envoy", "stream", _STREAM_CONSTANT, "actiond, a restCall target sees the stream's request"),
)

PART = Part(
    title=f"a service behind Envoy with ext_proc: {IN_FLIGHT} in flight, and {STREAMS} streams of messages",
    subjects=SUBJECTS,
    starters={
        "target": starter("bench.target_server"),
        "service": starter("bench.proxied_server"),
        "actiond": _actiond,
        "bare": starter("bench.constant_processor"),
        "bare-auth": _authenticated,
        "plain": _behind_envoy(None),
        "constant": _behind_envoy("bare"),
        "constant-auth": _behind_envoy("bare-auth"),
        "envoy": _behind_envoy("actiond"),
    },
    clients={
        "nothing": _unary(_NOTHING, _TEXT),
        "unchanged": _unary(_UNCHANGED, _TEXT),
        "changed": _unary(_CHANGED, RENAMED),
        "response": _unary(_RESPONSE, RENAMED),
        "stream": lambda server: grpc_streams(server.grpc_port, feed.SMALL, _MESSAGES),
    },
    goals=(
        *(Goal(_NO_MATCH, (limit,), 0.9) for limit in _LIMITS),
        *(Goal(_NO_MATCH, (limit,), round(1 / 1.2, 2), "CPU") for limit in _LIMITS),
        Goal(_REQUEST, (_NO_MATCH,), 1 / 2.5, "CPU"),
        Goal(_STREAM, ("stream-envoy-alone",), 1.0),
    ),
    pairs=(
        Pair(_NO_MATCH, "envoy-alone"),
        *(Pair(_NO_MATCH, limit) for limit in _LIMITS),
        *(Pair(name, _NO_MATCH) for name in (_REQUEST, "extproc-changed", "extproc-response")),
        Pair(_STREAM, "stream-envoy-alone"),
    ),
)
