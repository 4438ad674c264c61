"""The table of google.api.http routes: finds the one for an HTTP method and a path.

It keeps any value for a route, and its errors are plain exceptions, which become responses elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from rpcfront.transcoding.fields import Binding
from rpcfront.transcoding.templates import ANY_REST, ANY_SEGMENT, EscapeError, Template, parse, percent_decode

V = TypeVar("V")

ANY_METHOD = "*"
"""The kind of a custom rule for every HTTP method."""

_COMMON_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class RoutingError(Exception):
    """A request for which there is no route."""


class PathNotFoundError(RoutingError):
    """No route has such a path."""


class BadPathError(RoutingError):
    """A path that cannot be read: a broken escape, or bytes that are not UTF-8."""


class MethodNotAllowedError(RoutingError):
    """The path has routes, but none for this HTTP method. `allow` is sorted."""

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__(", ".join(allow))
        self.allow = allow


class RouteConflictError(ValueError):
    """Two routes that match the same paths."""


class Match(NamedTuple, Generic[V]):
    """The route of a request, and the text for each of its template's variables."""

    value: V
    bindings: list[Binding]
    template: Template


@dataclass(frozen=True, slots=True)
class Entry(Generic[V]):
    """A route, as it was added."""

    http_method: str
    template: Template
    value: V

    def __str__(self) -> str:
        return f"{self.value} ({self.http_method} {self.template})"


class _Leaf(NamedTuple, Generic[V]):
    """An entry at the end of a path, with what to cut from the path: (field path, start, stop, has slashes)."""

    entry: Entry[V]
    captures: tuple[tuple[tuple[str, ...], int, int | None, bool], ...]


# The leaves at one node of the trie with the same verb, by HTTP method.
_Leaves = dict[str, _Leaf[V]]


@dataclass(slots=True)
class _Node(Generic[V]):
    literals: "dict[str, _Node[V]]" = field(default_factory=dict)
    segment: "_Node[V] | None" = None
    rest: "_Node[V] | None" = None
    by_verb: "dict[str, _Leaves[V]]" = field(default_factory=dict)


class RouteTable(Generic[V]):
    """Routes by HTTP method and path template; `str(value)` names a route in errors.

    Of the routes that match a path, the most specific wins: segment by segment from the left, a literal before `*`
    before `**`. The order in which they were added does not matter. Literals and verbs are compared decoded.
    """

    def __init__(self) -> None:
        self._root: _Node[V] = _Node()
        self._entries: list[Entry[V]] = []
        self._verbs: set[str] = set()
        self._max_colons = 0

    def add(self, http_method: str, template: str | Template, value: V) -> None:
        """Add a route. Raises TemplateError, and RouteConflictError if another has the same method and shape."""
        if isinstance(template, str):
            template = parse(template)
        node = self._root
        for segment in template.segments:
            if segment == ANY_REST:
                node.rest = node = node.rest or _Node()
            elif segment == ANY_SEGMENT:
                node.segment = node = node.segment or _Node()
            else:
                node = node.literals.setdefault(percent_decode(segment), _Node())
        verb = percent_decode(template.verb)
        leaves = node.by_verb.setdefault(verb, {})
        entry = Entry(http_method, template, value)
        if http_method in leaves:
            raise RouteConflictError(f"{entry} collides with {leaves[http_method].entry}")
        leaves[http_method] = _Leaf(entry, tuple(_captures(template)))
        self._entries.append(entry)
        if verb:
            self._verbs.add(verb)
            self._max_colons = max(self._max_colons, verb.count(":") + 1)

    @property
    def entries(self) -> tuple[Entry[V], ...]:
        """Return the routes, in the order in which they were added."""
        return tuple(self._entries)

    def match(self, http_method: str, path: str) -> Match[V]:
        """Return the route of a request. Raises a RoutingError.

        `path` is as it was sent, without the query. HEAD falls back to the route of GET. For OPTIONS see `allowed`.
        """
        found, segments, is_encoded = self._find(path)
        other = "GET" if http_method == "HEAD" else ANY_METHOD
        for leaves in found:
            leaf = leaves.get(http_method) or leaves.get(other) or leaves.get(ANY_METHOD)
            if leaf is None:
                continue
            bindings: list[Binding] = []
            for field_path, start, stop, has_slashes in leaf.captures:
                text = "/".join(segments[start:stop]) if has_slashes else segments[start]
                if is_encoded:
                    text = percent_decode(text, keep_slashes=has_slashes)
                bindings.append((field_path, text))
            return Match(leaf.entry.value, bindings, leaf.entry.template)
        raise MethodNotAllowedError(_allow(found))

    def allowed(self, path: str) -> tuple[str, ...]:
        """Return the HTTP methods of a path, sorted; none if there is no such path. Raises BadPathError."""
        try:
            return _allow(self._find(path)[0])
        except PathNotFoundError:
            return ()

    def _find(self, path: str) -> tuple[list[_Leaves[V]], list[str], bool]:
        """Return the leaves that match the path, most specific first, its segments as sent, and if they are encoded.

        A suffix is a verb if a route with this path has it, and the longest such one counts. Otherwise it belongs to
        the segment.
        """
        if not path.startswith("/"):
            raise PathNotFoundError(path)
        # Text outside ASCII is decoded, too: it may be no valid Unicode.
        is_encoded = "%" in path or not path.isascii()
        segments = path[1:].split("/") if path != "/" else []
        try:
            for raw, verb in self._readings(segments):
                found = self._walk([percent_decode(text) for text in raw] if is_encoded else raw, verb)
                if found:
                    return found, raw, is_encoded
        except EscapeError as error:
            raise BadPathError(str(error)) from None
        raise PathNotFoundError(path)

    def _readings(self, segments: list[str]) -> Iterator[tuple[list[str], str]]:
        """Yield the ways to read segments as segments and a verb: with the longest verb first, without one last."""
        if self._verbs and segments and ":" in segments[-1]:
            # No more cuts than a verb has colons, so that a path full of colons takes no longer than another.
            parts = segments[-1].rsplit(":", self._max_colons)
            for cut in range(1, len(parts)):
                verb = percent_decode(":".join(parts[cut:]))
                if verb in self._verbs:
                    last = ":".join(parts[:cut])
                    yield [*segments[:-1], last] if last or len(segments) > 1 else [], verb
        yield segments, ""

    def _walk(self, segments: list[str], verb: str) -> list[_Leaves[V]]:
        """Return the leaves that segments lead to, most specific first. Visits no node of the trie twice."""
        found: list[_Leaves[V]] = []
        if "" in segments:
            return found
        count = len(segments)
        stack = [(self._root, 0)]
        while stack:
            node, depth = stack.pop()
            # The last one pushed is tried first.
            if node.rest is not None:
                stack.append((node.rest, count))
            if depth < count:
                if node.segment is not None:
                    stack.append((node.segment, depth + 1))
                literal = node.literals.get(segments[depth])
                if literal is not None:
                    stack.append((literal, depth + 1))
            elif verb in node.by_verb:
                found.append(node.by_verb[verb])
        return found


def _captures(template: Template) -> Iterator[tuple[tuple[str, ...], int, int | None, bool]]:
    for variable in template.variables:
        takes_rest = template.segments[variable.end - 1] == ANY_REST
        yield variable.field_path, variable.start, None if takes_rest else variable.end, variable.is_multi_segment


def _allow(found: list[_Leaves[V]]) -> tuple[str, ...]:
    methods = {"OPTIONS"}.union(*found)
    if "GET" in methods:
        methods.add("HEAD")
    if ANY_METHOD in methods:
        methods = (methods - {ANY_METHOD}) | _COMMON_METHODS
    return tuple(sorted(methods))
