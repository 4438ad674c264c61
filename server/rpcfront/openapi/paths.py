"""Converts path templates to OpenAPI paths, whose parameters have one segment each.

OpenAPI clients percent-encode the slashes in a parameter. So a variable of several segments becomes its literals, and a
parameter for each wildcard: `{name=shelves/*/books/*}` is `shelves/{name-1}/books/{name-2}`. Only `**` stays one
parameter.

OpenAPI considers paths equal that differ in the names of parameters alone. So routes that are equal to it share one
path if their HTTP methods differ; else the route with `**`, which gets what the other one leaves, has a parameter more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rpcfront.transcoding.templates import ANY_REST, ANY_SEGMENT, Template, Variable

_MAX_NAME = 64
"""Characters of a parameter's name that is made of others."""
_PARAMETER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class PathParameter:
    """The parameter for one wildcard of a template."""

    name: str
    """The variable's name, with a number if it has several parts. Joined by hyphens, which are in no proto name, since
    some clients do not support dots."""
    field_path: tuple[str, ...]
    """The field that it sets, wholly or partly; empty for a wildcard outside a variable."""
    whole: str = ""
    """The field's whole value in terms of parameters, if this is a part of it."""
    takes_rest: bool = False
    """Whether it is for `**`, so that its slashes must be sent as they are."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path in the document."""

    text: str
    parameters: tuple[PathParameter, ...]

    @property
    def shape(self) -> str:
        """The path without the names of parameters: OpenAPI considers paths of one shape equal."""
        return _PARAMETER.sub("{}", self.text)

    def named(self, names: Sequence[str]) -> "Path":
        """Return the path with other names for its parameters."""
        new = {parameter.name: name for parameter, name in zip(self.parameters, names, strict=True)}

        def renamed(text: str) -> str:
            return _PARAMETER.sub(lambda found: f"{{{new[found[0][1:-1]]}}}", text)

        parameters = tuple(
            replace(parameter, name=new[parameter.name], whole=renamed(parameter.whole))
            for parameter in self.parameters
        )
        return Path(renamed(self.text), parameters)


def paths_of(routes: Sequence[tuple[str, Template]]) -> list[Path]:
    """Return the path of each route, an HTTP method and a template. No two routes have method and path in common."""
    found: dict[int, Path] = {}
    taken: set[tuple[str, str]] = set()

    def take(index: int, depth: int) -> None:
        method, template = routes[index]
        path = path_of(template, depth)
        if (method, path.shape) not in taken:
            taken.add((method, path.shape))
            found[index] = path

    has_rest = [ANY_REST in template.segments for _, template in routes]
    for index in sorted(range(len(routes)), key=has_rest.__getitem__):
        take(index, 0)
    for index in range(len(routes)):
        depth = 0
        while index not in found:
            depth += 1
            take(index, depth)
    return _with_common_names([found[index] for index in range(len(routes))])


def _with_common_names(paths: list[Path]) -> list[Path]:
    """Give the parameters of paths that OpenAPI considers equal the same names."""
    sharing: dict[str, list[Path]] = {}
    for path in paths:
        sharing.setdefault(path.shape, []).append(path)
    names = {shape: _common_names(equal) for shape, equal in sharing.items()}
    return [path.named(names[path.shape]) for path in paths]


def _common_names(paths: list[Path]) -> list[str]:
    """Return a name for each parameter: what all paths call it, else none that one of them uses for a field."""
    names: list[str] = []
    for place in range(len(paths[0].parameters)):
        given = list(dict.fromkeys(path.parameters[place].name for path in paths))
        name = given[0] if len(given) == 1 else "-or-".join(given)
        names.append(name if len(name) <= _MAX_NAME and name not in names else f"parameter-{place + 1}")
    return names


def path_of(template: Template, depth: int = 0) -> Path:
    """Return the path of a template, of which `**` has at least `depth` segments before those of its parameter."""
    if depth:
        template = _deepened(template, depth)
    owners = {index: variable for variable in template.variables for index in range(variable.start, variable.end)}
    parts = 0
    segments: list[str] = []
    wildcards: list[tuple[int, str]] = []
    for index, segment in enumerate(template.segments):
        if segment not in (ANY_SEGMENT, ANY_REST):
            segments.append(segment)
            continue
        owner = owners.get(index)
        name = "-".join(owner.field_path) if owner is not None else "any"
        if owner is None or owner.end - owner.start > 1:
            parts += 1
            name = f"{name}-{parts}"
        segments.append(f"{{{name}}}")
        wildcards.append((index, name))
    verb = f":{template.verb}" if template.verb else ""
    parameters = tuple(
        _parameter(name, owners.get(index), segments, takes_rest=template.segments[index] == ANY_REST)
        for index, name in wildcards
    )
    return Path(f"/{'/'.join(segments)}{verb}", parameters)


def _deepened(template: Template, depth: int) -> Template:
    *segments, rest = template.segments
    variables = tuple(
        replace(variable, end=variable.end + depth) if variable.end == len(template.segments) else variable
        for variable in template.variables
    )
    return replace(template, segments=(*segments, *[ANY_SEGMENT] * depth, rest), variables=variables)


def _parameter(name: str, owner: Variable | None, segments: list[str], *, takes_rest: bool) -> PathParameter:
    if owner is None:
        return PathParameter(name, (), takes_rest=takes_rest)
    is_part = owner.end - owner.start > 1
    whole = "/".join(segments[owner.start : owner.end]) if is_part else ""
    return PathParameter(name, owner.field_path, whole, takes_rest)
