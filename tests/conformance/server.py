"""The program that the suite starts for every protocol and HTTP version: it reads on stdin what to serve, and says on
stdout where it does. SIGTERM ends it there and then, so nothing is ever stopped in order.
"""

import argparse
import asyncio
import logging
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from rpcfront import Gateway, Limits
from tests.conformance.service import Conformance
from tests.support.servers.faces import HTTP_FACES

HOST = "127.0.0.1"
PACKAGE = Path("connectrpc/conformance/v1")
PROTOCOL_GRPC = 2


async def main(protos: Path, face: str) -> None:
    # That the methods which stream requests are not served is known.
    logging.basicConfig(level=logging.ERROR)
    # The suite's protos are in its own module, and compiled here: none of them is committed.
    sys.path.append(str(protos))
    compat = grpc.protos(str(PACKAGE / "server_compat.proto"))
    wanted = compat.ServerCompatRequest.FromString(_read())
    async with _serving(wanted, face) as port:
        _write(compat.ServerCompatResponse(host=HOST, port=port).SerializeToString())
        await asyncio.Event().wait()


def _read() -> bytes:
    (size,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    return sys.stdin.buffer.read(size)


def _write(message: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(message)) + message)
    sys.stdout.buffer.flush()


def _serving(wanted: Any, face: str) -> AbstractAsyncContextManager[int]:
    """Serves what a ServerCompatRequest asks for, and answers the port."""
    messages, services = grpc.protos_and_services(str(PACKAGE / "service.proto"))
    descriptor = messages.DESCRIPTOR.services_by_name["ConformanceService"]
    servicer = type("Servicer", (Conformance, services.ConformanceServiceServicer), {})(messages)
    gateway = Gateway(services=[(descriptor, servicer)], limits=Limits(message_bytes=wanted.message_receive_limit))
    if wanted.protocol == PROTOCOL_GRPC:
        return _grpc_server(gateway, wanted.message_receive_limit)
    return HTTP_FACES[face](gateway)


@asynccontextmanager
async def _grpc_server(gateway: Gateway, message_bytes: int) -> AsyncIterator[int]:
    options = (
        ("grpc.max_receive_message_length", message_bytes),
        # The suite sends a grpc-encoding that the core cannot read, and the core would keep it in the connection's
        # table of headers: good ones that refer to it by its name would be refused too.
        ("grpc.http2.hpack_table_size.decoder", 0),
    )
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((gateway.grpc_handler,))
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    yield port


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protos", type=Path, required=True, help="the directory of the suite's protos")
    parser.add_argument("--face", choices=HTTP_FACES, default="rsgi", help="the gateway's face that serves HTTP")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.protos, arguments.face))
