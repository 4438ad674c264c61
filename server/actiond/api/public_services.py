"""The services that need no token, because they are asked before anybody has one: health and reflection."""

import asyncio
from collections.abc import Iterable

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from actiond.api.health import HEALTH, MAX_WATCHES, HealthServicer
from rpcfront import reflection_services

MAX_REFLECTION_STREAMS = 100
"""Streams of reflection that a worker serves at once."""

PublicServices = list[tuple[ServiceDescriptor, object]]
"""Services with their servicers, as `Gateway` takes them."""


def public_services(
    services: Iterable[ServiceDescriptor], types: Iterable[str], draining: asyncio.Event, max_calls: int
) -> PublicServices:
    """Return health and reflection of `services`.

    types: full names of further messages that reflection describes, with what else their files define.
    draining: once it is set, health reports NOT_SERVING.
    max_calls: calls that run at once. Streams that need no token take at most half of them: those of health a quarter,
        those of reflection another.
    """
    described = tuple(services)
    quarter = max(1, max_calls // 4)
    health = HealthServicer((service.full_name for service in described), draining, min(MAX_WATCHES, quarter))
    find = descriptor_pool.Default().FindMessageTypeByName
    reflection = reflection_services(
        (*described, HEALTH), map(find, types), max_streams=min(MAX_REFLECTION_STREAMS, quarter)
    )
    return [(HEALTH, health), *reflection]
