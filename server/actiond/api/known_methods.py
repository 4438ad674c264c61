"""Finds methods, with the types of their messages: those that are served, and those of other services.

This is the one place that knows which services there are. The catalogue follows it, see schema.py.
"""

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
        self._reflected: tuple[DescriptorSet, ...] = ()
        self._found: dict[str, KnownMethod] = {}
        self.revision = 0
        """Counts how often other services became known."""

    def replace_reflected(self, sets: Iterable[DescriptorSet]) -> None:
        """Know the services that these describe, in place of those of the last call. The others win against them."""
        self._reflected = tuple(sets)
        self._found = {}
        self.revision += 1

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
        """Yield every service once, as `find` finds it."""
        names = set(self._served)
        yield from self._served.values()
        for described in (*self._sets, *self._reflected):
            yield from (service for name, service in described.services.items() if name not in names)
            names.update(described.services)

    def _descriptor(self, path: str) -> MethodDescriptor | None:
        slash, service, method = path[:1], *path[1:].partition("/")[::2]
        if slash != "/":
            return None
        if service in self._served:
            return self._served[service].methods_by_name.get(method)
        described = (one.services[service] for one in (*self._sets, *self._reflected) if service in one.services)
        first = next(described, None)
        return None if first is None else first.methods_by_name.get(method)
