"""Finds methods, with the types of their messages: those that are served, then those of descriptor sets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from actiond.api.descriptor_sets import DescriptorSet


@dataclass(frozen=True, slots=True)
class KnownMethod:
    """A method whose messages can be decoded."""

    descriptor: MethodDescriptor
    request_class: type[Message]
    response_class: type[Message]


class KnownMethods:
    """Methods by path. What a caller asks for is remembered only if it exists, so that memory is bounded."""

    def __init__(self, served: Iterable[ServiceDescriptor], sets: Iterable[DescriptorSet]) -> None:
        """Take the services that this server serves, and what describes other services."""
        self._served = {service.full_name: service for service in served}
        self._sets = tuple(sets)
        self._found: dict[str, KnownMethod] = {}

    def find(self, path: str) -> KnownMethod | None:
        """Return the method `/package.Service/Method`; None if there is none."""
        known = self._found.get(path)
        if known is None:
            descriptor = self._descriptor(path)
            if descriptor is None:
                return None
            known = self._found[path] = KnownMethod(
                descriptor, GetMessageClass(descriptor.input_type), GetMessageClass(descriptor.output_type)
            )
        return known

    def services(self) -> Iterator[ServiceDescriptor]:
        """Yield every service, that which is found first before one of the same name."""
        yield from self._served.values()
        for described in self._sets:
            yield from described.services.values()

    def _descriptor(self, path: str) -> MethodDescriptor | None:
        slash, service, method = path[:1], *path[1:].partition("/")[::2]
        if slash != "/":
            return None
        if service in self._served:
            return self._served[service].methods_by_name.get(method)
        return next((found for one in self._sets if (found := one.method(path)) is not None), None)
