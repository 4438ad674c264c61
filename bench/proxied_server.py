"""The service behind Envoy: `python -m bench.proxied_server`. It returns what it gets, or streams, and does no more.

It is served by the gateway and not by grpcio, whose time per call would hide what is measured.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import feed, serving
from rpcfront import Gateway
from tests.support.services.echo import AsyncEcho, service


@asynccontextmanager
async def _serve() -> AsyncIterator[serving.Ports]:
    gateway = Gateway(services=[(service(), AsyncEcho()), (feed.SERVICE, feed.Servicer())])
    server = await gateway.listen("127.0.0.1", 0)
    yield server.port, 0
    await server.drain(0)


if __name__ == "__main__":
    serving.run(_serve())
