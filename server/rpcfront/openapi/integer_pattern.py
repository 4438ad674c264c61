"""Regular expressions for whole numbers of a range, as JSON writes them: no zeros in front."""

_DIGITS = "[0-9]"


def between(low: int, high: int) -> str:
    """Any number from `low` to `high`, where `low` is no more than 0 and the magnitudes differ by one at the most."""
    if low == 0:
        return f"(?:0|{_up_to(high)})"
    lowest = "" if low == -high else f"|{low}"
    return f"(?:0|-?(?:{_up_to(high)}){lowest})"


def _up_to(high: int) -> str:
    """From 1: fewer digits than `high` has; then as many, equal to its own up to one that is smaller; then itself."""
    digits = str(high)
    branches = [f"[1-9]{_DIGITS}{{0,{len(digits) - 2}}}"]
    for place, digit in enumerate(digits):
        smallest = int(place == 0)
        if int(digit) > smallest:
            branches.append(f"{digits[:place]}[{smallest}-{int(digit) - 1}]{_some(len(digits) - place - 1)}")
    return "|".join([*branches, digits])


def _some(count: int) -> str:
    return f"{_DIGITS}{{{count}}}" if count else ""
