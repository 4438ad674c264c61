"""The places of a worker's attempts: so many in all, shared fairly by owners, and so many for one target."""

from collections import Counter

from actiond.fairness import FairShares

KEPT = 16
"""The part of all places, as its divisor, that an owner leaves to others, though it is alone in the queue."""


class AttemptPlaces:
    """Counts the attempts that run. `copy` is tried out by a change, which may run twice."""

    def __init__(self, total: int, per_target: int) -> None:
        self._shares = FairShares(total)
        self._per_target = per_target
        self._kept = total // KEPT
        self._by_target: Counter[str] = Counter()

    @property
    def free(self) -> int:
        return self._shares.free

    def free_for(self, owner: str, target_id: str) -> int:
        """Return how many more attempts may be made at a target, as long as its owner may have more at all."""
        if not self._shares.may_take(owner, is_privileged=True):
            return 0
        return min(self._shares.free, self._per_target - self._by_target[target_id])

    def has_share_left(self, owner: str) -> bool:
        """Return whether the owner may have more places at all, whatever the target."""
        return self._shares.may_take(owner, is_privileged=True)

    def has_place_at(self, target_id: str) -> bool:
        """Return whether the target may be attempted once more, whatever its owner has."""
        return self._by_target[target_id] < self._per_target

    def take_beyond_share(self, owner: str, target_id: str) -> bool:
        """Take a place for an owner that has used up its share, and return whether there was one.

        A few places are left for other owners.
        """
        if self._by_target[target_id] >= self._per_target or self._shares.free <= self._kept:
            return False
        self.add(owner, target_id)
        return True

    def take(self, owner: str, target_id: str) -> bool:
        """Take a place for an attempt, and return whether there was one."""
        # Nothing is kept for privileged callers here, since no caller waits.
        if self._by_target[target_id] >= self._per_target or not self._shares.may_take(owner, is_privileged=True):
            return False
        self.add(owner, target_id)
        return True

    def add(self, owner: str, target_id: str) -> None:
        """Count an attempt."""
        self._shares.take(owner)
        self._by_target[target_id] += 1

    def give_back(self, owner: str, target_id: str) -> None:
        self._shares.give_back(owner)
        self._by_target[target_id] -= 1
        if not self._by_target[target_id]:
            del self._by_target[target_id]

    def copy(self) -> "AttemptPlaces":
        places = AttemptPlaces(0, self._per_target)
        places._kept = self._kept
        places._shares = self._shares.copy()
        places._by_target = self._by_target.copy()
        return places
