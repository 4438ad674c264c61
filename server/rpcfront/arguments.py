"""What a program gives to a gateway by mistake is refused at once: later it would fail each call."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

_MAX_PORT = 65_535


def check_type(name: str, value: object, expected: type[Any] | tuple[type[Any], ...]) -> None:
    """Raise TypeError, naming the argument, unless the value is of an expected type."""
    if not isinstance(value, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise TypeError(f"{name} must be {names}, not {type(value).__name__}")


def check_port(port: object) -> None:
    """Raise TypeError or ValueError unless the value is the number of a port, or 0. uvloop would take its remainder."""
    check_type("port", port, int)
    if not 0 <= port <= _MAX_PORT:  # type: ignore[operator]  # it is an int
        raise ValueError(f"port must be from 0 to {_MAX_PORT}, not {port}")


def check_numbers(limits: Any) -> None:
    """Raise TypeError or ValueError, naming the field, unless a dataclass has only numbers that can be limits.

    No call at all may be served at once, which refuses every call; of anything else there must be some.
    """
    for field in fields(limits):
        value = getattr(limits, field.name)
        is_time = field.type in {float, "float"}
        check_type(field.name, value, (int, float) if is_time else int)
        least = 0 if field.name == "concurrent_calls" else 1
        # Also for a NaN.
        if not (value > 0 if is_time else value >= least):
            raise ValueError(f"{field.name} must be {'more than 0' if is_time else f'{least} or more'}, not {value}")


def check_callable(name: str, value: object) -> None:
    """Raise TypeError, naming the argument, unless the value is a function or something like one."""
    if isinstance(value, type) or not callable(value):
        what = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(f"{name} must be a function, not {what}")


def check_functions(name: str, functions: Mapping[str, object]) -> None:
    """Raise TypeError unless the argument is a mapping to functions."""
    check_type(name, functions, Mapping)
    for key, function in functions.items():
        check_callable(f"{name}[{key!r}]", function)


def check_list(name: str, values: Iterable[object]) -> None:
    """Raise TypeError unless the argument can be iterated."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list, not {type(values).__name__}")
