"""Compiles generated lines into functions, so that code for one message type needs no loop over its fields.

Names come from descriptors. They appear in the code as attributes if they are identifiers, and quoted otherwise.
"""

from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Any


def function(signature: str, lines: Iterable[str], names: Mapping[str, object]) -> Any:
    """Return the function `def <signature>:` whose body is `lines`. `names` are the globals that it refers to."""
    namespace = dict(names)
    source = "\n    ".join([f"def {signature}:", *lines])
    exec(compile(source, f"<{signature}>", "exec"), namespace)  # noqa: S102  # the lines are generated, the names in them quoted
    return namespace[signature.partition("(")[0]]


def attribute(owner: str, name: str) -> str:
    """Return the code of `owner.name`, which works for names that Python reserves, too."""
    return f"{owner}.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr({owner}, {name!r})"


def assignment(owner: str, name: str, value: str) -> str:
    """Return the code of `owner.name = value`, which works for reserved names, too."""
    if name.isidentifier() and not iskeyword(name):
        return f"{owner}.{name} = {value}"
    return f"setattr({owner}, {name!r}, {value})"
