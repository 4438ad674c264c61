"""Servers for tests of deliveries: settings that make everything quick, and what to wait for in the database."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.delivery_database import DeliveryContent, StoredDelivery, read_deliveries
from tests.support.servers.actiond import ServerProcess
from tests.support.waiting import until

LEASE = 3.1
"""Seconds. It must be longer than three."""
QUICK = (
    *("--allow-address", "127.0.0.0/8", "--delivery-lease", f"{LEASE * 1000:.0f}ms", "--delivery-poll", "50ms"),
    *("--retry-delays", "100ms,200ms,300ms,400ms,500ms", "--delivery-timeout", "10s"),
)


def database_of(server: ServerProcess) -> Path:
    return server.data_dir / "actiond.db"


def content_of(server: ServerProcess) -> DeliveryContent:
    return read_deliveries(database_of(server))


def until_content(
    server: ServerProcess, condition: Callable[[DeliveryContent], bool], what: str, seconds: float = 15.0
) -> DeliveryContent:
    """Wait until what is stored meets the condition, and return it."""
    content = content_of(server)

    def holds() -> bool:
        nonlocal content
        content = content_of(server)
        return condition(content)

    until(holds, what, seconds)
    return content


def until_settled(server: ServerProcess, seconds: float = 15.0) -> DeliveryContent:
    """Wait until everything is delivered or dead."""
    return until_content(server, lambda content: not content.unfinished(), "everything is delivered or dead", seconds)


def only_delivery(content: DeliveryContent) -> StoredDelivery:
    """Return the only delivery that is not delivered."""
    [delivery] = content.deliveries
    return delivery


def outcomes(content: DeliveryContent, delivery_id: int | None = None) -> Sequence[str]:
    """Return the outcomes of a delivery's attempts by number; without an id, of the only delivery there was."""
    ids = {attempt.delivery_id for attempt in content.attempts} if delivery_id is None else {delivery_id}
    assert len(ids) == 1, f"there are several deliveries: {ids}"
    return [attempt.outcome for attempt in content.attempts_of(*ids)]
