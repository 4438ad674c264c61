"""Describes the buf.validate rules of fields in JSON Schema: by keywords if it has them, else in sentences.

The rules apply to requests only. Here they are described; protovalidate checks them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, EnumValueDescriptor, FieldDescriptor
from google.protobuf.message import Message

from rpcfront.openapi.scalars import Schema
from rpcfront.transcoding.json.times import print_duration, print_timestamp
from rpcfront.validation.annotations import field_rules
from rpcfront.validation.buf_validate import IGNORE_ALWAYS, IGNORE_IF_ZERO_VALUE, Rules, extension_of, message_class

_BOUNDS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum"}
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
    "pattern": lambda pattern: pattern,
    "prefix": lambda text: f"^{re.escape(text)}",
    "suffix": lambda text: f"{re.escape(text)}$",
    "contains": re.escape,
}
_MOMENTS = {"google.protobuf.Duration": print_duration, "google.protobuf.Timestamp": print_timestamp}
# Syntax of RE2 that ECMAScript, whose expressions JSON Schema uses, lacks or reads differently.
_NOT_PORTABLE = re.compile(r"\(\?[^:]|\\[AzQEpPaC]|\[\[:")
_COMPARED = {"const": "equal to", "gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most"}
# No sentences for these: they are described with the elements, are keywords, or say nothing about a value.
_SILENT = frozenset({"items", "keys", "values", "example", "unique", "strict"})


def rules_of(field: FieldDescriptor) -> Rules:
    """Return a field's rules; empty ones if it has none, or they are switched off."""
    rules = field_rules(field)
    return message_class("FieldRules")() if rules.ignore == IGNORE_ALWAYS else rules


def keywords(rules: Rules, field: FieldDescriptor, *, is_element: bool = False) -> Schema:
    """Return the keywords for the rules of a field or element, to be added to those of its type."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    found = _KEYWORDS.get(kind, _number)(getattr(rules, kind), field)
    if found and rules.ignore == IGNORE_IF_ZERO_VALUE and not field.has_presence:
        return {"anyOf": [{"enum": _zeros(field, is_element)}, found]}
    return found


def examples(rules: Rules) -> list[object]:
    """Return the examples in the rules that are scalars."""
    kind = rules.WhichOneof("type")
    values = [] if kind is None else getattr(getattr(rules, kind), "example", [])
    return [value for value in values if isinstance(value, str | bool | int | float)]


def sentences(rules: Rules) -> list[str]:
    """Return sentences for the rules without a keyword."""
    kind = rules.WhichOneof("type")
    texts = [rule.message for rule in rules.cel]
    if kind is not None:
        texts += [
            _sentence(kind, field, value)
            for field, value in getattr(rules, kind).ListFields()
            if field.name not in _SILENT and not _has_keyword(kind, field.name, value)
        ]
    return [f"{text[:1].upper()}{text[1:].removesuffix('.')}." for text in texts if text]


def _has_keyword(kind: str, name: str, value: object) -> bool:
    if kind == "string":
        return name in {*_LENGTHS, *_FORMATS, "len", "const", "in", "not_in"} or _is_portable(name, value)
    return kind not in {"bytes", "any", "field_mask", "duration", "timestamp"}


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


def _number(rules: Any, _field: FieldDescriptor) -> Schema:
    found = _choice(rules, _spellings)
    bounds = {keyword: getattr(rules, name) for name, keyword in _BOUNDS.items() if rules.HasField(name)}
    low = max((bounds[_BOUNDS[name]] for name in ("gt", "gte") if _BOUNDS[name] in bounds), default=None)
    high = min((bounds[_BOUNDS[name]] for name in ("lt", "lte") if _BOUNDS[name] in bounds), default=None)
    if low is None or high is None or low <= high:
        return found | bounds
    # If the lower bound is above the upper one, the values between them are excluded.
    above = {key: value for key, value in bounds.items() if "inimum" in key}
    below = {key: value for key, value in bounds.items() if "aximum" in key}
    return found | {"anyOf": [above, below]}


def _spellings(number: float) -> list[object]:
    return [number, str(number)] if isinstance(number, int) else [number]


def _string(rules: Any, _field: FieldDescriptor) -> Schema:
    found = _choice(rules, lambda text: [text])
    patterns = []
    for rule, value in rules.ListFields():
        if rule.name == "len":
            found |= {"minLength": value, "maxLength": value}
        elif rule.name in _LENGTHS:
            found[_LENGTHS[rule.name]] = value
        elif rule.name in _FORMATS and value:
            found["format"] = _FORMATS[rule.name]
        elif _is_portable(rule.name, value):
            patterns.append(_TEXTS[rule.name](value))
    return found | _all_of([{"pattern": pattern} for pattern in patterns])


def _is_portable(name: str, value: object) -> bool:
    return name in _TEXTS and not (name == "pattern" and _NOT_PORTABLE.search(str(value)))


def _all_of(schemas: list[Schema]) -> Schema:
    return {"allOf": schemas} if len(schemas) > 1 else schemas[0] if schemas else {}


def _enum(rules: Any, field: FieldDescriptor) -> Schema:
    found = _choice(rules, lambda number: _names(field.enum_type, number))
    if rules.defined_only and "enum" not in found:
        found["enum"] = [spelling for value in _values(field.enum_type) for spelling in (value.name, value.number)]
    return found


def _names(enum: EnumDescriptor | None, number: int) -> list[object]:
    return [*(value.name for value in _values(enum) if value.number == number), number]


def _values(enum: EnumDescriptor | None) -> Iterable[EnumValueDescriptor]:
    return enum.values if enum is not None else ()


def _bool(rules: Any, _field: FieldDescriptor) -> Schema:
    return {"const": rules.const} if rules.HasField("const") else {}


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


def _choice(rules: Any, spell: Callable[[Any], list[object]]) -> Schema:
    """Return the keywords of `const`, `in` and `not_in`, with every spelling that JSON allows for a value."""
    found: Schema = {}
    chosen = [rules.const] if rules.HasField("const") else getattr(rules, "in")
    if chosen:
        found["enum"] = [spelling for value in chosen for spelling in spell(value)]
    if rules.not_in:
        found["not"] = {"enum": [spelling for value in rules.not_in for spelling in spell(value)]}
    return found


def _zeros(field: FieldDescriptor, is_element: bool) -> list[object]:
    """Return the JSON of zero values, which count as absent."""
    if field.is_repeated and not is_element:
        return [[], {}]
    if field.enum_type is not None:
        return _names(field.enum_type, 0)
    return ["", False, 0, "0"]


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
