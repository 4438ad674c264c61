"""gRPC's standard services beside the API: health, and reflection, which describes the API."""

import asyncio
from collections.abc import Iterable

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from actiond.api.health import HEALTH, MAX_WATCHES, HealthServicer
from rpcfront import reflection_services

MAX_REFLECTION_STREAMS = 100
"""Streams of reflection that a worker serves at once."""

StandardServices = list[tuple[ServiceDescriptor, object]]
"""Services with their servicers, as `Gateway` takes them."""


def health_services(services: Iterable[ServiceDescriptor], draining: asyncio.Event, max_calls: int) -> StandardServices:
    """Return health of `services`, which reports NOT_SERVING once `draining` is set.

    max_calls: calls that run at once, of which watches of health take at most a quarter.
    """
    names = (service.full_name for service in services)
    return [(HEALTH, HealthServicer(names, draining, min(MAX_WATCHES, _quarter(max_calls))))]


def description_services(
    services: Iterable[ServiceDescriptor], types: Iterable[str], max_calls: int
) -> StandardServices:
    """Return reflection of `services` and of health.

    types: full names of further messages that reflection describes, with what else their files define.
    max_calls: calls that run at once, of which streams of reflection take at most a quarter.
    """
    find = descriptor_pool.Default().FindMessageTypeByName
    max_streams = min(MAX_REFLECTION_STREAMS, _quarter(max_calls))
    return reflection_services((*services, HEALTH), map(find, types), max_streams=max_streams)


def _quarter(max_calls: int) -> int:
    return max(1, max_calls // 4)
