"""Builds the catalogue from the services that are served and from the operator's descriptor sets."""

from collections.abc import Iterable

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from actiond.actions.catalogue import Catalogue
from actiond.api.permissions import runs_executions


def make_catalogue(
    services: Iterable[ServiceDescriptor], functions: Iterable[str], published_events: Iterable[str] = ()
) -> Catalogue:
    """Return the catalogue of served and described services, of functions and of events of other services."""
    methods: dict[str, set[str]] = {}
    for service in services:
        names = (method.name for method in service.methods if not runs_executions(method))
        methods.setdefault(service.full_name, set()).update(names)
    paths = (f"/{service}/{method}" for service, names in methods.items() for method in names)
    return Catalogue(frozenset(paths), frozenset(methods), frozenset(functions), frozenset(published_events))


def method_path(method: MethodDescriptor) -> str:
    """Return the path of a method in gRPC, `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"
