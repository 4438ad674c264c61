"""Adoption: which targets have parked deliveries that a worker has to ask for, whoever has parked them.

The worker that parks deliveries for want of places asks for them as places become free. If it ends, others have to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actiond.actions.ports import Transaction

PORTION = 64
"""Targets that one change looks at."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """A portion of the targets that have parked deliveries."""

    owners: Mapping[str, str]
    """Owners by target, of those whose deliveries may be asked for."""
    next: str | None
    """The target after which the next portion begins; None if this was the last one."""


def find_crowd(transaction: Transaction, after: str) -> Crowd:
    """Return targets whose ids are above `after`.

    A target that is paused is left out, and so is one that is being resumed: its deliveries are released in portions.
    """
    rows = transaction.deliveries
    target_ids = rows.parked_targets(after, PORTION)
    sick = {health.target_id for health in rows.health(target_ids).values() if health.is_paused or health.portion}
    owners = {
        target_id: delivery.owner
        for target_id in target_ids
        if target_id not in sick
        for delivery in rows.parked(target_id, 1)
    }
    return Crowd(owners, target_ids[-1] if len(target_ids) == PORTION else None)
