"""What the transactions of one batch share: what is read once for all of them, and what is stored once at its end."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from actiond.actions.deliveries import DeliveryState
from actiond.actions.ports import FanOut
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.storage.steady_clock import SteadyClock

ALL_OWNERS = ""
"""Stands for all owners in the counts of deliveries. No owner has an empty id."""

CachedTarget = tuple[Target, tuple[SigningKey, ...]]
MAX_CACHED_TARGETS = 10_000


@dataclass(slots=True)
class Batch:
    """The state of the writer's current batch. Only the writer's thread uses it."""

    clock: SteadyClock = field(default_factory=SteadyClock)
    fan_out: FanOut | None = None
    """Enqueues deliveries of the events that are appended; None does not."""
    now_ms: int = 0
    """The time of the batch. It never goes back."""
    targets: Counter[str] = field(default_factory=Counter)
    """Change in the number of targets, by owner."""
    deliveries: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Change in the number of deliveries, by owner and state."""
    cached_targets: dict[str, CachedTarget] = field(default_factory=dict)
    """Targets of deliveries, by id, with their keys. Each is good as long as its sequence is."""
    revisions: dict[str, int] = field(default_factory=dict)
    """Revisions of executions, by owner, as of now."""
    watched: frozenset[str] | None = None
    """Owners whose deliveries are watched; None if that has not been read."""
    unfinished: dict[str, Counter[str]] = field(default_factory=dict)
    """Unfinished deliveries by state, of owners and of ALL_OWNERS, as of now."""
    raised: set[str] = field(default_factory=set)
    """Owners whose revision has been raised in this batch."""
    has_due: bool = False
    """Whether a delivery has become due."""
    enqueued: int = 0
    """Deliveries that have been enqueued."""

    def roll_back(self) -> None:
        """Forget everything of this batch, as nothing of it is kept."""
        self.undo()
        self.begin()

    def undo(self) -> None:
        """Forget targets, executions and watches that are known: a transaction that may have changed them is undone."""
        self.cached_targets.clear()  # a sequence that was given in it is given again
        self.watched = None
        if self.raised:
            self.revisions.clear()
            if self.fan_out is not None:
                self.fan_out.forget(self.raised)

    def begin(self) -> None:
        """Forget everything of the last batch."""
        self.now_ms = max(self.now_ms, self.clock.ms())
        self.targets.clear()
        self.deliveries.clear()
        self.revisions.clear()
        self.watched = None
        self.unfinished.clear()
        self.raised.clear()
        self.has_due = False
        self.enqueued = 0

    def add(self, targets: Mapping[str, int], deliveries: Mapping[tuple[str, str], int], *, has_due: bool) -> None:
        """Add what a transaction that succeeded has changed."""
        self.has_due = self.has_due or has_due
        for owner, more in targets.items():
            self.targets[owner] += more
        for (owner, state), more in deliveries.items():
            self.deliveries[owner, state] += more
            if state != DeliveryState.DEAD.value:
                for counted in (owner, ALL_OWNERS):
                    if counted in self.unfinished:
                        self.unfinished[counted][state] += more
