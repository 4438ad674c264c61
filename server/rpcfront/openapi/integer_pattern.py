"""Regular expressions for ranges of integers, as JSON writes them: without leading zeros."""

_DIGITS = "[0-9]"


def between(low: int, high: int) -> str:
    """Match the numbers from `low` to `high`. `low` is at most 0, and the magnitudes differ by at most one."""
    if low == 0:
        return f"(?:0|{_up_to(high)})"
    lowest = "" if low == -high else f"|{low}"
    return f"(?:0|-?(?:{_up_to(high)}){lowest})"


def _up_to(high: int) -> str:
    """Match the numbers from 1: with fewer digits than `high`; as many, of which one is smaller; `high` itself."""
    digits = str(high)
    branches = [f"[1-9]{_DIGITS}{{0,{len(digits) - 2}}}"]
    for place, digit in enumerate(digits):
        smallest = int(place == 0)
        if int(digit) > smallest:
            branches.append(f"{digits[:place]}[{smallest}-{int(digit) - 1}]{_some(len(digits) - place - 1)}")
    return "|".join([*branches, digits])


def _some(count: int) -> str:
    return f"{_DIGITS}{{{count}}}" if count else ""
