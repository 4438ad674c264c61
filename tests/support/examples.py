"""The number of examples that a property is tested with."""

from hypothesis import settings

USUAL = settings.get_profile("default").max_examples
"""The number of examples in Hypothesis's default profile."""


def examples(count: int) -> settings:
    """Return `count`, scaled down in proportion if the profile uses fewer examples than the default."""
    return settings(max_examples=max(1, count * settings().max_examples // USUAL))
