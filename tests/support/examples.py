"""How many examples a property is tried with."""

from hypothesis import settings

USUAL = settings.get_profile("default").max_examples
"""Those of a property that says nothing else, unless the profile does."""


def examples(count: int) -> settings:
    """So many; fewer by the same part where the profile tries fewer than usual."""
    return settings(max_examples=max(1, count * settings().max_examples // USUAL))
