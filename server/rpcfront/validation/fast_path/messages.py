"""Compiles, once per message type, the acceptor of its messages: straight code without a loop over the fields.

What values must be is in `values`. Here stands which of them are looked at: those that are there, and that no rule says
to ignore.
"""

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

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

Accept = Callable[[Message], bool]
"""Answers whether a message surely satisfies every rule."""

# The methods that the code calls: a field of such a name would stand in their place.
_METHODS = frozenset({"HasField", "WhichOneof"})
_SIZES = {
    "min_items": "len(items) >= {0}",
    "max_items": "len(items) <= {0}",
    "min_pairs": "len(items) >= {0}",
    "max_pairs": "len(items) <= {0}",
}
_FLOATS = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})


def accept_all(_message: Message) -> bool:
    """Accepts the messages of a type without rules."""
    return True


class Acceptors:
    """The compiled types, None for those of which nothing can be said. They refer to each other."""

    def __init__(self) -> None:
        self._made: dict[Descriptor, Accept | None] = {}
        self._reaches_rules = cache(reaches_rules)

    def of(self, descriptor: Descriptor) -> Accept | None:
        """The acceptor of a type."""
        if not self._reaches_rules(descriptor):
            return accept_all
        if descriptor not in self._made:
            # For the fields that lead back to this type, which is not finished yet.
            self._made[descriptor] = lambda message: self._accepts(descriptor, message)
            try:
                self._made[descriptor] = _Source(descriptor, self.of).compiled()
            except UnknownRuleError:
                self._made[descriptor] = None
        return self._made[descriptor]

    def _accepts(self, descriptor: Descriptor, message: Message) -> bool:
        accept = self._made[descriptor]
        return accept is not None and accept(message)


class _Source:
    """The code of one type, and the objects that it refers to."""

    def __init__(self, descriptor: Descriptor, accept_of: Callable[[Descriptor], Accept | None]) -> None:
        self._descriptor = descriptor
        self._accept_of = accept_of
        self._names: dict[str, object] = {}
        self._numbers = count()

    def compiled(self) -> Accept:
        descriptor = self._descriptor
        names = {field.name for field in descriptor.fields}
        if names & _METHODS or message_rules(descriptor).ListFields():
            raise UnknownRuleError(descriptor.full_name)
        lines = [line for field in descriptor.fields for line in self._field(field)]
        lines = [line for oneof in descriptor.oneofs for line in self._oneof(oneof, lines)] + lines
        return cast("Accept", function("accepts(message)", [*lines, "return True"], self._names))

    def _bind(self, value: object) -> str:
        name = f"bound_{next(self._numbers)}"
        self._names[name] = value
        return name

    def _oneof(self, oneof: OneofDescriptor, lines: list[str]) -> list[str]:
        """Lines that find the member that is there, if somebody wants to know."""
        which = _which(oneof)
        required = [f"if {which} is None:", f"    {REFUSE}"] if oneof_rules(oneof).required else []
        is_asked_for = required or any(which in line for line in lines)
        return [f"{which} = message.WhichOneof({oneof.name!r})", *required] if is_asked_for else []

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
        # A rule that is not known says nothing of a field that is not there.
        lines = self._value_if_known(field, rules)
        there = _presence(field)
        if rules.required:
            return [f"if not {there}:", f"    {REFUSE}", *([getting, *lines] if lines else [])]
        return [f"if {there}:", *_indented([getting, *lines])] if lines else []

    def _many(self, field: FieldDescriptor, rules: Rules) -> list[str]:
        """A list or a map: how many there are, then each."""
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
        """The same as `_value`; where a rule is not known, lines that refuse every value."""
        try:
            return self._value(field, rules)
        except UnknownRuleError:
            return [REFUSE]

    def _value(self, field: FieldDescriptor, rules: Rules) -> list[str]:
        """Lines that refuse a `value` of which its rules are not surely satisfied."""
        lines = checks(rules, field, self._bind)
        if field.message_type is None:
            # Zero, but for the negative one of floats.
            is_left_out = rules.ignore == IGNORE_IF_ZERO_VALUE and field.type not in _FLOATS
            return ["if value:", *_indented(lines)] if lines and is_left_out and not field.has_presence else lines
        if lines:
            return lines
        accept = self._accept_of(field.message_type)
        if accept is None:
            raise UnknownRuleError(field.full_name)
        return [] if accept is accept_all else [f"if not {self._bind(accept)}(value):", f"    {REFUSE}"]


def _which(oneof: OneofDescriptor) -> str:
    return f"oneof_{oneof.index}"


def _presence(field: FieldDescriptor) -> str:
    """The condition that a field is there. Among several of a oneof it is faster to ask once which is."""
    oneof = field.containing_oneof
    if oneof is None or len(oneof.fields) == 1:
        return f"message.HasField({field.name!r})"
    return f"{_which(oneof)} == {field.name!r}"


def _is_map(descriptor: Descriptor) -> bool:
    return bool(descriptor.GetOptions().map_entry)


def _unique(field: FieldDescriptor) -> str:
    """Floats are left out: two that are not a number may be one or two."""
    if field.message_type is not None or field.type in _FLOATS:
        raise UnknownRuleError(f"repeated.unique of {field.full_name}")
    return "len(items) == len(set(items))"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
