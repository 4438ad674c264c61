"""From path templates to OpenAPI's paths, whose parameters are of one segment each.

A client of OpenAPI percent-encodes a parameter's slashes, which then are none. So a variable of several segments
becomes its literals, and a parameter for each wildcard: `{name=shelves/*/books/*}` is
`shelves/{name-1}/books/{name-2}`. Only `**` stays one parameter.
"""

import re
from dataclasses import dataclass, replace

from rpcfront.transcoding.templates import ANY_REST, ANY_SEGMENT, Template, Variable

_PARAMETER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class PathParameter:
    """What stands for one wildcard of a template."""

    name: str
    """The variable's, with a number where it is one of several parts. Hyphens join what dots would, which some clients
    trip over; no proto name has one."""
    field_path: tuple[str, ...]
    """The field that it sets, or a part of; empty for a wildcard outside a variable."""
    whole: str = ""
    """All of the field's value, by parameters, where this is a part of it."""
    takes_rest: bool = False
    """Whether it stands for `**`: its slashes are to be sent as they are."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path of the document."""

    text: str
    parameters: tuple[PathParameter, ...]

    @property
    def shape(self) -> str:
        """What two paths have in common that differ in their parameters' names: OpenAPI takes them for one."""
        return _PARAMETER.sub("{}", self.text)

    def named_as(self, other: "Path") -> "Path":
        """The same path with the names of another one of its shape."""
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
    """The path of a template."""
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
