"""What a program gives to a gateway by mistake is refused at once: later it would fail each call."""

from dataclasses import fields
from typing import Any


def check_type(name: str, value: object, expected: type[Any] | tuple[type[Any], ...]) -> None:
    """Raise TypeError, naming the argument, unless the value is of an expected type."""
    if not isinstance(value, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise TypeError(f"{name} must be {names}, not {type(value).__name__}")


def check_numbers(limits: Any) -> None:
    """Raise TypeError or ValueError, naming the field, unless a dataclass has only numbers that can be limits.

    Those that are counted may be 0; a time must not.
    """
    for field in fields(limits):
        value = getattr(limits, field.name)
        is_time = field.type in {float, "float"}
        check_type(field.name, value, (int, float) if is_time else int)
        # Also for a NaN.
        if not (value > 0 if is_time else value >= 0):
            raise ValueError(f"{field.name} must be {'more than 0' if is_time else '0 or more'}, not {value}")
