"""The bare limits: what the libraries and the disk below actiond do with nothing on top.

`python -m bench.limits` serves a fixed answer to whatever is asked, over granian and grpcio on one loop, as
server/worker.py does, until its standard input ends. `CommitLoad` is the third: SQLite, a commit for each insert.
"""

import asyncio
import struct
import sys
import time
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp
from granian.constants import Interfaces
from granian.server.embed import Server as HttpServer
from zitadel.action.v3alpha import action_service_pb2
from zitadel.object.v2 import object_pb2

from bench.load import Sample
from server import settings
from server.actions.events import Event
from server.actions.targets import NewTarget, Target, TargetType
from server.gateway.transcoding.codec import Codec
from server.listeners import Listener, is_listening, reserve_both
from server.storage.sqlite import rows
from server.storage.sqlite.connection import connect, create_privately
from server.storage.sqlite.schema import migrations, prepare

JSON_PATH = "/v3alpha/targets"
_OWNER = "383270916701814784"

# As long as a real one.
_RESPONSE = action_service_pb2.CreateTargetResponse(
    id="383270916982837248",
    details=object_pb2.Details(
        sequence=1, change_date=Timestamp(seconds=1_795_000_000, nanos=438_174_228), resource_owner=_OWNER
    ),
)


def _frame(flags: int, payload: bytes) -> bytes:
    return struct.pack(">BI", flags, len(payload)) + payload


class _FixedHttp:
    """Reads the body and answers: JSON on the JSON path, gRPC-Web on any other."""

    def __init__(self) -> None:
        self._json = Codec().encode(_RESPONSE)
        self._grpc_web = _frame(0, _RESPONSE.SerializeToString()) + _frame(0x80, b"grpc-status: 0\r\n")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await protocol()
        if scope.path == JSON_PATH:
            protocol.response_bytes(201, [("content-type", "application/json")], self._json)
        else:
            protocol.response_bytes(200, [("content-type", "application/grpc-web+proto")], self._grpc_web)


class _FixedGrpc(grpc.GenericRpcHandler):
    """Answers every method, bytes in and bytes out."""

    def __init__(self) -> None:
        answer = _RESPONSE.SerializeToString()

        async def call(_data: bytes, _context: Any) -> bytes:
            return answer

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(call)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._handler


async def _serve(grpc_at: Listener, http_at: Listener) -> None:
    grpc_server = grpc.aio.server(options=(("grpc.so_reuseport", 1),))
    grpc_server.add_generic_rpc_handlers((_FixedGrpc(),))
    grpc_server.add_insecure_port(str(grpc_at.address))
    await grpc_server.start()
    http_server = HttpServer(
        _FixedHttp(),
        address=http_at.address.host,
        port=http_at.address.port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=4096,
        backpressure=65_536,
    )
    served = asyncio.create_task(http_server.serve())
    while not is_listening(http_at.address):  # noqa: ASYNC110  # granian has nothing to wait for
        await asyncio.sleep(0.005)
    print(grpc_at.address.port, http_at.address.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    http_server.stop()  # type: ignore[no-untyped-call]  # granian leaves it so
    await served
    await grpc_server.stop(None)


class CommitLoad:
    """One connection, one insert after the other: the two rows that creating a target writes, then a commit."""

    def __init__(self, directory: Path) -> None:
        path = directory / "commits.db"
        create_privately(path)
        self._connection = connect(path)
        prepare(self._connection, path, migrations())
        self._number = 0
        # What every row has in common.
        new = NewTarget("bench", TargetType.WEBHOOK, True, 10_000_000_000, "https://example.com/hook")
        now = time.time_ns()
        self._target = Target("", _OWNER, new.name, new.type, True, new.timeout_ns, new.endpoint, 1, now)
        self._event = Event(_OWNER, "target", "", 1, "target.added", new.payload(), "admin", now)

    async def open(self) -> None:
        """It is open from the start, as the servers are."""

    async def run(self, seconds: float) -> Sample:
        """Blocks the loop, on which nothing else runs."""
        latencies: array[float] = array("d")
        begun = sent = time.perf_counter()
        while sent < begun + seconds:
            self._insert()
            now = time.perf_counter()
            latencies.append(now - sent)
            sent = now
        return Sample(sent - begun, sorted(latencies))

    def _insert(self) -> None:
        self._number += 1
        target_id = f"{383270916982837248 + self._number}"
        target = replace(self._target, id=target_id, name=f"bench-{self._number:08}")
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        execute(rows.INSERT_TARGET, rows.target_to_row(target))
        execute(rows.APPEND_EVENT, rows.event_to_row(replace(self._event, aggregate_id=target_id)))
        execute("COMMIT")

    async def close(self) -> None:
        """Other rounds will go on with it."""


def main() -> None:
    anywhere = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    listeners = reserve_both(settings.read(anywhere, {}))
    uvloop.run(_serve(*listeners))


if __name__ == "__main__":
    main()
