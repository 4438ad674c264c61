"""The deliveries of the memory store, indexed by all that they are looked up by."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from actiond.actions.deliveries import Delivery, DeliveryState
from actiond.actions.errors import StoreError

K = TypeVar("K")


class _LazyHeap:
    """Ids in the order of a number. What has left, or has another number by now, is dropped when it comes up."""

    __slots__ = ("_entries", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._entries: dict[int, int] = {}
        """Numbers by id."""

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, one: int, number: int) -> None:
        self._entries[one] = number
        heapq.heappush(self._heap, (number, one))

    def remove(self, one: int) -> None:
        del self._entries[one]

    def last(self, limit: int) -> list[int]:
        """Return the ids of the largest, the largest first."""
        return heapq.nlargest(limit, self._entries, key=self._entries.__getitem__)

    def first(self, limit: int) -> list[tuple[int, int]]:
        """Return the numbers and ids of the smallest."""
        found: list[tuple[int, int]] = []
        while self._heap and len(found) < limit:
            entry = heapq.heappop(self._heap)
            if self._entries.get(entry[1]) == entry[0] and (not found or found[-1] != entry):
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return found


class DeliveryTable:
    """Deliveries by id, with indexes. `replace` is the only change, and its own inverse."""

    def __init__(self) -> None:
        self.rows: dict[int, Delivery] = {}
        self.counts: Counter[tuple[str, DeliveryState]] = Counter()
        """By owner and state."""
        self.unfinished: Counter[str] = Counter()
        """By owner."""
        self._due = _LazyHeap()
        self._parked: defaultdict[str, _LazyHeap] = defaultdict(_LazyHeap)
        """By target."""
        self._behind: defaultdict[tuple[str, str], _LazyHeap] = defaultdict(_LazyHeap)
        """By target and aggregate."""
        self._first: Counter[tuple[str, str]] = Counter()
        """Deliveries that others are behind of, by target and aggregate."""
        self._unfinished_of: defaultdict[str, dict[int, None]] = defaultdict(dict)
        """Ids by target."""

    def replace(self, before: Delivery | None, after: Delivery | None) -> None:
        """Put a row in the place of another; None is no row."""
        if before is not None:
            self._remove(before)
        if after is not None:
            self._add(after)

    def due(self, now_ms: int, limit: int) -> list[Delivery]:
        return [self.rows[one] for due_ms, one in self._due.first(limit) if due_ms <= now_ms]

    def next_due_ms(self) -> int | None:
        first = self._due.first(1)
        return first[0][0] if first else None

    def parked(self, target_id: str, limit: int, *, newest: bool = False) -> list[Delivery]:
        heap = self._parked.get(target_id)
        if heap is None:
            return []
        return [self.rows[one] for one in (heap.last(limit) if newest else (one for _, one in heap.first(limit)))]

    def next_behind(self, order_key: tuple[str, str]) -> Delivery | None:
        heap = self._behind.get(order_key)
        if heap is None or self._first[order_key]:
            return None
        return next((self.rows[one] for _, one in heap.first(1)), None)

    def goes_first(self, order_key: tuple[str, str]) -> bool:
        """Return whether there is one that others are behind of."""
        return self._first[order_key] > 0

    def unfinished_of(self, target_id: str, limit: int) -> list[Delivery]:
        return [self.rows[one] for one in islice(self._unfinished_of.get(target_id, ()), limit)]

    def unfinished_states_of(self, target_id: str) -> Counter[DeliveryState]:
        """Count the unfinished deliveries of a target by state."""
        return Counter(self.rows[one].state for one in self._unfinished_of.get(target_id, ()))

    def parked_targets(self) -> Iterator[str]:
        """Return the targets that have parked deliveries, sorted."""
        return iter(sorted(target_id for target_id, heap in self._parked.items() if heap))

    def _add(self, row: Delivery) -> None:
        if row.id in self.rows:
            raise StoreError(f"there is a delivery {row.id} already")
        self.rows[row.id] = row
        self.counts[row.owner, row.state] += 1
        match row.state:
            case DeliveryState.WAITING:
                self._due.add(row.id, row.due_ms or 0)
            case DeliveryState.PARKED:
                self._parked[row.target_id].add(row.id, row.id)
            case DeliveryState.BEHIND:
                self._behind[row.order_key].add(row.id, row.sequence)
            case _:
                return
        self.unfinished[row.owner] += 1
        self._unfinished_of[row.target_id][row.id] = None
        self._first[row.order_key] += row.goes_first

    def _remove(self, row: Delivery) -> None:
        if self.rows.get(row.id) != row:
            raise StoreError("the delivery to change is not as it was read")
        del self.rows[row.id]
        self.counts[row.owner, row.state] -= 1
        match row.state:
            case DeliveryState.WAITING:
                self._due.remove(row.id)
            case DeliveryState.PARKED:
                _drop(self._parked, row.target_id, row.id)
            case DeliveryState.BEHIND:
                _drop(self._behind, row.order_key, row.id)
            case _:
                return
        self.unfinished[row.owner] -= 1
        of_target = self._unfinished_of[row.target_id]
        del of_target[row.id]
        if not of_target:
            del self._unfinished_of[row.target_id]
        self._first[row.order_key] -= row.goes_first
        if not self._first[row.order_key]:
            del self._first[row.order_key]


def _drop(heaps: dict[K, _LazyHeap], key: K, one: int) -> None:
    heaps[key].remove(one)
    if not heaps[key]:
        del heaps[key]
