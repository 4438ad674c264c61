"""The gateway alone, as shipped: `python -m bench.gateway_server plain` or `tls`. One port serves every protocol."""

import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import certificate, feed, serving
from bench.answers import Servicer
from bench.requests import SERVICE
from rpcfront import Gateway


def gateway() -> Gateway:
    """Return a gateway like actiond's, without authentication and the domain's errors."""
    return Gateway(services=[(SERVICE, Servicer()), (feed.SERVICE, feed.Servicer())], success_code=lambda _: 201)


@asynccontextmanager
async def serve(tls: ssl.SSLContext | None = None) -> AsyncIterator[serving.Ports]:
    server = await gateway().listen("127.0.0.1", 0, ssl=tls)
    yield server.port, server.port
    await server.drain(0)


if __name__ == "__main__":
    serving.run(serve(certificate.server_context() if sys.argv[1] == "tls" else None))
