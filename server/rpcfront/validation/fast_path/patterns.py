"""Translates RE2 patterns to Python `re`: never matches more than RE2 would, never backtracks.

RE2 never backtracks, and neither do these: a repetition or alternative that has matched is final, even if the rest then
fails. Such a text is not recognised, though RE2 may find another way to match it. The match also begins at the start of
the text. Whatever the two dialects could read differently is refused.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import ascii_letters, digits

from rpcfront.validation.annotations import UnknownRuleError

# Bounded, since Python keeps some memory for each repetition of a group.
CONDITION = "size <= 4096 and {0}(value)"
"""The condition that a text of length `size` matches, where `{0}` is the name of the matcher."""

_TOKEN = re.compile(
    r"""(?P<open>\((?:\?i?:|(?!\?)))
      | (?P<close>\))
      | (?P<either>\|)
      | (?P<repeat>(?:[*+?]|\{[0-9]{1,3}(?:,(?:[0-9]{1,3})?)?\})(?![*+?{]))
      | (?P<start>\^)
      | (?P<end>\$)
      | (?P<any>\.)
      | \[(?P<negated>\^?)(?P<members>(?:[^][\\^]|\\.)+)\]
      | (?P<one>[^][(){}|*+?^$.\\]|\\.)""",
    re.VERBOSE,
)
_MEMBER = re.compile(r"(?P<low>[^\\-]|\\.)-(?P<high>[^\\-]|\\.)|(?P<one>[^\\-]|\\.|^-|-$)")
# Without the newline, whatever RE2's flags say about it.
_ASCII = frozenset(map(chr, range(128))) - {"\n"}
_CLASSES = {r"\d": digits, r"\w": f"{ascii_letters}{digits}_", r"\s": "\t\f\r "}


@dataclass(slots=True)
class _Group:
    """A group that is still open; the expression itself is the outermost."""

    opening: str
    start: int
    ignores_case: bool = False
    has_groups: bool = False
    has_alternatives: bool = False


def matcher(expression: str) -> Callable[[str], object]:
    """Return the matcher of a Python expression. Raises UnknownRuleError if it is not one."""
    try:
        return re.compile(expression, re.ASCII).match
    except re.error as error:
        raise UnknownRuleError(expression) from error


def translated(expression: str) -> str:
    """Translate an RE2 expression to Python. Raises UnknownRuleError unless it is certainly understood."""
    return _Translation(expression).text()


class _Translation:
    """An expression that is being translated, and its pieces so far."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._pieces: list[str] = []
        self._open = [_Group("", 0)]
        self._closed: _Group | None = None
        self._is_repeatable = False

    def text(self) -> str:
        position = 0
        while position < len(self._expression):
            token = _TOKEN.match(self._expression, position)
            if token is None or token.lastgroup is None:
                raise UnknownRuleError(self._expression)
            position = token.end()
            self._add(token.lastgroup, token)
        if len(self._open) != 1:
            raise UnknownRuleError(self._expression)
        pieces = "".join(self._pieces)
        return f"(?:{pieces})" if self._open[0].has_alternatives else pieces

    def _add(self, kind: str, token: re.Match[str]) -> None:
        if kind == "repeat":
            self._repeat(token[0])
            return
        self._closed = None
        self._is_repeatable = kind in {"any", "members", "one"}
        if kind == "open":
            self._open[-1].has_groups = True
            ignores_case = "i" in token[0]
            opening = "(?i:" if ignores_case else "(?:"
            self._open.append(_Group(opening, len(self._pieces), ignores_case or self._open[-1].ignores_case))
            self._pieces.append("")
        elif kind == "close":
            self._close()
        elif kind == "either":
            self._open[-1].has_alternatives = True
            self._pieces.append("|")
        elif kind == "members":
            self._pieces.append(_one_of(self._set(token["members"], is_negated=bool(token["negated"]))))
        elif kind == "one":
            self._pieces.append(_one_of(self._characters(token[0])))
        else:
            self._pieces.append({"start": "^", "end": r"\Z", "any": _one_of(_ASCII)}[kind])

    def _close(self) -> None:
        if len(self._open) == 1:
            raise UnknownRuleError(self._expression)
        group = self._open.pop()
        # A group without alternatives need not be atomic, which costs a little.
        self._pieces[group.start] = f"(?>{group.opening}" if group.has_alternatives else group.opening
        self._pieces.append("))" if group.has_alternatives else ")")
        self._closed = group

    def _repeat(self, times: str) -> None:
        group, self._closed = self._closed, None
        if group is None and self._is_repeatable:
            self._pieces.append(f"{times}+")
        elif group is not None and (times == "?" or not (group.has_groups or group.has_alternatives)):
            # A group with choices inside could read the same text again in every repetition. `|)` is a faster `)?`.
            self._pieces[group.start] = f"(?>{self._pieces[group.start]}"
            self._pieces.append("|)" if times == "?" else f"{times})")
        else:
            raise UnknownRuleError(self._expression)
        self._is_repeatable = False

    def _set(self, members: str, *, is_negated: bool) -> set[str]:
        """Return the characters of a bracket expression."""
        found: set[str] = set()
        position = 0
        while position < len(members):
            member = _MEMBER.match(members, position)
            if member is None:
                raise UnknownRuleError(self._expression)
            position = member.end()
            if member["one"]:
                found.update(self._characters(member["one"]))
            else:
                found.update(map(chr, range(self._code(member["low"]), self._code(member["high"]) + 1)))
        if is_negated:
            found = set(_ASCII - (found | set(map(str.swapcase, found)) if self._open[-1].ignores_case else found))
        if not found:
            raise UnknownRuleError(self._expression)
        return found

    def _characters(self, token: str) -> str:
        return _CLASSES.get(token) or chr(self._code(token))

    def _code(self, token: str) -> int:
        """Return the code of a character, plain or escaped. Refuse escaped letters and digits, which have a meaning."""
        character = token[-1]
        if not " " <= character <= "~" or (len(token) == 2 and character.isalnum()):
            raise UnknownRuleError(self._expression)
        return ord(character)


def _one_of(characters: Iterable[str]) -> str:
    """Return a set or a single character as every dialect reads it: ASCII only, and never negated."""
    spelt = [f"\\x{ord(character):02x}" for character in sorted(characters)]
    return spelt[0] if len(spelt) == 1 else f"[{''.join(spelt)}]"
