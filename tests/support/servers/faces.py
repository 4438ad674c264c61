"""Real servers for a gateway's server adapters."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import cheroot.wsgi
import grpc
import uvicorn

from rpcfront import Gateway
from tests.support.servers.mounts import Mounted


@asynccontextmanager
async def listener(gateway: Gateway) -> AsyncIterator[int]:
    server = await gateway.listen()
    try:
        yield server.port
    finally:
        await server.drain(1)


@asynccontextmanager
async def asgi_server(gateway: Gateway | Mounted) -> AsyncIterator[int]:
    # Without an explicit protocol asyncio sets no TCP_NODELAY, and each request on a reused connection waits 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(gateway.asgi, http="h11", log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        port: int = listener.getsockname()[1]
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        try:
            yield port
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def wsgi_server(gateway: Gateway | Mounted) -> AsyncIterator[int]:
    # It supports chunked bodies, and passes on the path as it was sent.
    server = cheroot.wsgi.Server(("127.0.0.1", 0), gateway.wsgi, numthreads=8)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    port: int = server.bind_addr[1]
    try:
        yield port
    finally:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(thread.join)


@asynccontextmanager
async def grpc_server(gateway: Gateway) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((gateway.grpc_handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


HTTP_FACES = {"listener": listener, "asgi": asgi_server, "wsgi": wsgi_server}
