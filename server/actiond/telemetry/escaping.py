"""Escapes what a terminal or a log must not show as it is: line breaks, control characters, unassigned characters."""

import re

_SUSPECT = re.compile(r"[^ -~]")


def escaped(text: str) -> str:
    r"""Return the text with each character that is not printable as an escape, such as `\n`, `\x1b` or `\u202e`.

    The result is one line. Backslashes stay as they are, since paths and tracebacks are to be readable.
    """
    return text if text.isprintable() else _SUSPECT.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode()
