"""Recognises the few expressions of CEL that say of a text what it looks like, joined by `&&`, `||` and parentheses.

`this == ''`, `this.isUri()` and `this.matches('…')`. Nothing can be negated, so a part that says less than CEL would
leaves the whole saying less.
"""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rpcfront.validation.annotations import UnknownRuleError
from rpcfront.validation.fast_path.patterns import translated
from rpcfront.validation.fast_path.string_formats import FORMS

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
    """Of Python's dialect."""

    text: str


def condition(expression: str, matches: Callable[[str], str]) -> str:
    """The condition in Python that `value` satisfies the expression; `matches` words that it matches a pattern.

    Raises UnknownRuleError for any other expression.
    """
    words: list[str | _Pattern] = []
    position = 0
    while position < len(expression):
        token = _TOKEN.match(expression, position)
        if token is None:
            raise UnknownRuleError(expression)
        position = token.end()
        words.append(_word(token))
    if not _is_sound(" ".join("this" if isinstance(word, _Pattern) or word == _EMPTY else word for word in words)):
        raise UnknownRuleError(expression)
    return " ".join(f"({matches(word.text)})" if isinstance(word, _Pattern) else word for word in _joined(words))


def _word(token: re.Match[str]) -> "str | _Pattern":
    if token["uri"]:
        return _Pattern(FORMS["uri"])
    if token["pattern"] is not None:
        return _Pattern(translated(token["pattern"].replace("\\\\", "\\")))
    return _EMPTY if token["empty"] else _OPERATORS.get(token["operator"], token["operator"])


def _joined(words: Iterable["str | _Pattern"]) -> "list[str | _Pattern]":
    """With one pattern in place of two that must both match, since to begin a match costs more than to make it."""
    joined: list[str | _Pattern] = []
    for word in words:
        match word, joined[-2:]:
            case _Pattern(text), [_Pattern(before), "and"]:
                joined[-2:] = [_Pattern(f"(?={before}){text}")]
            case _:
                joined.append(word)
    return joined


def _is_sound(structure: str) -> bool:
    """Whether the parts are joined as they must be. `and` and `or` bind as `&&` and `||` do."""
    try:
        tree = ast.parse(structure, mode="eval")
    except SyntaxError:
        return False
    return all(isinstance(node, _STRUCTURE) for node in ast.walk(tree))
