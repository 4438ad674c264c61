"""Translates the rules of one value into Python conditions, by a table for each kind of rules.

The generated code refers to the value as `value`, to its length as `size`, and to the parts of a Duration or Timestamp
as `seconds` and `nanos`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from rpcfront.transcoding.json.times import duration_in_range, timestamp_in_range
from rpcfront.transcoding.json.wellknown import is_wrapper
from rpcfront.validation.annotations import UnknownRuleError, entries
from rpcfront.validation.buf_validate import Rules
from rpcfront.validation.fast_path import cel
from rpcfront.validation.fast_path.patterns import CONDITION, matcher, translated
from rpcfront.validation.fast_path.string_formats import FORMATS

Bind = Callable[[object], str]
"""Makes an object known to the generated code, and returns its name there."""

REFUSE = "return False"

_SCALARS = {getattr(FieldDescriptor, f"TYPE_{kind.upper()}"): kind for kind in (
    "float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
    "sfixed64", "bool", "string", "bytes", "enum",
)}  # fmt: skip
_MESSAGES = {"google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp"}

_EQUAL = {"const": "value == {0}", "in": "value in {0}", "not_in": "value not in {0}"}
_NUMBER = _EQUAL | {
    "lt": "value < {0}",
    "lte": "value <= {0}",
    "gt": "value > {0}",
    "gte": "value >= {0}",
    "finite": "{0}(value)",
}
_SEQUENCE = _EQUAL | {
    "len": "size == {0}",
    "min_len": "size >= {0}",
    "max_len": "size <= {0}",
    "prefix": "value.startswith({0})",
    "suffix": "value.endswith({0})",
    "contains": "{0} in value",
}
_STRING = _SEQUENCE | {
    "len_bytes": "len(value.encode()) == {0}",
    "min_bytes": "len(value.encode()) >= {0}",
    "max_bytes": "len(value.encode()) <= {0}",
    "not_contains": "{0} not in value",
    "pattern": CONDITION,
    **dict.fromkeys(FORMATS, "{0}(value)"),
}
_ENUM = _EQUAL | {"defined_only": "value in {0}"}
_TIME = {
    "const": "seconds == {0} and nanos == {1}",
    "lt": "(seconds < {0} or seconds == {0} and nanos < {1})",
    "lte": "(seconds < {0} or seconds == {0} and nanos <= {1})",
    "gt": "(seconds > {0} or seconds == {0} and nanos > {1})",
    "gte": "(seconds > {0} or seconds == {0} and nanos >= {1})",
}
_KINDS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(_SCALARS.values(), _NUMBER),
    "bool": _EQUAL,
    "string": _STRING,
    "bytes": _SEQUENCE,
    "enum": _ENUM,
    "duration": _TIME,
    "timestamp": _TIME,
}
# Where the order of seconds and nanos is that of time. Before zero a Duration has both negative: protovalidate's.
_IN_RANGE = {
    "duration": (duration_in_range, "0 <= seconds <= 315576000000 and 0 <= nanos <= 999999999"),
    "timestamp": (timestamp_in_range, "-62135596800 <= seconds <= 253402300799 and 0 <= nanos <= 999999999"),
}


def kind_of(field: FieldDescriptor) -> str | None:
    """Return the name of the rules that fit a field's value, None if they are not known here."""
    if field.message_type is None:
        return _SCALARS[field.type]
    if is_wrapper(field.message_type):
        return _SCALARS[field.message_type.fields_by_name["value"].type]
    return _MESSAGES.get(field.message_type.full_name)


def refuse_unless(conditions: list[str]) -> list[str]:
    """Return lines that refuse the message unless all conditions hold."""
    return [f"if not ({' and '.join(conditions)}):", f"    {REFUSE}"] if conditions else []


def checks(rules: Rules, field: FieldDescriptor, bind: Bind) -> list[str]:
    """Return lines that refuse the message unless a value of `field` certainly satisfies its rules.

    Raises UnknownRuleError for a rule that is not known here.
    """
    kind = rules.WhichOneof("type")
    if kind not in {None, kind_of(field)}:
        raise UnknownRuleError(f"{kind} of {field.full_name}")
    prepared: list[str] = []
    found: list[str] = []
    if kind in _IN_RANGE:
        prepared.append("seconds, nanos = value.seconds, value.nanos")
        found += _moments(kind, getattr(rules, kind))
    elif kind is not None:
        prepared += ["value = value.value"] if field.message_type is not None else []
        found += _standard(kind, getattr(rules, kind), field, bind)
    # Last, since they are the expensive ones.
    found += _expressions(rules, field, bind)
    if any("size" in condition for condition in found):
        prepared.append("size = len(value)")
    return [*prepared, *refuse_unless(found)]


def _standard(kind: str, rules: Any, field: FieldDescriptor, bind: Bind) -> Iterable[str]:
    for name, limit in entries(rules):
        # A flag that is not set is no rule.
        if name == "example" or (limit is False and name != "const"):
            continue
        template = _KINDS[kind].get(name)
        if template is None:
            raise UnknownRuleError(f"{kind}.{name}")
        yield template.format(_operand(name, limit, field, bind))


def _operand(name: str, limit: Any, field: FieldDescriptor, bind: Bind) -> str:
    if name == "defined_only":
        return bind(frozenset(field.enum_type.values_by_number if field.enum_type is not None else ()))
    if name == "finite":
        return bind(math.isfinite)
    if name == "pattern":
        return bind(matcher(translated(limit)))
    if name in FORMATS:
        return bind(matcher(FORMATS[name]))
    if name in {"in", "not_in"}:
        return bind(frozenset(limit))
    # Some floats have no literal.
    return bind(limit) if isinstance(limit, float) else repr(limit)


def _moments(kind: str, rules: Any) -> Iterable[str]:
    yield _IN_RANGE[kind][1]
    for name, limit in entries(rules):
        if name == "example":
            continue
        if name not in _TIME or not _IN_RANGE[kind][0](limit.seconds, limit.nanos):
            raise UnknownRuleError(f"{kind}.{name}")
        yield _TIME[name].format(limit.seconds, limit.nanos)


def _expressions(rules: Rules, field: FieldDescriptor, bind: Bind) -> list[str]:
    """Return the conditions of the rules written in CEL."""
    expressions = [*(rule.expression for rule in rules.cel), *rules.cel_expression]
    if expressions and field.type != FieldDescriptor.TYPE_STRING:
        raise UnknownRuleError(f"cel of {field.full_name}")

    def matches(pattern: str) -> str:
        return CONDITION.format(bind(matcher(pattern)))

    return [f"({cel.condition(expression, matches)})" for expression in expressions]
