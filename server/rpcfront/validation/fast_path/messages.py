"""Compiles one predicate per message type: generated code that checks field after field, without a loop.

This module decides which values are checked: those that are set and that no rule says to ignore. What a value must be
is decided in `values`.
"""

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rpcfront.codegen import attribute, function
from rpcfront.validation.annotations import (
    UnknownRuleError,
    entries,
    field_rules,
    message_rules,
    oneof_rules,
    reaches_rules,
)
from rpcfront.validation.buf_validate import IGNORE_ALWAYS, IGNORE_IF_ZERO_VALUE, Rules, message_class
from rpcfront.validation.fast_path.values import REFUSE, checks, refuse_unless

Predicate = Callable[[Message], bool]
"""Returns whether a message certainly satisfies every rule."""

_SIZES = {
    "min_items": "len(items) >= {0}",
    "max_items": "len(items) <= {0}",
    "min_pairs": "len(items) >= {0}",
    "max_pairs": "len(items) <= {0}",
}
_FLOATS = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})


def always_valid(_message: Message) -> bool:
    """Return True, for the types without rules."""
    return True


class Predicates:
    """The predicates of message types, which refer to each other; None for a type that the fast path cannot check."""

    def __init__(self) -> None:
        self._compiled: dict[Descriptor, Predicate | None] = {}
        self._reaches_rules = cache(reaches_rules)

    def of(self, descriptor: Descriptor) -> Predicate | None:
        """Return the predicate of a message type."""
        if not self._reaches_rules(descriptor):
            return always_valid
        if descriptor not in self._compiled:
            # Recursive types need their own predicate before it is complete.
            self._compiled[descriptor] = lambda message: self._is_valid(descriptor, message)
            try:
                self._compiled[descriptor] = _Source(descriptor, self.of).compiled()
            except UnknownRuleError:
                self._compiled[descriptor] = None
        return self._compiled[descriptor]

    def _is_valid(self, descriptor: Descriptor, message: Message) -> bool:
        is_valid = self._compiled[descriptor]
        return is_valid is not None and is_valid(message)


class _Source:
    """The generated code of one predicate, and the objects that it refers to."""

    def __init__(self, descriptor: Descriptor, predicate_of: Callable[[Descriptor], Predicate | None]) -> None:
        self._descriptor = descriptor
        self._predicate_of = predicate_of
        message_class = GetMessageClass(descriptor)
        self._names: dict[str, object] = {
            "has_field": message_class.HasField,
            "which_oneof": message_class.WhichOneof,
        }
        self._numbers = count()

    def compiled(self) -> Predicate:
        descriptor = self._descriptor
        if message_rules(descriptor).ListFields():
            raise UnknownRuleError(descriptor.full_name)
        lines = [line for field in descriptor.fields for line in self._field(field)]
        lines = [line for oneof in descriptor.oneofs for line in self._oneof(oneof, lines)] + lines
        return cast("Predicate", function("is_valid(message)", [*lines, "return True"], self._names))

    def _bind(self, value: object) -> str:
        name = f"bound_{next(self._numbers)}"
        self._names[name] = value
        return name

    def _oneof(self, oneof: OneofDescriptor, lines: list[str]) -> list[str]:
        """Return lines that find out which member is set, if a later line refers to it."""
        which = _which(oneof)
        required = [f"if {which} is None:", f"    {REFUSE}"] if oneof_rules(oneof).required else []
        is_asked_for = required or any(which in line for line in lines)
        return [f"{which} = which_oneof(message, {oneof.name!r})", *required] if is_asked_for else []

    def _field(self, field: FieldDescriptor) -> list[str]:
        rules = field_rules(field)
        if rules.ignore == IGNORE_ALWAYS:
            return []
        if field.is_repeated:
            return self._many(field, rules)
        getting = f"value = {attribute('message', field.name)}"
        if not field.has_presence:
            lines = self._value(field, rules)
            if rules.required:
                lines = ["if not value:", f"    {REFUSE}", *lines]
            return [getting, *lines] if lines else []
        # A rule that is not known here does not matter while the field is not set.
        lines = self._value_if_known(field, rules)
        is_set = _presence(field)
        if rules.required:
            return [f"if not {is_set}:", f"    {REFUSE}", *([getting, *lines] if lines else [])]
        return [f"if {is_set}:", *_indented([getting, *lines])] if lines else []

    def _many(self, field: FieldDescriptor, rules: Rules) -> list[str]:
        """Return lines that check a list or a map: its size, then each element."""
        kind = rules.WhichOneof("type")
        entry = field.message_type if field.message_type is not None and _is_map(field.message_type) else None
        if kind not in {None, "repeated" if entry is None else "map"} or rules.cel or rules.cel_expression:
            raise UnknownRuleError(field.full_name)
        of_elements: dict[str, Rules] = {}
        no_rules = message_class("FieldRules")()
        sizes: list[str] = ["items"] if rules.required else []
        for name, limit in entries(getattr(rules, kind)) if kind is not None else ():
            if name in {"items", "keys", "values"}:
                of_elements[name] = limit
            elif name == "unique":
                sizes += [_unique(field)] if limit else []
            elif name in _SIZES:
                sizes.append(_SIZES[name].format(limit))
            else:
                raise UnknownRuleError(f"{kind}.{name}")
        lines = refuse_unless(sizes)
        if entry is None:
            lines += self._each("items", field, of_elements.get("items", no_rules))
        else:
            lines += self._each("items", entry.fields_by_name["key"], of_elements.get("keys", no_rules))
            lines += self._each("items.values()", entry.fields_by_name["value"], of_elements.get("values", no_rules))
        if rules.ignore == IGNORE_IF_ZERO_VALUE and not rules.required and lines:
            lines = ["if items:", *_indented(lines)]
        return [f"items = {attribute('message', field.name)}", *lines] if lines else []

    def _each(self, elements: str, field: FieldDescriptor, rules: Rules) -> list[str]:
        if rules.ignore == IGNORE_ALWAYS:
            return []
        lines = [REFUSE] if rules.required else self._value_if_known(field, rules)
        return [f"for value in {elements}:", *_indented(lines)] if lines else []

    def _value_if_known(self, field: FieldDescriptor, rules: Rules) -> list[str]:
        """Return the lines of `_value`, or lines that refuse every value if one of its rules is not known here."""
        try:
            return self._value(field, rules)
        except UnknownRuleError:
            return [REFUSE]

    def _value(self, field: FieldDescriptor, rules: Rules) -> list[str]:
        """Return lines that refuse a `value` unless its rules are certainly satisfied."""
        lines = checks(rules, field, self._bind)
        if field.message_type is None:
            # Zero, except the negative zero of floats.
            ignores_zero = rules.ignore == IGNORE_IF_ZERO_VALUE and field.type not in _FLOATS
            return ["if value:", *_indented(lines)] if lines and ignores_zero and not field.has_presence else lines
        if lines:
            return lines
        is_valid = self._predicate_of(field.message_type)
        if is_valid is None:
            raise UnknownRuleError(field.full_name)
        return [] if is_valid is always_valid else [f"if not {self._bind(is_valid)}(value):", f"    {REFUSE}"]


def _which(oneof: OneofDescriptor) -> str:
    return f"oneof_{oneof.index}"


def _presence(field: FieldDescriptor) -> str:
    """Return the condition that a field is set. For members of a oneof, asking once which is set is faster."""
    oneof = field.containing_oneof
    if oneof is None or len(oneof.fields) == 1:
        return f"has_field(message, {field.name!r})"
    return f"{_which(oneof)} == {field.name!r}"


def _is_map(descriptor: Descriptor) -> bool:
    return bool(descriptor.GetOptions().map_entry)


def _unique(field: FieldDescriptor) -> str:
    """Return the condition that no element is there twice. Not for floats: whether NaN equals NaN is open."""
    if field.message_type is not None or field.type in _FLOATS:
        raise UnknownRuleError(f"repeated.unique of {field.full_name}")
    return "len(items) == len(set(items))"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
