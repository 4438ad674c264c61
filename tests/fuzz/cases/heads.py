"""The heads of HTTP requests: paths out of templates, queries out of fields, headers of every protocol and of none."""

import re
from typing import Any
from urllib.parse import quote, quote_plus

from google.protobuf.descriptor import Descriptor

from tests.fuzz.cases import values
from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.inputs import Headers
from tests.fuzz.cases.mutations import INTERESTING, mutate

_VARIABLE = re.compile(r"\{[^}=]*(?:=([^}]*))?\}|\*\*?")
# An HTTP server refuses control characters and spaces in a request target before any of us sees it, and cuts at "#".
_NOT_IN_TARGET = re.compile(rb"[\x00-\x20\x7f#]")
# And in a header's value all but these.
_NOT_IN_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def segment(dice: Dice) -> str:
    """One segment of a path: a value in some encoding, or what looks like one."""
    if dice.chance(0.5):
        return dice.choice(values.SEGMENTS)
    return quote(dice.choice(values.TEXTS), safe=dice.choice(("", ":", "/", ":@+")))


def path(dice: Dice, template: str) -> bytes:
    """A path that fits the template, or nearly does."""

    def expand(match: re.Match[str]) -> str:
        inner = match[1]
        if inner is not None:
            return _VARIABLE.sub(expand, inner)
        if match[0] == "**":
            return "/".join(dice.several(lambda: segment(dice), most=3))
        return segment(dice)

    text = _VARIABLE.sub(expand, template).encode()
    match dice.randrange(20):
        case 0:
            text = mutate(dice, text)
        case 1:
            text += dice.choice((b"/", b"//", b":cancel", b":x", b";a=b", b"/.."))
        case 2:
            text = text.replace(b"/", dice.choice((b"//", b"%2F", b"/./", b"\\")), 1)
        case 3:
            at = dice.randrange(len(text))
            text = text[:at] + b"%%%02X" % text[at] + text[at + 1 :]
    return target(text)


def target(data: bytes) -> bytes:
    """The data as an HTTP server can hand it over as a target: a slash first, no control characters."""
    kept = _NOT_IN_TARGET.sub(b"", data)
    return kept if kept.startswith(b"/") or kept == b"*" else b"/" + kept


def _field_path(dice: Dice, descriptor: Descriptor, depth: int = 0) -> tuple[str, Any]:
    field: Any = dice.choice(descriptor.fields)
    name = dice.choice((field.name, field.json_name))
    if field.message_type is not None and field.message_type.fields and depth < 3 and dice.chance(0.5):
        rest, last = _field_path(dice, field.message_type, depth + 1)
        return f"{name}.{rest}", last
    return name, field


def query(dice: Dice, descriptor: Descriptor) -> bytes:
    """Parameters for fields of the message, and for what is none."""
    parameters: list[str] = []
    if not descriptor.fields:
        return b"a=1"
    for _ in range(dice.choice((0, 1, 1, 2, 3, 8))):
        name, field = _field_path(dice, descriptor)
        if dice.chance(0.1):
            name = dice.choice(("no_such_field", "", ".", name + ".", "sub." * 120 + "s", "%", "\u00fc", name.upper()))
        parameters.append(f"{name}={_parameter_value(dice, field)}")
    text = dice.choice(("&", "&", "&", "&&", ";")).join(parameters).encode("utf-8", "surrogatepass")
    if dice.chance(0.15):
        text = mutate(dice, text)
    return _NOT_IN_TARGET.sub(b"", text).replace(b"?", b"%3F", dice.randint(0, 1))


def _parameter_value(dice: Dice, field: Any) -> str:
    match dice.randrange(4):
        case 0:
            return quote_plus(dice.choice(values.TEXTS))
        case 1:
            return quote(dice.choice(values.JSON_TOKENS).strip(b'"'))
        case 2 if field.enum_type is not None:
            return dice.choice(("RED", "1", "77", "red", "COLOR_UNSPECIFIED"))
        case _:
            return dice.choice(("true", "1", "-1", "0", "1.5", "a,b", "2024-01-01T00:00:00Z", "3s", "AAE", "AAE="))


# Name, how often of a hundred requests, and the values. What is legal and what is not stand side by side.
_ODD_HEADERS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("grpc-timeout", 12, values.TIMEOUTS),
    ("connect-timeout-ms", 8, values.TIMEOUTS_MS),
    ("connect-protocol-version", 6, ("1", "1", "2", "", "1,1", " 1")),
    ("content-encoding", 6, values.CODINGS),
    ("grpc-encoding", 6, values.CODINGS),
    ("connect-content-encoding", 3, values.CODINGS),
    ("accept", 15, values.ACCEPTS),
    ("accept-encoding", 5, values.CODINGS),
    ("grpc-accept-encoding", 3, values.CODINGS),
    ("x-a-bin", 10, values.BASE64),
    ("grpc-trace-bin", 3, values.BASE64),
    ("grpc-status-details-bin", 2, values.BASE64),
    ("grpc-status", 2, ("0", "13", "x")),
    ("grpc-message", 2, ("%0d%0a", "%", "ok")),
    ("authorization", 4, ("no", "fail", "Bearer x", "", "\xff")),
    ("origin", 10, ("https://page.example", "https://other.example", "null", "", "\xff")),
    ("access-control-request-method", 5, ("POST", "", "x y")),
    ("access-control-request-headers", 2, ("content-type", "*", "\xff")),
    ("te", 3, ("trailers", "gzip", "")),
    ("expect", 1, ("100-continue", "x")),
    ("cookie", 2, ("a=b; c=d", "\xff")),
    ("x-a", 8, ("1", "", " ", "a, b", "\xe9", "v" * 3000, "a\tb")),
    ("x_a", 2, ("1",)),
    ("x-a-", 1, ("1",)),
    ("-bin", 1, values.BASE64),
    ("x-http-method-override", 1, ("DELETE",)),
    ("x-forwarded-for", 1, ("1.2.3.4", "\xff")),
    ("x-request-id", 3, ("abc", "", "a b", "\xff", "~" * 128, "~" * 129)),
    ("forwarded", 1, ('for="[::1]"',)),
    ("referer", 1, ("https://page.example/\xff",)),
)


def headers(dice: Dice, *own: tuple[str, str], odd: float = 0.5) -> Headers:
    """A protocol's own headers, and in `odd` of all requests strange ones beside, among or instead of them."""
    pairs = [("host", "x"), *own]
    if dice.chance(odd):
        for name, often, choices in _ODD_HEADERS:
            while dice.chance(often / 100):
                pairs.append((name, dice.choice(choices)))
        match dice.randrange(12):
            case 0:
                dice.shuffle(pairs)
            case 1:
                pairs.remove(dice.choice(pairs))
            case 2:
                pairs.append(dice.choice(pairs))
            case 3:
                name, value = pairs.pop(dice.randrange(len(pairs)))
                pairs.append((name, mutate(dice, value.encode("latin-1", "replace")).decode("latin-1")))
            case 4:
                pairs.append(("content-type", dice.choice(values.CONTENT_TYPES)))
            case 5:
                pairs.append(
                    (f"x-{dice.choice(('!', '~', '9', 'a.b', '`'))}", dice.choice(INTERESTING).decode("latin-1"))
                )
    return tuple((name, _NOT_IN_VALUE.sub("", value).strip(" \t")) for name, value in pairs)
