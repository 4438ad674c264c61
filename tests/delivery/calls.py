"""A call through a guard's connector, and what became of it."""

from typing import Any

import aiohttp

from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard


async def outcome(guard: AddressGuard, url: str, **options: Any) -> str:
    """The status; or `denied`, `not a URL`, or `unreachable`."""
    return await outcome_through(guard.connector(**options), url)


async def outcome_through(connector: aiohttp.TCPConnector, url: str) -> str:
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(20)) as session:
        try:
            async with session.post(url) as response:
                return str(response.status)
        except aiohttp.InvalidURL:
            return "not a URL"
        except aiohttp.ClientError as error:
            return "unreachable" if denial(error) is None else "denied"


def denial(error: BaseException) -> AddressDeniedError | None:
    """The denial that an error of aiohttp's was raised from."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, AddressDeniedError):
        cause = cause.__cause__
    return cause
