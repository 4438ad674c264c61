"""Builds the catalogue from the services that are known, and builds it anew when others are known."""

from collections.abc import Iterable

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import Condition
from actiond.actions.events import OWN_AGGREGATES
from actiond.api.known_methods import KnownMethods
from actiond.api.permissions import runs_executions
from actiond.api.zitadel_names import NO_NAMES, ZitadelNames


def make_catalogue(
    services: Iterable[ServiceDescriptor],
    functions: Iterable[str],
    published_events: Iterable[str] = (),
    zitadel: ZitadelNames = NO_NAMES,
) -> Catalogue:
    """Return the catalogue of served and described services, of functions and of events of other services.

    zitadel: what it has besides.
    """
    methods: dict[str, set[str]] = {}
    for service in services:
        names = {method.name for method in service.methods if not runs_executions(method)}
        if names or not service.methods:
            methods.setdefault(service.full_name, set()).update(names)
    paths = (f"/{service}/{method}" for service, names in methods.items() for method in names)
    unpublished = frozenset(event for event in zitadel.events if event.partition(".")[0] in OWN_AGGREGATES)
    return Catalogue(
        zitadel.methods.union(paths),
        zitadel.services.union(methods),
        zitadel.functions.union(functions),
        (zitadel.events - unpublished).union(published_events),
        unpublished,
    )


def method_path(method: MethodDescriptor) -> str:
    """Return the path of a method in gRPC, `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"


class CurrentCatalogue:
    """Returns the catalogue of what is known now. It is replaced as a whole."""

    def __init__(
        self,
        known: KnownMethods,
        functions: Iterable[str],
        published_events: Iterable[str],
        zitadel: ZitadelNames = NO_NAMES,
    ) -> None:
        self._known = known
        self._functions = tuple(functions)
        self._published_events = tuple(published_events)
        self._zitadel = zitadel
        self._made_at = known.revision
        self._catalogue = self._made()

    def __call__(self) -> Catalogue:
        if self._made_at != self._known.revision:
            self._made_at, self._catalogue = self._known.revision, self._made()
        return self._catalogue

    def __contains__(self, condition: Condition, /) -> bool:
        return condition in self()

    def _made(self) -> Catalogue:
        return make_catalogue(self._known.services(), self._functions, self._published_events, self._zitadel)
