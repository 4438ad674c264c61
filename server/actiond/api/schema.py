"""Builds the catalogue from the services that are served and from the operator's descriptor sets."""

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor

from actiond.actions.catalogue import Catalogue


def make_catalogue(
    services: Iterable[ServiceDescriptor], functions: Iterable[str], published_events: Iterable[str] = ()
) -> Catalogue:
    """Return the catalogue of served and described services, of functions and of events of other services."""
    methods: dict[str, set[str]] = {}
    for service in services:
        methods.setdefault(service.full_name, set()).update(method.name for method in service.methods)
    paths = (f"/{service}/{method}" for service, names in methods.items() for method in names)
    return Catalogue(frozenset(paths), frozenset(methods), frozenset(functions), frozenset(published_events))
