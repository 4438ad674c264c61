"""Converts path templates to OpenAPI paths, whose parameters have one segment each.

OpenAPI clients percent-encode the slashes in a parameter. So a variable of several segments becomes its literals, and a
parameter for each wildcard: `{name=shelves/*/books/*}` is `shelves/{name-1}/books/{name-2}`. Only `**` stays one
parameter.
"""

import re
from dataclasses import dataclass, replace

from rpcfront.transcoding.templates import ANY_REST, ANY_SEGMENT, Template, Variable

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

    def named_as(self, other: "Path") -> "Path":
        """Return the path with the parameter names of another one of its shape."""
        pairs = zip(self.parameters, other.parameters, strict=True)
        names = {mine.name: theirs.name for mine, theirs in pairs}
        parameters = tuple(
            replace(
                parameter,
                name=names[parameter.name],
                whole=_PARAMETER.sub(lambda found: f"{{{names[found[0][1:-1]]}}}", parameter.whole),
            )
            for parameter in self.parameters
        )
        return Path(other.text, parameters)


def path_of(template: Template) -> Path:
    """Return the path of a template."""
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


def _parameter(name: str, owner: Variable | None, segments: list[str], *, takes_rest: bool) -> PathParameter:
    if owner is None:
        return PathParameter(name, (), takes_rest=takes_rest)
    is_part = owner.end - owner.start > 1
    whole = "/".join(segments[owner.start : owner.end]) if is_part else ""
    return PathParameter(name, owner.field_path, whole, takes_rest)
