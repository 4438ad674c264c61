"""Compiles the CEL string tests `this == ''`, `this.isUri()` and `this.matches('…')`, joined by `&&`, `||` and `()`.

There is no negation, so a test that is stricter than CEL's own makes the whole expression stricter, never looser.
"""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rpcfront.validation.annotations import UnknownRuleError
from rpcfront.validation.fast_path.patterns import translated
from rpcfront.validation.fast_path.string_formats import FORMATS

_TOKEN = re.compile(
    r"""\s*(?:(?P<operator>&&|\|\||[()])
      | (?P<empty>this\s*==\s*'')
      | (?P<uri>this\.isUri\(\))
      | this\.matches\(\s*'(?P<pattern>(?:[^'\\\n]|\\\\)*)'\s*\))\s*""",
    re.VERBOSE,
)
_EMPTY = "value == ''"
_OPERATORS = {"&&": "and", "||": "or"}
_STRUCTURE = (ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.Name, ast.Load)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A regular expression in Python's dialect."""

    text: str


def condition(expression: str, matches: Callable[[str], str]) -> str:
    """Return the Python condition that `value` satisfies a CEL expression.

    `matches` returns the condition that `value` matches a pattern.

    Raises UnknownRuleError for any other expression.
    """
    parts: list[str | _Pattern] = []
    position = 0
    while position < len(expression):
        token = _TOKEN.match(expression, position)
        if token is None:
            raise UnknownRuleError(expression)
        position = token.end()
        parts.append(_part(token))
    if not _is_well_formed(
        " ".join("this" if isinstance(part, _Pattern) or part == _EMPTY else part for part in parts)
    ):
        raise UnknownRuleError(expression)
    return " ".join(f"({matches(part.text)})" if isinstance(part, _Pattern) else part for part in _joined(parts))


def _part(token: re.Match[str]) -> "str | _Pattern":
    if token["uri"]:
        return _Pattern(FORMATS["uri"])
    if token["pattern"] is not None:
        return _Pattern(translated(token["pattern"].replace("\\\\", "\\")))
    return _EMPTY if token["empty"] else _OPERATORS.get(token["operator"], token["operator"])


def _joined(parts: Iterable["str | _Pattern"]) -> "list[str | _Pattern]":
    """Merge two patterns that must both match into one, since starting a match costs more than the match itself."""
    joined: list[str | _Pattern] = []
    for part in parts:
        match part, joined[-2:]:
            case _Pattern(text), [_Pattern(before), "and"]:
                joined[-2:] = [_Pattern(f"(?={before}){text}")]
            case _:
                joined.append(part)
    return joined


def _is_well_formed(structure: str) -> bool:
    """Return whether the parts are joined correctly. `and` and `or` bind as `&&` and `||` do."""
    try:
        tree = ast.parse(structure, mode="eval")
    except SyntaxError:
        return False
    return all(isinstance(node, _STRUCTURE) for node in ast.walk(tree))
