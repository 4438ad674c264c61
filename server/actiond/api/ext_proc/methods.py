"""Finds the method that a proxied call's path names, also where the path is spelled as another server might read it."""

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import unquote

from actiond.api.known_methods import KnownMethod, KnownMethods
from actiond.api.schema import method_path

_PLAIN = re.compile(r"/\w[\w.]*/\w+", re.ASCII)
"""Paths that differ from others in letter case at most."""

_SLASHES = 2
"""In `/package.Service/Method`."""

MAX_FOUND = 1_000
MAX_PATH_LENGTH = 500
"""Paths that are remembered with what they name: clients choose them."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a path names."""

    path: str
    """`/package.Service/Method`; that of a method that is not known as the least strict server would read it."""
    method: KnownMethod | None
    """None if the path names no known method, or not exactly."""
    is_other_spelling: bool = False
    """Whether a server that reads paths less strictly could take this one for that of a known method."""
    is_of_no_service: bool = False
    """Whether not even the service is known."""

    @property
    def may_be_grpc(self) -> bool:
        """Whether the path has the form that gRPC's have."""
        return self.path.count("/") == _SLASHES and not self.path.endswith("/")


class Methods:
    """Names of methods by path.

    An upstream may read paths less strictly than gRPC does: without letter case, percent-decoded, without a query. An
    execution must not be evaded by that, so such a path is found too, and its call is refused.
    """

    def __init__(self, known: KnownMethods) -> None:
        self._known = known
        self._folded_at: int | None = None
        self._found: dict[str, Named] = {}
        # Names and paths, by names in lower case.
        self._services: dict[str, str] = {}
        self._methods: dict[tuple[str, str], str] = {}

    def find(self, path: str) -> Named:
        """Return what a path names."""
        revision = self._known.revision
        if self._folded_at != revision:
            self._fold(revision)
        named = self._found.get(path)
        if named is None:
            named = self._look_up(path)
            if len(path) <= MAX_PATH_LENGTH:
                if len(self._found) >= MAX_FOUND:
                    self._found.clear()
                self._found[path] = named
        return named

    def _look_up(self, path: str) -> Named:
        method = self._known.find(path)
        if method is not None:
            return Named(path, method)
        service, _, called = _folded(path)[1:].partition("/")
        usual = self._methods.get((service, called))
        if usual is not None:
            return Named(usual, None, is_other_spelling=True)
        return Named(f"/{service}/{called}", None, is_of_no_service=service not in self._services)

    def _fold(self, revision: int) -> None:
        self._folded_at = revision
        self._found.clear()
        self._services = {service.full_name.lower(): service.full_name for service in self._known.services()}
        self._methods = {
            (service.full_name.lower(), method.name.lower()): method_path(method)
            for service in self._known.services()
            for method in service.methods
        }


def _folded(path: str) -> str:
    """Return a path as the least strict server would read it."""
    if _PLAIN.fullmatch(path):
        return path.lower()
    for mark in "?#":
        path = path.partition(mark)[0]
    path = unquote(path).replace("\\", "/")
    path = "/".join(segment.partition(";")[0] for segment in path.split("/"))
    return posixpath.normpath("/" + path.lstrip("/")).lower()
