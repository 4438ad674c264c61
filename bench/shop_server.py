"""A service of grpcio for the interceptors' rows: `python -m bench.shop_server tasks|threads [ACTIOND TOKEN]`.

Its methods return their request. With an address and a token of actiond, an interceptor is in front of them.
"""

import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from actiond.client import CHANNEL_OPTIONS, ActionsInterceptor, aio
from bench import serving
from tests.support.services.echo import note_class, service

_METHODS = ("Say", "Replace")


def _say(request: Message, _context: Any) -> Message:
    return request


async def _say_in_loop(request: Message, _context: Any) -> Message:
    return request


def _handler(say: Any) -> grpc.GenericRpcHandler:
    one: Any = grpc.unary_unary_rpc_method_handler(say, note_class().FromString, note_class().SerializeToString)
    return grpc.method_handlers_generic_handler(service().full_name, dict.fromkeys(_METHODS, one))


@asynccontextmanager
async def tasks(actiond: tuple[str, ...]) -> AsyncIterator[serving.Ports]:
    """Serve on grpc.aio."""
    interceptors: list[Any] = []
    if actiond:
        address, token = actiond
        channel = grpc.aio.insecure_channel(address, CHANNEL_OPTIONS)
        interceptors.append(aio.ActionsInterceptor(channel, token=token))
    server = grpc.aio.server(handlers=[_handler(_say_in_loop)], interceptors=interceptors)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port, 0
    await server.stop(None)


@asynccontextmanager
async def threads(actiond: tuple[str, ...]) -> AsyncIterator[serving.Ports]:
    """Serve on grpc. The event loop has nothing to do."""
    interceptors: list[Any] = []
    if actiond:
        address, token = actiond
        interceptors.append(ActionsInterceptor(grpc.insecure_channel(address, CHANNEL_OPTIONS), token=token))
    server = grpc.server(ThreadPoolExecutor(8), [_handler(_say)], interceptors)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port, 0
    server.stop(None).wait()


_SERVERS = {"tasks": tasks, "threads": threads}

if __name__ == "__main__":
    serving.run(_SERVERS[sys.argv[1]](tuple(sys.argv[2:])))
