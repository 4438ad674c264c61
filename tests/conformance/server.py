"""The program that the suite starts for every protocol, HTTP version and kind of TLS: it reads on stdin what to serve,
and says on stdout where it does. SIGTERM ends it there and then, so nothing is ever stopped in order.
"""

import argparse
import asyncio
import logging
import ssl
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import uvloop

from rpcfront import Gateway, Limits
from tests.conformance.service import Conformance
from tests.support.servers.faces import asgi_server

HOST = "127.0.0.1"
PACKAGE = Path("connectrpc/conformance/v1")


async def main(protos: Path, face: str) -> None:
    logging.basicConfig(level=logging.WARNING)
    # The suite's protos are in its own module, and compiled here: none of them is committed.
    sys.path.append(str(protos))
    compat = grpc.protos(str(PACKAGE / "server_compat.proto"))
    wanted = compat.ServerCompatRequest.FromString(_read())
    async with FACES[face](_gateway(wanted), wanted) as port:
        certificate = wanted.server_creds.cert if wanted.use_tls else b""
        _write(compat.ServerCompatResponse(host=HOST, port=port, pem_cert=certificate).SerializeToString())
        await asyncio.Event().wait()


def _read() -> bytes:
    (size,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    return sys.stdin.buffer.read(size)


def _write(message: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(message)) + message)
    sys.stdout.buffer.flush()


def _gateway(wanted: Any) -> Gateway:
    messages, services = grpc.protos_and_services(str(PACKAGE / "service.proto"))
    descriptor = messages.DESCRIPTOR.services_by_name["ConformanceService"]
    servicer = type("Servicer", (Conformance, services.ConformanceServiceServicer), {})(messages)
    return Gateway(services=[(descriptor, servicer)], limits=Limits(message_bytes=wanted.message_receive_limit))


@asynccontextmanager
async def _listener(gateway: Gateway, wanted: Any) -> AsyncIterator[int]:
    """Serve by the gateway's own server, which has one port for every protocol and version."""
    server = await gateway.listen(HOST, 0, ssl=_context(wanted) if wanted.use_tls else None)
    yield server.port


def _asgi(gateway: Gateway, wanted: Any) -> AbstractAsyncContextManager[int]:
    """Serve by a server that is not the gateway's: uvicorn, without TLS."""
    assert not wanted.use_tls
    return asgi_server(gateway)


FACES = {"listener": _listener, "asgi": _asgi}


def _context(wanted: Any) -> ssl.SSLContext:
    """Return the context with the suite's certificate, which demands the client's where the suite names one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TemporaryDirectory() as directory:
        path = Path(directory) / "chain.pem"  # ssl can load them only from a file
        path.write_bytes(wanted.server_creds.key + b"\n" + wanted.server_creds.cert)
        context.load_cert_chain(path)
    if wanted.client_tls_cert:
        context.load_verify_locations(cadata=wanted.client_tls_cert.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protos", type=Path, required=True, help="the directory of the suite's protos")
    parser.add_argument("--face", choices=FACES, default="listener", help="what serves the gateway")
    arguments = parser.parse_args()
    uvloop.run(main(arguments.protos, arguments.face))
