"""The memory store."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from actiond.actions.errors import StoreError
from actiond.actions.events import Event
from actiond.actions.executions import Execution, Runnable
from actiond.actions.ports import Transaction
from actiond.actions.queries import ExecutionQuery, Found, Page, TargetQuery
from actiond.actions.targets import Target
from actiond.actions.tokens import Token
from actiond.storage.memory.data import Data
from actiond.storage.memory.lists import cut, matching_executions, matching_targets
from actiond.storage.memory.transaction import MemoryTransaction

T = TypeVar("T")


class MemoryStore:
    """A change runs at once and to its end on the event loop, so changes follow one another by nature."""

    def __init__(self) -> None:
        self._kept = Data()
        self._closed = False

    async def write(self, change: Callable[[Transaction], T]) -> T:
        transaction = MemoryTransaction(self._data)
        try:
            return change(transaction)
        except BaseException:
            transaction.undo()
            raise

    async def target(self, owner: str, target_id: str) -> Target | None:
        return self._data.target(owner, target_id)

    async def find_targets(self, owner: str, query: TargetQuery) -> Found[Target]:
        targets = (target for target in self._data.targets.values() if target.owner == owner)
        return self._found(matching_targets(targets, query), query.page)

    async def find_executions(self, owner: str, query: ExecutionQuery) -> Found[Execution]:
        return self._found(matching_executions(self._data.executions_of(owner), query), query.page)

    async def executions_revision(self) -> int:
        return self._data.revision

    async def runnable(self, owner: str) -> Runnable:
        data = self._data
        executions = matching_executions(data.executions_of(owner), ExecutionQuery(Page(ascending=True)))
        steps = {step for execution in executions for step in execution.steps if isinstance(step, str)}
        named = [target for target in map(data.targets.get, steps) if target is not None and target.owner == owner]
        return Runnable(
            revision=data.revision,
            executions=executions,
            targets={target.id: target for target in named},
            keys={target.id: data.keys[target.id] for target in named if data.keys[target.id]},
        )

    async def token(self, selector: bytes) -> Token | None:
        return self._data.tokens.get(self._data.token_selectors.get(selector, ""))

    async def tokens(self) -> Sequence[Token]:
        return sorted(self._data.tokens.values(), key=lambda token: (token.created_at_ns, token.id))

    async def events(self, aggregate_type: str, aggregate_id: str) -> Sequence[Event]:
        history = self._data.events.get((aggregate_type, aggregate_id), {})
        return [history[sequence] for sequence in sorted(history)]

    async def ping(self) -> None:
        self._require_open()

    async def close(self) -> None:
        self._closed = True

    @property
    def waiting(self) -> int:
        """Changes that wait: none ever does."""
        return 0

    @property
    def _data(self) -> Data:
        self._require_open()
        return self._kept

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _found(self, matching: Sequence[T], page: Page) -> Found[T]:
        return Found(cut(matching, page), len(matching), self._data.position, self._data.at_ns)
