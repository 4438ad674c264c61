"""google.protobuf.FieldMask as JSON: field paths in camelCase, joined by commas. Strings only, no messages."""

import re
from collections.abc import Iterable

from rpcfront.transcoding.json.parse_errors import WrongFormError

_AFTER_UNDERSCORE = re.compile(r"_(.)")
_FORM = 'must be field paths in camelCase, joined by commas, such as "name,endpoint"'


def read_mask(value: object) -> list[str]:
    """Return the proto paths of `"displayName,owner.id"`. Raises WrongFormError."""
    if type(value) is not str or "_" in value:
        raise WrongFormError(_FORM)
    return [_snake_case(path) for path in value.split(",")] if value else []


def print_mask(paths: Iterable[str]) -> str:
    """Return the JSON string of proto paths. Raises ValueError if reading it back would give other paths."""
    paths = list(paths)
    text = ",".join(_AFTER_UNDERSCORE.sub(lambda found: found[1].upper(), path) for path in paths)
    if "_" in text or read_mask(text) != paths:
        raise ValueError(f"the FieldMask {paths} has no JSON form")
    return text


def _snake_case(path: str) -> str:
    if path.islower():
        return path
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path)
