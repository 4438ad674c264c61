"""What the rows on dry runs look at: a target that nobody could call, for three reasons at once.

It is put into the store, since the API does not accept it.
"""

import time

from actiond.actions.events import Event
from actiond.actions.executions import Execution
from actiond.actions.ports import Store, Transaction
from actiond.actions.target_health import TargetHealth
from actiond.actions.targets import Target, TargetType
from actiond.api.conditions import condition_of
from tests.parity.callers import Caller
from tests.parity.calls import on_request
from tests.support.services.shop import PLACE

OWNER = "340000000000000001"
TOKEN = "a-token-for-the-execution-shelf"
CALLER = Caller(TOKEN, OWNER)
TARGET = "5400"
NAME, ENDPOINT = "a target that cannot be called", "http://127.0.0.1/"


async def fill(store: Store) -> None:
    """Put everything where it belongs."""
    at_ns = time.time_ns()

    def change(transaction: Transaction) -> None:
        target = Target(TARGET, OWNER, NAME, TargetType.CALL, True, 1_500_000_000, ENDPOINT, 1, at_ns, at_ns)
        transaction.targets.insert(target, ())
        transaction.append(Event(OWNER, "target", TARGET, 1, "target.added", {}, "tests", at_ns))
        health = TargetHealth(TARGET, OWNER, failures=1, failing_since_ms=1, is_held=True, reason="status 410")
        transaction.deliveries.put_health([health])
        key = condition_of(on_request(method=PLACE))
        transaction.executions.put(Execution(OWNER, key, (TARGET,), 1, at_ns, at_ns))
        transaction.append(Event(OWNER, "execution", f"{OWNER}/{key.key}", 1, "execution.set", {}, "tests", at_ns))

    await store.write(change)
