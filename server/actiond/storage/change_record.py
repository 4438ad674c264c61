"""Checks that a transaction has appended an event for each aggregate that it changed."""

from actiond.actions.errors import StoreError
from actiond.actions.events import EXECUTION, INSTANCE_KEY, TARGET, TOKEN, Event
from actiond.actions.executions import Execution


class ChangeRecord:
    """Records which aggregates one transaction has changed, and for which ones it has appended an event."""

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

    def instance_key(self, key_id: str) -> None:
        self._changed.append((INSTANCE_KEY, key_id))

    def event(self, event: Event) -> None:
        self._recorded.append((event.aggregate_type, event.aggregate_id))

    def check(self) -> None:
        """Raise StoreError if an aggregate was changed without an event."""
        for aggregate in self._changed:
            if aggregate not in self._recorded:
                raise StoreError("{} {} was changed without an event".format(*aggregate))
