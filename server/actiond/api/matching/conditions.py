"""Match conditions in CEL, the Common Expression Language (https://cel.dev), by Google's cel-cpp.

This module alone imports the library, and only when the first condition is compiled: it takes some 15 MB of memory.
"""

import logging
import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from actiond.actions.errors import MatchInvalidError
from actiond.actions.ports import MatchCondition, MatchFacts

_log = logging.getLogger(__name__)

MAX_LENGTH = 2_000
"""Characters of an expression."""
MAX_COMPILED = 1_000
"""Compiled expressions that are kept, of all owners."""
MAX_POOLS = 64
"""Environments that are kept: one for each descriptor pool whose messages were looked at."""

_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_NO_TYPES = DescriptorPool()
"""Expressions see messages of any pool, so they are compiled without the types of one."""


@lru_cache(maxsize=MAX_POOLS)
def _environment(pool: DescriptorPool) -> Any:
    cel = import_module("cel_expr_python.cel")
    text = cel.Type.STRING
    headers = cel.Type.Map(text, cel.Type.List(text))
    return cel.NewEnv(
        pool, variables={"method": text, "headers": headers, "user": text, "org": text, "message": cel.Type.DYN}
    )


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

    def __init__(self, expression: str, program: bytes) -> None:
        """`program` is the compiled expression, as the library serializes it."""
        self._expression = expression
        self._in_pool = lru_cache(maxsize=MAX_POOLS)(lambda pool: _environment(pool).deserialize(program))

    def is_met(self, facts: MatchFacts) -> bool:
        message = facts.message
        pool = message.DESCRIPTOR.file.pool if isinstance(message, Message) else _NO_TYPES
        variables = {
            "method": facts.method,
            "headers": facts.headers,
            "user": facts.user,
            "org": facts.org,
            "message": message,
        }
        try:
            result = self._in_pool(pool).eval(data=variables).value()
        except Exception as error:  # noqa: BLE001  # the library raises RuntimeError and TypeError, for many reasons
            return self._failed(facts, error)
        return result if isinstance(result, bool) else self._failed(facts, result)

    def _failed(self, facts: MatchFacts, reason: object) -> bool:
        _log.warning("match condition counts as met: %s: %s (%r)", facts.method, reason, self._expression)
        return True


class UncompiledCondition:
    """A condition that another release has compiled, and this one cannot."""

    def __init__(self, expression: str, error: MatchInvalidError) -> None:
        self._expression = expression
        self._error = error

    def is_met(self, facts: MatchFacts) -> bool:
        _log.warning(
            "match condition counts as met: %s: does not compile: %s (%r)", facts.method, self._error, self._expression
        )
        return True


def _condition(expression: str) -> MatchCondition:
    try:
        return CelCondition(expression, _compile(expression))
    except MatchInvalidError as error:
        return UncompiledCondition(expression, error)


def _compile(expression: str) -> bytes:
    """Return the compiled expression as the library serializes it. Raises MatchInvalidError."""
    if not 0 < len(expression) <= MAX_LENGTH:
        raise MatchInvalidError(1, 1, f"an expression has 1 to {MAX_LENGTH} characters")
    try:
        compiled = _environment(_NO_TYPES).compile(expression)
    except RuntimeError as error:
        raise _invalid(str(error)) from error
    if compiled.return_type().name() not in ("BOOL", "DYN"):
        raise MatchInvalidError(1, 1, f"the result is {compiled.return_type().name().lower()}, not bool")
    return bytes(compiled.serialize())


def _invalid(text: str) -> MatchInvalidError:
    """Return the first error of those that the library describes in a text."""
    found = _ERROR.search(text)
    if found is None:
        return MatchInvalidError(1, 1, text.partition("\n")[0])
    # An error of the whole expression has the position -1:-1.
    return MatchInvalidError(max(1, int(found[1])), max(1, int(found[2])), found[3].rstrip("."))
