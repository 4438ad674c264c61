"""Match conditions in CEL, the Common Expression Language (https://cel.dev), by Google's cel-cpp.

This module alone imports the library, and only when the first condition is compiled, so that servers without one do
not pay for it. An expression is compiled once, without the types of messages, since one execution may see messages of
many types; for each descriptor pool it is then bound to the pool's types. A message has the meaning that CEL gives it:
a field that is not set has its default value, `has()` asks for it, and well-known types are what they stand for.
"""

import logging
import re
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from actiond.actions.errors import MatchInvalidError
from actiond.actions.ports import MatchCondition, MatchFacts
from actiond.api.matching.costs import Expression, analyse, invalid_at
from actiond.api.matching.messages import ExactSizes, RoughSizes, has_any, only, size_of
from actiond.api.matching.syntax import parse

_log = logging.getLogger(__name__)

MAX_LENGTH = 2_000
"""Characters of an expression."""
MAX_COST_NS = 10_000_000
"""What an evaluation may take, by the bound that costs.py knows for a message. The event loop waits for it."""
MAX_COMPILED = 1_000
"""Compiled expressions that are kept, of all owners."""
MAX_POOLS = 64
"""Descriptor pools whose types are kept, for each expression too."""

MAX_SHOWN = 200
"""Characters that are shown of a reason, or of an expression. A reason may contain what a caller has sent."""
_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_TYPES = DescriptorPool()


class CelConditions:
    """Compiles match conditions, and caches them by expression: see ports.MatchConditions."""

    def __init__(self) -> None:
        self._cached = lru_cache(maxsize=MAX_COMPILED)(_condition)

    def check(self, expression: str) -> None:
        _compile(expression)

    def compiled(self, expression: str) -> MatchCondition:
        return self._cached(expression)


class CelCondition:
    """A condition that can be evaluated."""

    def __init__(self, text: str, program: bytes, expression: Expression) -> None:
        """`program` is the compiled expression, as the library serializes it."""
        self._text = text
        self._expression = expression
        self._sees_message = expression.fields != frozenset()
        self._with_types = lru_cache(maxsize=MAX_POOLS)(lambda pool: _environment(pool).deserialize(program))

    def is_met(self, facts: MatchFacts) -> bool:
        result = self._result(facts)
        return result if isinstance(result, bool) else _count_as_met(facts, result, self._text)

    def fault(self, facts: MatchFacts) -> str:
        result = self._result(facts)
        return "" if isinstance(result, bool) else result[:MAX_SHOWN]

    def _result(self, facts: MatchFacts) -> bool | str:
        """Return whether a call meets the condition, or why that is not known."""
        try:
            return self._evaluated(facts)
        except Exception as error:  # noqa: BLE001  # whatever the library raises: the call must not fail by it
            return str(error)

    def _evaluated(self, facts: MatchFacts) -> bool | str:
        variables: dict[str, object] = {"method": facts.method, "user": facts.user, "org": facts.org}
        message = facts.message if self._sees_message and isinstance(facts.message, Message) else None
        headers = facts.headers if self._expression.sees_headers else {}
        rough = RoughSizes(
            0 if message is None else message.ByteSize(),
            size_of(headers),
            message is not None and has_any(message.DESCRIPTOR),
        )
        if self._expression.cost.bound_ns(rough) > MAX_COST_NS:
            # A field that the expression does not look at may be what is large.
            if message is not None and self._expression.fields is not None:
                message = only(message, self._expression.fields)
            exact = ExactSizes(message, headers)
            if self._expression.cost.bound_ns(exact) > MAX_COST_NS:
                return f"may take too long for {exact.message} bytes of the message and {exact.headers} of headers"
        if self._expression.sees_headers:
            variables["headers"] = headers
        pool: Any = _NO_TYPES
        if message is not None:
            variables["message"] = message
            pool = message.DESCRIPTOR.file.pool
        result = self._with_types(pool).eval(data=variables)
        kind = result.type().name()
        if kind == "BOOL":
            return bool(result.value())
        # A value of another type may be what a caller has sent, and is not for the log.
        return str(result.value()) if kind == "ERROR" else f"the result is {kind.lower()}, not bool"


class UncompilableCondition:
    """A condition that another release has compiled, and this one cannot."""

    def __init__(self, text: str, error: MatchInvalidError) -> None:
        self._text = text
        self._fault = f"it cannot be compiled: {error.reason}"

    def is_met(self, facts: MatchFacts) -> bool:
        return _count_as_met(facts, self._fault, self._text)

    def fault(self, _facts: MatchFacts) -> str:
        return self._fault


def _count_as_met(facts: MatchFacts, reason: str, text: str) -> bool:
    _log.warning("match condition counts as met: %s: %.*s: %.*r", facts.method, MAX_SHOWN, reason, MAX_SHOWN, text)
    return True


@lru_cache(maxsize=MAX_POOLS)
def _environment(pool: DescriptorPool) -> Any:
    """Return what expressions over messages of a pool are compiled and evaluated with."""
    from cel_expr_python import cel

    text = cel.Type.STRING
    headers = cel.Type.Map(text, cel.Type.List(text))
    return cel.NewEnv(
        pool, variables={"method": text, "headers": headers, "user": text, "org": text, "message": cel.Type.DYN}
    )


def _condition(text: str) -> MatchCondition:
    try:
        program, expression = _compile(text)
    except MatchInvalidError as error:
        return UncompilableCondition(text, error)
    return CelCondition(text, program, expression)


def _compile(text: str) -> tuple[bytes, Expression]:
    """Return the compiled expression, serialized by the library, and what is known of it. Raises MatchInvalidError."""
    if not 0 < len(text) <= MAX_LENGTH:
        raise MatchInvalidError(1, 1, f"an expression has 1 to {MAX_LENGTH} characters")
    if (surrogate := _SURROGATE.search(text)) is not None:
        raise invalid_at(text, surrogate.start(), "this is not UTF-8")
    try:
        compiled = _environment(_NO_TYPES).compile(text)
    except RuntimeError as error:
        raise _invalid(str(error)) from error
    program = bytes(compiled.serialize())
    expression = analyse(*parse(program), text)
    for offset, pattern in expression.patterns:
        if (reason := _pattern_error(pattern)) is not None:
            raise invalid_at(text, offset, reason)
    result = compiled.return_type().name()
    if result not in ("BOOL", "DYN"):
        raise MatchInvalidError(1, 1, f"the result is {result.lower()}, not bool")
    return program, expression


def _pattern_error(pattern: str) -> str | None:
    """Return why a regular expression is invalid. The library finds that out when it evaluates one."""
    result = _environment(_NO_TYPES).compile("user.matches(method)").eval(data={"user": "", "method": pattern}).value()
    return None if isinstance(result, bool) else str(result).partition("\n")[0]


def _invalid(text: str) -> MatchInvalidError:
    """Return the first error of those that the library describes in a text."""
    found = _ERROR.search(text)
    if found is None:
        return MatchInvalidError(1, 1, text.partition("\n")[0])
    # An error of the whole expression has the position -1:-1.
    return MatchInvalidError(max(1, int(found[1])), max(1, int(found[2])), found[3].rstrip("."))
