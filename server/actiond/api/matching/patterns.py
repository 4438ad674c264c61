"""How large the program is that RE2 makes of a regular expression: what compiling and running it may cost.

RE2 takes time in proportion to the text and the program, whatever they are (https://github.com/google/re2/wiki/WhyRE2).
A short expression may have a large program: `(((.{9}){9}){9})` repeats what it contains.
"""

import re

MAX_PATTERN = 300
"""Characters of a regular expression."""
MAX_PROGRAM = 3_000
"""Instructions of a program, as `program_size` estimates them."""

_ANY, _CLASS, _OTHER = 12, 32, 6
"""Instructions, in ranges of bytes of UTF-8: of a dot, of a class, of a single character in any letter case."""
_REPEAT = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}")
_CLASS_END = re.compile(r"\^?\]?(?:\\.|\[:\^?\w*:\]|[^\]\\])*\]", re.DOTALL)


def program_size(pattern: str) -> int:
    """Return an upper bound of the instructions of a pattern's program.

    Raises ValueError, with the rule that is broken, for what is not bounded. That RE2 can parse it is not checked.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a regular expression has at most {MAX_PATTERN} characters")
    sizes = [0]  # of each group that is open, the whole first
    atom, at = 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "(":
            sizes.append(0)
            atom, at = 0, at + 1
        elif character == ")":
            atom = sizes.pop() + 2 if len(sizes) > 1 else 1
            sizes[-1] += atom
            at += 1
        elif (repeat := _REPEAT.match(pattern, at)) is not None:
            times = int(repeat[3] or repeat[1]) + 1
            sizes[-1] += atom * (times - 1)
            atom *= times
            at = repeat.end()
        else:
            atom, at = _atom(pattern, at)
            sizes[-1] += atom
    total = sum(sizes) + 2
    if total > MAX_PROGRAM:
        raise ValueError("the regular expression repeats too much")
    return total


def _atom(pattern: str, at: int) -> tuple[int, int]:
    """Return the size of the part that begins at an index, and the index behind it."""
    character = pattern[at]
    if character == "\\":
        if pattern[at + 1 : at + 2] in ("p", "P", "Q", "C"):
            raise ValueError(rf"a regular expression has no \{pattern[at + 1]}")
        return _CLASS, at + 2
    if character == "[":
        end = _CLASS_END.match(pattern, at + 1)
        if end is None:
            raise ValueError("the regular expression has a class without an end")
        if re.search(r"\\[pPQC]", end[0]):
            raise ValueError("a regular expression has no classes of Unicode")
        return _CLASS, end.end()
    if character in "*+?|^$":
        return 2, at + 1
    return (_ANY if character == "." else _OTHER), at + 1
