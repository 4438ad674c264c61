"""What the evaluation of an expression may cost at most, as a function of the size of what it looks at.

An evaluation cannot be interrupted, and it holds up the event loop. cel-cpp bounds the iterations of all macros
together (MAX_ITERATIONS), but not what one iteration does, such as searching a long text in another one. So each
operation whose cost depends on its operands is charged here, in nanoseconds for each byte of its operand:

- once, if it runs once, or if its operand is the variable of the macro around it: the elements of a list are together
  no longer than the message is;
- for each iteration, if it may have the same long operand in each of them.

Operations of constant cost are bounded by the length of the expression, and of the body of each macro. What would make
values grow is refused: a macro runs over a field or a list of constants, and `map` and `filter`, which build lists, do
not exist.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol

from actiond.actions.errors import MatchInvalidError
from actiond.api.matching.patterns import program_size
from actiond.api.matching.syntax import Node, kind, operands

MAX_ITERATIONS = 10_000
"""Iterations of all macros of one evaluation: cel-cpp's own bound, behind which it fails."""
MAX_BODY = 64
"""Operations of a macro's body, those of macros within it not counted: some 15 ns each, or as many times that."""
_ELEMENT, _MAKE = 6, 8
"""Operations that an element of a list counts for, and making a text, a number or a moment of something else."""

# Nanoseconds for each byte, measured with the worst operands that were found (tests/api/matching/test_bounds.py).
_PARSE, _COPY = 60.0, 1.0
"""Handing a message to the library: worst for many empty messages within it, while a text is copied."""
_COMPARE, _COMPARE_ANY = 200.0, 1_000.0
"""Comparing lists or messages; texts take a thousandth of it. One in a google.protobuf.Any is parsed for it."""
_SEARCH_LIST, _SEARCH_MESSAGES = 15.0, 150.0
_CONVERT = 2.0
_CONCATENATE = 1.0
_LIST_KEYS = 5.0
_SELECT, _UNPACK = 1.5, 150.0
"""Selecting a field, since texts are copied; and doing so in an Any, which is parsed each time."""
_FIND = 1.0
_FIND_PER_CHARACTER = 0.03
"""For each character of the text that is searched for."""
_FIND_PER_BYTE = 0.005
"""For each pair of bytes, where both texts may be long."""
_MATCH_PER_INSTRUCTION = 1.5
# Nanoseconds for each evaluation of a regular expression: cel-cpp compiles it each time.
_COMPILE_PATTERN = 4_000.0
_COMPILE_INSTRUCTION = 200.0
_SHORT = 256
"""Bytes that a method's path and the ids of a user and an owner are taken to have."""

_LONG_VARIABLES = ("message", "headers")
"""The variables whose length has no other bound."""


Path = tuple[str, ...]
"""A variable, and the names of fields in it."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one operation costs, in nanoseconds for each byte of what it looks at."""

    amount: float
    paths: frozenset[Path]
    """What it looks at; if that is a macro's element, all that is looked at."""
    is_looped: bool = False
    """Whether each iteration of the macros around it may cost as much."""
    loop: Path | None = None
    """The list that they run over, if there is one macro alone."""
    more: frozenset[Path] | None = None
    """What else the cost is in proportion to, if there is something."""
    is_fixed: bool = False
    """Whether the amount is for all bytes together."""
    applies: Callable[["Sizes", Path], bool] | None = None
    """Whether the cost arises at all for one of the paths; None if it always does."""


class Sizes(Protocol):
    """The sizes of what one evaluation looks at, in bytes."""

    def whole(self) -> int:
        """Return the size of message and headers."""

    def structured(self) -> int:
        """Return the size of the message without its own texts and bytes."""

    def size(self, path: Path) -> int:
        """Return the size of a part; that of the whole if it is not known."""

    def length(self, path: Path) -> int:
        """Return how many elements a list has; how many it could have if it is not known."""

    def is_message(self, path: Path) -> bool:
        """Return whether a part, or an element of it, may be a message. The path of a macro's element is empty."""

    def is_any(self, path: Path) -> bool:
        """Return whether a part, or an element of it, may be a google.protobuf.Any."""

    def has_any(self, path: Path) -> bool:
        """Return whether a part may be, or contain, a google.protobuf.Any."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An upper bound of what evaluations cost."""

    charges: Sequence[Charge]

    def bound_ns(self, sizes: Sizes) -> float:
        """Return how long an evaluation takes at most, in nanoseconds."""
        given = _PARSE * sizes.structured() + _COPY * sizes.whole()
        return given + sum(_bound(charge, sizes) for charge in self.charges)


def _bound(charge: Charge, sizes: Sizes) -> float:
    if charge.applies is not None and not any(charge.applies(sizes, path) for path in charge.paths or [()]):
        return 0
    amount = charge.amount
    if not charge.is_fixed:
        amount *= _size(charge.paths, sizes)
    if charge.more is not None:
        amount *= _size(charge.more, sizes)
    if charge.is_looped:
        amount *= min(MAX_ITERATIONS, sizes.whole() if charge.loop is None else sizes.length(charge.loop))
    return amount


def _size(paths: frozenset[Path], sizes: Sizes) -> int:
    return sum(map(sizes.size, paths)) if paths else sizes.whole()


@dataclass(frozen=True, slots=True)
class Expression:
    """What is known of an expression without evaluating it."""

    cost: Cost
    fields: frozenset[str] | None
    """The fields of the message that it looks at; None if it may look at all of them."""
    sees_headers: bool
    patterns: Sequence[tuple[int, str]]
    """Its regular expressions, each with its offset in characters."""


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of a part of an expression."""

    width: int = 0
    """How many times as long as its roots it may be; 0 if its length is bounded otherwise."""
    paths: frozenset[Path] = frozenset()
    """What it may be a part of."""
    elements: frozenset[int] = frozenset()
    """The macros of whose elements it may be a part, as indices of those around it."""


_NOTHING = _Value()


@dataclass(slots=True)
class _Loop:
    variable: str
    element: _Value
    constants: int
    """How many constants it runs over; 0 if it runs over a field."""
    over: _Value
    in_chain: bool
    """Whether it visits each part of the message once, also if it is within other macros."""
    operations: int = 0


@dataclass(slots=True)
class _Analysis:
    text: str
    offsets: Mapping[int, int]
    charges: list[Charge] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    sees_all_fields: bool = False
    sees_headers: bool = False
    patterns: list[tuple[int, str]] = field(default_factory=list)
    loops: list[_Loop] = field(default_factory=list)

    def value(self, node: Node) -> _Value:
        """Charge what a part of the expression costs, and return what its value is."""
        self.count(node, 1)
        name = kind(node)
        if name not in _KINDS:
            raise self.error(node, "this is not available")
        found: _Value = _KINDS[name](self, node, getattr(node, name))
        return found

    def error(self, node: Node, reason: str) -> MatchInvalidError:
        return invalid_at(self.text, self.offsets.get(node.id, 0), reason)

    def count(self, node: Node, operations: int) -> None:
        """Count operations of constant cost, if a macro repeats them."""
        if self.loops:
            self.loops[-1].operations += operations
            if self.loops[-1].operations > MAX_BODY:
                raise self.error(node, f"the body of a macro has at most {MAX_BODY} operations")

    def charge(self, charge: Charge, *, once: bool) -> None:
        """Charge a cost, in iterations of macros if there are some around it, unless it is that of all together."""
        running = self._running()
        if running and not once:
            over = self.loops[running[0]].over
            single = len(running) == 1 and len(over.paths) == 1 and not over.elements
            (path,) = over.paths if single else (None,)
            self.charges.append(replace(charge, is_looped=True, loop=path))
            return
        times = prod(loop.constants or 1 for loop in self.loops)
        self.charges.append(replace(charge, amount=charge.amount * times))

    def charge_bytes(self, amount: float, value: _Value, applies: Callable[[Sizes, Path], bool] | None = None) -> None:
        """Charge a cost for each byte of a value."""
        if value.width:
            charge = Charge(amount * value.width, _looked_at(value), applies=applies)
            self.charge(charge, once=self.visits_once(value))

    def visits_once(self, value: _Value) -> bool:
        """Return whether all iterations together look at no more than the message with such values."""
        running = self._running()
        if not running:
            return True
        return not value.paths and value.elements == {running[-1]} and self.loops[running[-1]].in_chain

    def _running(self) -> Sequence[int]:
        """Return the macros around, as indices, without those that run over constants."""
        return [number for number, loop in enumerate(self.loops) if not loop.constants]

    # One method for each kind of node.

    def constant(self, _node: Node, _constant: Any) -> _Value:
        return _NOTHING

    def identifier(self, _node: Node, ident: Any) -> _Value:
        for loop in reversed(self.loops):
            if loop.variable == ident.name:
                return loop.element
        if ident.name == "message":
            self.sees_all_fields = True
        return self._global(ident.name)

    def selection(self, _node: Node, select: Any) -> _Value:
        if self._is_message(select.operand):
            self.fields.add(select.field)
            operand = self._global("message")
        else:
            operand = self.value(select.operand)
        selected = _field_of(operand, select.field)
        if select.test_only:
            return _NOTHING
        self.charge_bytes(_SELECT, selected)
        self.charge_bytes(_UNPACK, selected, lambda sizes, path: sizes.is_any(path))
        return selected

    def call(self, node: Node, call: Any) -> _Value:
        handle = _FUNCTIONS.get(call.function)
        if handle is None:
            raise self.error(node, f"{call.function} is not available")
        parts = list(operands(call))
        found: _Value = handle(self, node, parts, [self.value(part) for part in parts])
        return found

    def new_list(self, node: Node, created: Any) -> _Value:
        self.count(node, _ELEMENT * len(created.elements))
        return _all_of([self.value(element) for element in created.elements])

    def new_map(self, node: Node, created: Any) -> _Value:
        if created.message_name:
            raise self.error(node, "messages cannot be made")
        self.count(node, _ELEMENT * len(created.entries))
        values = []
        for entry in created.entries:
            values += [self.value(entry.map_key), self.value(entry.value)]
        self.charge_bytes(_CONVERT, _all_of(values))
        return _all_of(values)

    def macro(self, node: Node, loop: Any) -> _Value:
        if kind(loop.accu_init) != "const_expr" or loop.iter_var2:
            raise self.error(node, "map and filter are not available; use all, exists or exists_one")
        over = self.value(loop.iter_range)
        constants = self._constants(loop.iter_range)
        self.charge_bytes(_LIST_KEYS, over)
        in_chain = self.visits_once(over)
        element = _NOTHING if constants else _Value(over.width, elements=frozenset({len(self.loops)}))
        self.loops.append(_Loop(loop.iter_var, element, constants, over, in_chain))
        self.value(loop.loop_condition)
        self.value(loop.loop_step)
        self.loops.pop()
        self.value(loop.result)
        return _NOTHING

    def _constants(self, node: Node) -> int:
        """Return how many constants a macro runs over; 0 if it runs over a field."""
        if kind(node) == "list_expr" and all(kind(element) == "const_expr" for element in node.list_expr.elements):
            return len(node.list_expr.elements) or 1
        if not _is_path(node):
            raise self.error(node, "a macro runs over a field or a list of constants")
        return 0

    def _is_message(self, node: Node) -> bool:
        is_name = kind(node) == "ident_expr" and node.ident_expr.name == "message"
        return is_name and all(loop.variable != "message" for loop in self.loops)

    def _global(self, name: str) -> _Value:
        self.sees_headers |= name == "headers"
        return _Value(1, frozenset({(name,)})) if name in _LONG_VARIABLES else _NOTHING

    # Functions: each is given its operands, and their values.

    def constant_cost(self, _node: Node, _parts: Sequence[Node], _values: Sequence[_Value]) -> _Value:
        return _NOTHING

    def comparison(self, _node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        """Charge what is as long as the shorter one of two operands."""
        if all(value.width for value in values):
            compared = next(filter(self.visits_once, values), _all_of(values))
            self.charge_bytes(_COMPARE, compared)
            self.charge_bytes(_COMPARE_ANY, compared, lambda sizes, path: sizes.has_any(path))
        return _NOTHING

    def membership(self, _node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        self.charge_bytes(_SEARCH_LIST, values[1])
        self.charge_bytes(_SEARCH_MESSAGES, values[1], lambda sizes, path: sizes.is_message(path))
        self.charge_bytes(_CONVERT, values[0])
        return _NOTHING

    def conversion(self, node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        self.count(node, _MAKE)
        self.charge_bytes(_CONVERT, _all_of(values))
        return _NOTHING

    def text_conversion(self, node: Node, parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        self.conversion(node, parts, values)
        return _all_of(values)

    def concatenation(self, node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        self.count(node, _MAKE)
        self.charge_bytes(_CONCATENATE, _all_of(values))
        return _all_of(values)

    def choice(self, _node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        return _all_of(values[1:])

    def index(self, _node: Node, _parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        self.charge_bytes(_CONVERT, values[1])
        self.charge_bytes(_SELECT, values[0])
        self.charge_bytes(_UNPACK, values[0], lambda sizes, path: sizes.is_any(path))
        return values[0]

    def search(self, _node: Node, parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        text, wanted = values
        if wanted.width and text.width:
            amount = _FIND_PER_BYTE * text.width * wanted.width
            charge = Charge(amount, _looked_at(text), more=_looked_at(wanted))
            self.charge(charge, once=any(map(self.visits_once, values)))
        length = len(_string(parts[1]) or " " * _SHORT)
        self.charge_bytes(_FIND + _FIND_PER_CHARACTER * length, text)
        return _NOTHING

    def pattern(self, node: Node, parts: Sequence[Node], values: Sequence[_Value]) -> _Value:
        pattern = _string(parts[1])
        if pattern is None:
            raise self.error(node, "the regular expression must be a constant")
        try:
            size = program_size(pattern)
        except ValueError as error:
            raise self.error(parts[1], str(error)) from error
        self.patterns.append((self.offsets.get(parts[1].id, 0), pattern))
        per_byte = _FIND + _MATCH_PER_INSTRUCTION * size
        fixed = _COMPILE_PATTERN + _COMPILE_INSTRUCTION * size + (0 if values[0].width else _SHORT * per_byte)
        self.charge(Charge(fixed, frozenset(), is_fixed=True), once=False)
        self.charge_bytes(per_byte, values[0])
        return _NOTHING

    def moment_part(self, node: Node, parts: Sequence[Node], _values: Sequence[_Value]) -> _Value:
        if len(parts) > 1 and _string(parts[1]) is None:
            raise self.error(node, "the time zone must be a constant")
        self.count(node, _MAKE)
        return _NOTHING


_KINDS: Mapping[str, Any] = {
    "const_expr": _Analysis.constant,
    "ident_expr": _Analysis.identifier,
    "select_expr": _Analysis.selection,
    "call_expr": _Analysis.call,
    "list_expr": _Analysis.new_list,
    "struct_expr": _Analysis.new_map,
    "comprehension_expr": _Analysis.macro,
}
_FUNCTIONS: Mapping[str, Any] = {
    **dict.fromkeys(
        ("_&&_", "_||_", "!_", "_-_", "_*_", "_/_", "_%_", "-_", "@not_strictly_false", "type"),
        _Analysis.constant_cost,
    ),
    **dict.fromkeys(
        ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "startsWith", "endsWith"),
        _Analysis.comparison,
    ),
    **dict.fromkeys(("size", "int", "uint", "double", "bool", "timestamp", "duration"), _Analysis.conversion),
    **dict.fromkeys(("string", "bytes", "dyn"), _Analysis.text_conversion),
    **dict.fromkeys(
        (
            "getFullYear",
            "getMonth",
            "getDate",
            "getDayOfMonth",
            "getDayOfWeek",
            "getDayOfYear",
            "getHours",
            "getMinutes",
            "getSeconds",
            "getMilliseconds",
        ),
        _Analysis.moment_part,
    ),
    "_+_": _Analysis.concatenation,
    "_?_:_": _Analysis.choice,
    "_[_]": _Analysis.index,
    "@in": _Analysis.membership,
    "contains": _Analysis.search,
    "matches": _Analysis.pattern,
}


def analyse(root: Node, offsets: Mapping[int, int], text: str) -> Expression:
    """Return what is known of an expression. Raises MatchInvalidError if its cost is not bounded."""
    analysis = _Analysis(text, offsets)
    analysis.value(root)
    fields = None if analysis.sees_all_fields else frozenset(analysis.fields)
    return Expression(Cost(analysis.charges), fields, analysis.sees_headers, analysis.patterns)


def invalid_at(text: str, offset: int, reason: str) -> MatchInvalidError:
    """Return the error at an offset in characters."""
    line = text.count("\n", 0, offset)
    start = text.rfind("\n", 0, offset) + 1
    return MatchInvalidError(line + 1, offset - start + 1, reason)


def _all_of(values: Sequence[_Value]) -> _Value:
    long = [value for value in values if value.width]
    return _Value(
        sum(value.width for value in long),
        frozenset().union(*(value.paths for value in long)),
        frozenset().union(*(value.elements for value in long)),
    )


def _field_of(value: _Value, name: str) -> _Value:
    return replace(value, paths=frozenset((*path, name) for path in value.paths))


def _looked_at(value: _Value) -> frozenset[Path]:
    """Return the paths whose sizes bound that of a value; none for all of them together."""
    return frozenset() if value.elements else value.paths


def _is_path(node: Node) -> bool:
    """Return whether a node is a variable, or a part of one that fields and indices name."""
    match kind(node):
        case "ident_expr":
            return True
        case "select_expr":
            return not node.select_expr.test_only and _is_path(node.select_expr.operand)
        case "call_expr":
            return node.call_expr.function == "_[_]" and _is_path(node.call_expr.args[0])
    return False


def _string(node: Node) -> str | None:
    """Return a constant string; None for anything else."""
    if kind(node) == "const_expr" and kind(node.const_expr) == "string_value":
        return str(node.const_expr.string_value)
    return None
