"""The bare limits: the libraries and the disk below actiond, with nothing on top.

`python -m bench.limits` serves a fixed response to any request, over granian and grpcio on one event loop. The third
limit is `CommitLoad`: SQLite, with a commit for each target.
"""

import time
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc

from actiond.actions.events import Event
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.storage.sqlite.connection import connect, create_privately
from actiond.storage.sqlite.schema import migrations, prepare
from actiond.storage.sqlite.transaction import SqliteTransaction
from bench import serving
from bench.answers import response
from bench.constants import OWNER
from bench.load import Sample
from bench.requests import JSON_PATH, frame
from rpcfront.transcoding.json.codec import JsonCodec

_SEALED_BYTES = 80
"""The approximate size of a signing key as it is stored."""


class _FixedHttp:
    """Reads the body and returns a fixed response: JSON on the JSON path, gRPC-Web on any other."""

    def __init__(self) -> None:
        self._json = JsonCodec().encode(response())
        self._grpc_web = frame(0, response().SerializeToString()) + frame(0x80, b"grpc-status: 0\r\n")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await protocol()
        if scope.path == JSON_PATH:
            protocol.response_bytes(201, [("content-type", "application/json")], self._json)
        else:
            protocol.response_bytes(200, [("content-type", "application/grpc-web+proto")], self._grpc_web)


class _FixedGrpc(grpc.GenericRpcHandler):
    """Returns fixed bytes for every method."""

    def __init__(self) -> None:
        answer = response().SerializeToString()

        async def call(_data: bytes, _context: Any) -> bytes:
            return answer

        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(call)

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._handler


class CommitLoad:
    """Writes on one connection, target after target, the rows that actiond writes for a new one, then commits."""

    def __init__(self, directory: Path) -> None:
        path = directory / "commits.db"
        create_privately(path)
        self._connection = connect(path)
        prepare(self._connection, path, migrations())
        self._number = 0
        # The values that all targets share.
        now = time.time_ns()
        endpoint = "https://example.com/hook"
        self._target = Target("", OWNER, "", TargetType.WEBHOOK, True, 10_000_000_000, endpoint, 1, now, now)
        self._keys = (SigningKey(bytes(_SEALED_BYTES)),)
        payload = {"type": "webhook", "interrupt_on_error": True, "timeout_ns": "10000000000", "endpoint": endpoint}
        self._event = Event(OWNER, "target", "", 1, "target.added", payload, "admin", now)

    def open(self) -> None:
        """Do nothing: the database is open from the start, as the servers are."""

    def run(self, seconds: float) -> Sample:
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
        target_id, name = f"{383270916982837248 + self._number}", f"bench-{self._number:08}"
        event = replace(self._event, aggregate_id=target_id, payload={"name": name, **self._event.payload})
        cursor = self._connection.execute("BEGIN IMMEDIATE")
        transaction = SqliteTransaction(cursor)
        transaction.targets.insert(replace(self._target, id=target_id, name=name), self._keys)
        transaction.append(event)
        cursor.execute("COMMIT")

    def close(self) -> None:
        """Do nothing: further rounds use the same database."""


if __name__ == "__main__":
    serving.run(_FixedHttp(), lambda server: server.add_generic_rpc_handlers((_FixedGrpc(),)))
