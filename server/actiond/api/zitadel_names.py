"""The names of ZITADEL's own methods, events and functions, from zitadel_names.txt.

Conditions may use them although this server does none of what they name: a configuration that was written for ZITADEL
can be applied as it is.
"""

from dataclasses import dataclass
from importlib.resources import files

FILE = "zitadel_names.txt"
_COMMENT = "#"


@dataclass(frozen=True, slots=True)
class ZitadelNames:
    """Names by what they name."""

    methods: frozenset[str] = frozenset()
    """As `/package.Service/Method`."""
    events: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()

    @property
    def services(self) -> frozenset[str]:
        """The services of the methods, as `package.Service`."""
        return frozenset(method[1:].partition("/")[0] for method in self.methods)


NO_NAMES = ZitadelNames()


def read_zitadel_names() -> ZitadelNames:
    """Read the names that are installed with this package."""
    text = files(__package__).joinpath(FILE).read_text("utf-8")
    sections: dict[str, set[str]] = {"methods": set(), "events": set(), "functions": set()}
    # The file begins with comments: a name before the first section is an error.
    section: set[str] | None = None
    for line in text.splitlines():
        if line.startswith("["):
            section = sections[line.strip("[]")]
        elif line and not line.startswith(_COMMENT):
            if section is None:
                raise ValueError(f"{FILE}: {line!r} is in no section")
            section.add(line)
    return ZitadelNames(**{name: frozenset(names) for name, names in sections.items()})
