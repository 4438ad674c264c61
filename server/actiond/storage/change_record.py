"""Which aggregates a transaction has changed, and for which it has appended an event: there must be one for each."""

from actiond.actions.errors import StoreError
from actiond.actions.events import EXECUTION, TARGET, TOKEN, Event
from actiond.actions.executions import Execution


class ChangeRecord:
    """Belongs to one transaction."""

    __slots__ = ("_changed", "_recorded")

    def __init__(self) -> None:
        self._changed: list[tuple[str, str]] = []
        self._recorded: list[tuple[str, str]] = []

    def target(self, target_id: str) -> None:
        self._changed.append((TARGET, target_id))

    def execution(self, execution: Execution) -> None:
        self._changed.append((EXECUTION, execution.aggregate_id))

    def token(self, token_id: str) -> None:
        self._changed.append((TOKEN, token_id))

    def event(self, event: Event) -> None:
        self._recorded.append((event.aggregate_type, event.aggregate_id))

    def check(self) -> None:
        """Raise StoreError if something was changed and no event tells of it."""
        for aggregate in self._changed:
            if aggregate not in self._recorded:
                raise StoreError("{} {} was changed without an event".format(*aggregate))
