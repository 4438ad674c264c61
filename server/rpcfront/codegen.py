"""Makes functions of generated lines: straight code for one message type, without a loop over its fields.

Names come from descriptors. They get into the code as attributes where they are identifiers, and quoted otherwise.
"""

from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Any


def function(signature: str, lines: Iterable[str], names: Mapping[str, object]) -> Any:
    """The function `def <signature>:` whose body is `lines`; `names` are what they refer to beside its arguments."""
    namespace = dict(names)
    source = "\n    ".join([f"def {signature}:", *lines])
    exec(compile(source, f"<{signature}>", "exec"), namespace)  # noqa: S102  # the lines are ours, their names quoted
    return namespace[signature.partition("(")[0]]


def attribute(owner: str, name: str) -> str:
    """`owner.name`, also where Python has another use for the name."""
    return f"{owner}.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr({owner}, {name!r})"


def assignment(owner: str, name: str, value: str) -> str:
    """`owner.name = value`, likewise."""
    if name.isidentifier() and not iskeyword(name):
        return f"{owner}.{name} = {value}"
    return f"setattr({owner}, {name!r}, {value})"
