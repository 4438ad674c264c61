"""The one source of chance: what a case is follows from (seed, edge, index) and from nothing else."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice(random.Random):  # noqa: S311  # it draws inputs, no secrets
    """A seeded generator with the few throws that the grammars need."""

    def chance(self, share: float) -> bool:
        """True in `share` of the throws."""
        return self.random() < share

    def weighted(self, table: Sequence[tuple[float, T]]) -> T:
        """One of the table's values, by its weight."""
        weights, values = zip(*table, strict=True)
        chosen: T = self.choices(values, weights)[0]
        return chosen

    def several(self, make: Callable[[], T], most: int) -> list[T]:
        """None to `most` of what `make` makes."""
        return [make() for _ in range(self.randint(0, most))]

    def bytes_of(self, most: int) -> bytes:
        """None to `most` bytes."""
        return self.randbytes(self.randint(0, most))


def dice_of(seed: int, edge: str, index: int) -> Dice:
    """The dice of one case."""
    return Dice(f"{seed}:{edge}:{index}")
