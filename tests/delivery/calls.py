"""A call through a guard's dialler, and what became of it."""

import asyncio

from actiond.delivery.egress.dialler import Dialler
from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard
from actiond.delivery.egress.resolver import Resolver
from actiond.delivery.egress.url import EndpointError
from actiond.delivery.http1.endpoints import read_endpoint
from actiond.delivery.http1.pool import ConnectionPool
from actiond.delivery.http1.response import BodyLimit

WHOLE = BodyLimit(1000, is_kept=True)


async def outcome(guard: AddressGuard, url: str, *, resolver: Resolver | None = None) -> str:
    """The status; or `denied`, `not a URL`, or `unreachable`."""
    try:
        return await post(guard, url, resolver=resolver)
    except AddressDeniedError:
        return "denied"
    except EndpointError:
        return "not a URL"
    except OSError:
        return "unreachable"


async def post(guard: AddressGuard, url: str, *, resolver: Resolver | None = None) -> str:
    """The status. Raises what the client does."""
    pool = ConnectionPool(Dialler(guard, resolver))
    try:
        async with asyncio.timeout(20):
            endpoint = read_endpoint(url)
            response = await pool.exchange(endpoint, endpoint.head + b"Content-Length: 0\r\n\r\n", b"", WHOLE, "1")
    finally:
        await pool.close()
    return str(response.status)
