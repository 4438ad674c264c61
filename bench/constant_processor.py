"""The limits of ext_proc: `python -m bench.constant_processor [DATABASE]`, which lets every call go on.

It answers the first message with the bytes that actiond answers where no execution fits, and ends the stream, as
actiond does. Its messages have no fields: what Envoy sends is not looked at. With the database of an actiond it
authenticates as that one does, which reads the database for each call.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from actiond.actions.use_cases.tokens import Tokens
from actiond.api.authentication import Authenticator
from actiond.api.ext_proc.answers import GO_ON
from actiond.api.served import EXTERNAL_PROCESSOR, SERVICES
from actiond.api.standard_services import StandardServices, health_services
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from bench import serving
from rpcfront import Gateway, Limits


def _service() -> ServiceDescriptor:
    """Return Envoy's service with messages that have no fields."""
    package, _, name = EXTERNAL_PROCESSOR.full_name.rpartition(".")
    file = FileDescriptorProto(name="bench/constant.proto", package=package, syntax="proto3")
    file.message_type.add(name="Message")
    message = f".{package}.Message"
    file.service.add(name=name).method.add(
        name="Process", input_type=message, output_type=message, client_streaming=True, server_streaming=True
    )
    pool = DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName(EXTERNAL_PROCESSOR.full_name)


class _Constant:
    """The servicer."""

    def __init__(self, service: ServiceDescriptor) -> None:
        # Fields that are not known are written as they were read.
        self._answer = GetMessageClass(service.methods[0].output_type).FromString(
            GO_ON["request_headers"].SerializeToString()
        )

    async def Process(  # noqa: N802  # the proto's name
        self, requests: AsyncIterator[Any], _context: object
    ) -> AsyncIterator[Any]:
        await anext(requests)
        yield self._answer


@asynccontextmanager
async def _bare() -> AsyncIterator[serving.Ports]:
    service = _service()
    gateway = Gateway(services=[(service, _Constant(service)), *_health()])
    server = await gateway.listen("127.0.0.1", 0)
    yield server.port, 0
    await server.drain(0)


@asynccontextmanager
async def _authenticated(database: str) -> AsyncIterator[serving.Ports]:
    service, health = _service(), _health()
    store = open_store(parse_database_url(database))
    beside = {descriptor: None for descriptor, _ in health}
    authenticate = Authenticator(Tokens(store, time.time_ns), SERVICES, beside=beside)
    gateway = Gateway(services=[(service, _Constant(service)), *health], authenticate=authenticate)
    server = await gateway.listen("127.0.0.1", 0)
    yield server.port, 0
    await server.drain(0)
    await store.close()


def _health() -> StandardServices:
    """Return what the shipped configuration asks before it sends calls."""
    return health_services([EXTERNAL_PROCESSOR], asyncio.Event(), Limits().concurrent_calls)


if __name__ == "__main__":
    serving.run(_authenticated(sys.argv[1]) if sys.argv[1:] else _bare())
