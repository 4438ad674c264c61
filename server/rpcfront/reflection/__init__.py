"""Server reflection: what a Gateway tells clients about its services, as `grpc.reflection.v1` and `v1alpha`."""

from collections.abc import Iterable

from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from rpcfront.arguments import check_type
from rpcfront.reflection.index import Index
from rpcfront.reflection.protos import reflection_descriptors
from rpcfront.reflection.servicer import ReflectionServicer, Streams


def reflection_services(
    services: Iterable[ServiceDescriptor],
    types: Iterable[Descriptor] = (),
    *,
    max_streams: int = 100,
    idle_seconds: float = 60.0,
) -> list[tuple[ServiceDescriptor, object]]:
    """Return the services that describe `services` and themselves: `Gateway(services=[…, *reflection_services(…)])`.

    services: what is listed. Their files are described, with everything that these import.
    types: messages that no service names in its proto, such as the details of errors. Their files are described too.
    max_streams: streams of both versions that are served at once; one more is RESOURCE_EXHAUSTED.
    idle_seconds: how long the client of a stream may be silent; then the stream ends with DEADLINE_EXCEEDED.

    Raises ValueError if two files of one name differ, as clients could not tell them apart.
    """
    services = list(services)
    for number, service in enumerate(services):
        check_type(f"services[{number}]", service, ServiceDescriptor)
    own = reflection_descriptors()
    listed = [*services, *own]
    index = Index(described.file for described in (*listed, *types))
    names = sorted({service.full_name for service in listed})
    streams = Streams(max_streams, idle_seconds)
    return [
        (service, ReflectionServicer(index, names, GetMessageClass(service.methods[0].output_type), streams))
        for service in own
    ]
