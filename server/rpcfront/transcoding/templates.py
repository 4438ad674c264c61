"""Path templates, by the grammar in google/api/http.proto, and the percent-encoding of what they match."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

ANY_SEGMENT = "*"
ANY_REST = "**"

# A "/" and what may follow up to the next one: a variable, whose braces may contain slashes, or plain text.
_PIECE = re.compile(r"/(\{[^{}]*\}|[^/{}]*)")
_FIELD_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# The grammar does not define LITERAL. These are the characters of a path segment in RFC 3986, except "*" and ":", which
# have a meaning here. Anything else must be percent-encoded.
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
# "b:c" is a verb, too: in "/a:b:c" only the first ":" can end the segments.
_VERB = re.compile(rf"{_LITERAL.pattern}(?::{_LITERAL.pattern})*")

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED_SLASH = re.compile(r"%(2[Ff])")


class TemplateError(ValueError):
    """A template that does not follow the grammar."""

    def __init__(self, template: str, reason: str) -> None:
        super().__init__(f"template {template!r}: {reason}")
        self.template = template
        self.reason = reason


class EscapeError(ValueError):
    """Text with malformed percent-encoding, or that decodes to bytes that are not UTF-8."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A field whose value is the segments from start to end, end not included."""

    field_path: tuple[str, ...]
    start: int
    end: int
    is_multi_segment: bool
    """Whether it may have more or fewer than one segment. Then the slashes between them are part of the value."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. Literals are as they were written; `*` and `**` are the wildcards."""

    text: str
    segments: tuple[str, ...]
    verb: str
    variables: tuple[Variable, ...]

    def __str__(self) -> str:
        return self.text


def parse(template: str) -> Template:
    """Parse a template. Raises TemplateError.

    "/" alone is accepted, too, as in every known implementation: it is the only way to name the root.
    """
    # Neither literals nor variables contain a ":", so the first one starts the verb.
    path, colon, verb = template.partition(":")
    if colon and not _VERB.fullmatch(verb):
        raise TemplateError(template, f"{verb!r} is not a verb")
    if template == "/":
        return Template(template, (), "", ())
    segments: list[str] = []
    variables: list[Variable] = []
    for piece in _pieces(template, path):
        if piece.startswith("{"):
            variable, inner = _variable(template, piece, len(segments))
            variables.append(variable)
            segments += inner
        else:
            segments.append(_segment(template, piece))
    if ANY_REST in segments[:-1]:
        raise TemplateError(template, "'**' is not the last segment")
    return Template(template, tuple(segments), _decodable(template, verb), tuple(variables))


def _pieces(template: str, path: str) -> list[str]:
    """Return what is between the slashes, variables unsplit."""
    if not path.startswith("/"):
        raise TemplateError(template, "does not start with '/'")
    pieces: list[str] = []
    position = 0
    while position < len(path):
        match = _PIECE.match(path, position)
        if match is None:
            raise TemplateError(template, f"unexpected {path[position]!r} at position {position}")
        pieces.append(match[1])
        position = match.end()
    return pieces


def _variable(template: str, piece: str, start: int) -> tuple[Variable, list[str]]:
    """Return the variable that starts at segment `start`, and the segments of its pattern."""
    field_path, equals, inner = piece[1:-1].partition("=")
    if not _FIELD_PATH.fullmatch(field_path):
        raise TemplateError(template, f"{field_path!r} is not a field path")
    segments = [_segment(template, text) for text in inner.split("/")] if equals else [ANY_SEGMENT]
    is_multi_segment = len(segments) > 1 or segments[0] == ANY_REST
    return Variable(tuple(field_path.split(".")), start, start + len(segments), is_multi_segment), segments


def _segment(template: str, text: str) -> str:
    if not text:
        raise TemplateError(template, "holds an empty segment")
    if text in (ANY_SEGMENT, ANY_REST):
        return text
    if not _LITERAL.fullmatch(text):
        raise TemplateError(template, f"{text!r} is not a literal; reserved characters are percent-encoded")
    return _decodable(template, text)


def _decodable(template: str, text: str) -> str:
    try:
        percent_decode(text)
    except EscapeError as error:
        raise TemplateError(template, f"{text!r} {error}") from None
    return text


def percent_decode(text: str, *, keep_slashes: bool = False) -> str:
    """Decode percent-encoded text; "%2F" may be kept as it was sent. Raises EscapeError."""
    if "%" not in text and text.isascii():
        return text
    if _BAD_ESCAPE.search(text):
        raise EscapeError("must not hold a '%' without two hexadecimal digits")
    if keep_slashes:
        text = _ESCAPED_SLASH.sub(r"%25\1", text)
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise EscapeError("must be UTF-8") from None
