"""Describes the buf.validate rules of fields in JSON Schema: by keywords if it has them, else in sentences.

The rules apply to requests only. Here they are described; protovalidate checks them. Generators of clients read
keywords of a type alone. What needs more is a condition (`if`), which they do not know, and a sentence.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from rpcfront.openapi.scalars import Form, Schema
from rpcfront.transcoding.json.times import print_duration, print_timestamp
from rpcfront.validation.annotations import field_rules
from rpcfront.validation.buf_validate import IGNORE_ALWAYS, IGNORE_IF_ZERO_VALUE, Rules, extension_of, message_class

_BOUNDS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum"}
# The same bounds, of the values that are excluded.
_OUTSIDE = {"gt": "maximum", "gte": "exclusiveMaximum", "lt": "minimum", "lte": "exclusiveMinimum"}
_LENGTHS = {"min_len": "minLength", "max_len": "maxLength", "max_bytes": "maxLength"}
_FORMATS = {
    "email": "email",
    "hostname": "hostname",
    "ipv4": "ipv4",
    "ipv6": "ipv6",
    "uri": "uri",
    "uri_ref": "uri-reference",
    "uuid": "uuid",
}
_SIZES = {"min_items": "minItems", "max_items": "maxItems", "min_pairs": "minProperties", "max_pairs": "maxProperties"}
_TEXTS: Mapping[str, Callable[[str], str]] = {
    "pattern": lambda pattern: _anchored(_ESCAPE.sub(lambda found: found[0].replace("\\/", "/"), pattern)),
    "prefix": lambda text: f"^{_literal(text)}",
    "suffix": lambda text: f"{_ANYTHING}{_literal(text)}$",
    "contains": lambda text: f"{_ANYTHING}{_literal(text)}",
}
# Anchored patterns alone: Python's re.match, which generated clients use, looks at the start of a text only. Slashes
# are not escaped, and none is the first character, since some generators use them as delimiters and escape them.
_ANYTHING = r"^[\s\S]*"
_ANCHORED = re.compile(r"\^[^|]*$")
_ESCAPE: re.Pattern[str] = re.compile(r"\\[\s\S]")
_MOMENTS = {"google.protobuf.Duration": print_duration, "google.protobuf.Timestamp": print_timestamp}
# Syntax of RE2 that ECMAScript, whose expressions JSON Schema uses, lacks or reads differently.
_NOT_PORTABLE = re.compile(r"\(\?[^:]|\\[AzQEpPaC]|\[\[:")
_COMPARED = {"const": "equal to", "gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most"}
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")
_STRING_KEYWORDS = frozenset({*_LENGTHS, *_FORMATS, "len", "const", "in"})
_NOT_NUMBERS = frozenset(
    {"any", "bool", "bytes", "duration", "enum", "field_mask", "map", "repeated", "string", "timestamp"}
)
# Kinds of rules that list no integers.
_NOT_LISTED = _NOT_NUMBERS - {"enum"} | {None, "double", "float"}
# No sentences for these: they are described with the elements, are keywords, or say nothing about a value.
_SILENT = frozenset({"items", "keys", "values", "example", "unique", "strict"})


def rules_of(field: FieldDescriptor) -> Rules:
    """Return a field's rules; empty ones if it has none, or they are switched off."""
    rules = field_rules(field)
    return message_class("FieldRules")() if rules.ignore == IGNORE_ALWAYS else rules


def keywords(rules: Rules, field: FieldDescriptor) -> Schema:
    """Return the keywords for the rules of a field or element, to be added to those of its type."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    found = _KEYWORDS.get(kind, _number)(getattr(rules, kind), field)
    if not _is_conditional(rules, field):
        return found
    numbers = _listed(rules, field)
    if numbers:
        found["enum"] = _spellings(numbers, field)
    return {"if": {"enum": _zeros(kind, field)}, "else": found} if found else {}


def choice(rules: Rules, field: FieldDescriptor, form: Form) -> Schema | None:
    """Return the schema of an integer or enum of which the rules list the values; None if they do not.

    It replaces the type's schema. It has a branch for each type of JSON that a value can be spelled in.
    """
    numbers = [] if _is_conditional(rules, field) else _listed(rules, field)
    if not numbers:
        return None
    spelled: Schema = {"type": "integer", "enum": numbers}
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values if value.number in numbers]
        return {"anyOf": [{"type": "string", "enum": names}, spelled]} if names else spelled
    if form is Form.TEXT:
        return spelled
    return {"anyOf": [spelled, {"type": "string", "enum": [str(number) for number in numbers]}]}


def examples(rules: Rules) -> list[object]:
    """Return the examples in the rules that are scalars."""
    kind = rules.WhichOneof("type")
    values = [] if kind is None else getattr(getattr(rules, kind), "example", [])
    return [value for value in values if isinstance(value, str | bool | int | float)]


def sentences(rules: Rules, field: FieldDescriptor) -> list[str]:
    """Return sentences for the rules without a keyword."""
    kind = rules.WhichOneof("type")
    is_conditional = _is_conditional(rules, field)
    texts = [rule.message for rule in rules.cel]
    if kind is not None:
        texts += [
            _sentence(kind, rule, value)
            for rule, value in getattr(rules, kind).ListFields()
            if rule.name not in _SILENT and (is_conditional or not _has_keyword(kind, rule.name, value, rules, field))
        ]
        bounds = _bounds(getattr(rules, kind)) if kind not in _NOT_NUMBERS else {}
        if _exclude_a_range(bounds) and not is_conditional:
            texts.append(f"must be {' or '.join(f'{_COMPARED[name]} {limit}' for name, limit in bounds.items())}")
    start = "Unless it is zero or empty: " if is_conditional else ""
    return [f"{start}{text[:1].upper()}{text[1:].removesuffix('.')}." for text in texts if text]


def _is_conditional(rules: Rules, field: FieldDescriptor) -> bool:
    """Return whether zero and empty values are exempt from the rules. Those of fields with presence are not."""
    return rules.ignore == IGNORE_IF_ZERO_VALUE and not field.has_presence


def _has_keyword(kind: str, name: str, value: object, rules: Rules, field: FieldDescriptor) -> bool:
    if kind == "string":
        return name in _STRING_KEYWORDS or _is_portable(name, value)
    if name in {"const", "in", "defined_only"}:
        return bool(_listed(rules, field))
    return name != "not_in" and kind not in {"bytes", "any", "field_mask", "duration", "timestamp"}


def _listed(rules: Rules, field: FieldDescriptor) -> list[int]:
    """Return the numbers that an integer or an enum may have; none if the rules do not list them."""
    kind = rules.WhichOneof("type")
    if kind in _NOT_LISTED:
        return []
    typed = getattr(rules, kind)
    chosen = [typed.const] if typed.HasField("const") else list(getattr(typed, "in"))
    if kind == "enum" and typed.defined_only and field.enum_type is not None:
        defined = dict.fromkeys(value.number for value in field.enum_type.values)
        return [number for number in defined if number in chosen or not chosen]
    return chosen


def _sentence(kind: str, rule: FieldDescriptor, value: Any) -> str:
    """Return the rule's own message if it has one, else a description."""
    for checked in extension_of(rule, "predefined").cel:
        if checked.message:
            return str(checked.message)
    values = value if rule.is_repeated else [value]
    if rule.name in _COMPARED and kind in {"duration", "timestamp"}:
        return f"must be {_COMPARED[rule.name]} {_text(value)}"
    return f"rule: {kind} {rule.name.replace('_', ' ')} {', '.join(map(_text, values))}"


def _text(value: Any) -> str:
    full_name = value.DESCRIPTOR.full_name if isinstance(value, Message) else ""
    return _MOMENTS[full_name](value.seconds, value.nanos) if full_name in _MOMENTS else str(value).strip()


def _number(rules: Any, field: FieldDescriptor) -> Schema:
    bounds = _bounds(rules)
    excluded = [{"enum": _spellings(filter(math.isfinite, rules.not_in), field)}] if rules.not_in else []
    if not _exclude_a_range(bounds):
        return {_BOUNDS[name]: limit for name, limit in bounds.items()} | _none_of(excluded)
    between = {_OUTSIDE[name]: limit for name, limit in bounds.items()}
    return _none_of([{"type": "number", **between}, *excluded])


def _exclude_a_range(bounds: Mapping[str, float]) -> bool:
    """Return whether the values between the bounds are excluded: whether the lower one is above the upper one."""
    low = max((bounds[name] for name in ("gt", "gte") if name in bounds), default=-math.inf)
    high = min((bounds[name] for name in ("lt", "lte") if name in bounds), default=math.inf)
    return low > high


def _bounds(rules: Any) -> dict[str, float]:
    """Return the rules that are bounds; JSON has no infinite numbers."""
    given = {name: getattr(rules, name) for name in _BOUNDS if rules.HasField(name)}
    return {name: limit for name, limit in given.items() if math.isfinite(limit)}


def _none_of(schemas: list[Schema]) -> Schema:
    """Return the condition that a value is as none of some schemas say."""
    return {"if": {"anyOf": schemas}, "then": {"not": {}}} if schemas else {}


def _string(rules: Any, _field: FieldDescriptor) -> Schema:
    found: Schema = {}
    patterns = []
    for rule, value in rules.ListFields():
        if rule.name == "len":
            found |= {"minLength": value, "maxLength": value}
        elif rule.name in _LENGTHS:
            found[_LENGTHS[rule.name]] = value
        elif rule.name in _FORMATS and value:
            found["format"] = _FORMATS[rule.name]
        elif rule.name in {"const", "in"}:
            found["enum"] = [value] if rule.name == "const" else list(value)
        elif rule.name == "not_in":
            found |= _none_of([{"enum": list(value)}])
        elif _is_portable(rule.name, value):
            patterns.append(_TEXTS[rule.name](value))
    if patterns:
        found["pattern"] = patterns[0] if len(patterns) == 1 else "".join(["^", *map(_lookahead, patterns)])
    return found


def _anchored(pattern: str) -> str:
    return pattern if _ANCHORED.match(pattern) else f"{_ANYTHING}(?:{pattern})"


def _lookahead(pattern: str) -> str:
    return f"(?={pattern})"


def _literal(text: str) -> str:
    """Return the pattern of a text, in syntax that ECMAScript and Python share."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _is_portable(name: str, value: object) -> bool:
    return name in _TEXTS and not (name == "pattern" and _NOT_PORTABLE.search(str(value)))


def _enum(rules: Any, field: FieldDescriptor) -> Schema:
    return _none_of([{"enum": _spellings(rules.not_in, field)}] if rules.not_in else [])


def _spellings(numbers: Iterable[float], field: FieldDescriptor) -> list[object]:
    """Return every spelling that JSON allows for some numbers, or for values of an enum."""
    if field.enum_type is None:
        return [spelling for number in numbers for spelling in (number, str(number))]
    chosen = list(numbers)
    return [*(value.name for value in field.enum_type.values if value.number in chosen), *chosen]


def _zeros(kind: str, field: FieldDescriptor) -> list[object]:
    """Return the JSON of the zero value of a field that has a kind of rules."""
    return _ZEROS[kind] if kind in _ZEROS else _spellings([0], field)


def _bool(rules: Any, _field: FieldDescriptor) -> Schema:
    # Some clients compare texts with the values of an enum.
    return _none_of([{"enum": [not rules.const]}]) if rules.HasField("const") else {}


def _sized(rules: Any, _field: FieldDescriptor) -> Schema:
    found: Schema = {_SIZES[rule.name]: value for rule, value in rules.ListFields() if rule.name in _SIZES}
    return found | {"uniqueItems": True} if getattr(rules, "unique", False) else found


def _duration(rules: Any, _field: FieldDescriptor) -> Schema:
    """Return the pattern of a sign, the only rule that a pattern can express."""
    if rules.HasField("gt") and rules.gt == type(rules.gt)():
        return {"pattern": "^[0-9.]*[1-9]"}
    if rules.HasField("gte") and rules.gte == type(rules.gte)():
        return {"pattern": "^[0-9]"}
    return {}


def _nothing(_rules: Any, _field: FieldDescriptor) -> Schema:
    return {}


_ZEROS: Mapping[str, list[object]] = {"string": [""], "bytes": [""], "bool": [False], "repeated": [[]], "map": [{}]}
_KEYWORDS: Mapping[str, Callable[[Any, FieldDescriptor], Schema]] = {
    "string": _string,
    "enum": _enum,
    "bool": _bool,
    "repeated": _sized,
    "map": _sized,
    "duration": _duration,
    "bytes": _nothing,
    "timestamp": _nothing,
    "field_mask": _nothing,
    "any": _nothing,
}
