"""What a worker process is given. It can be made, and copied by a fork, without loading what serves."""

from collections.abc import Callable
from dataclasses import dataclass

from actiond.config.settings import Settings
from actiond.process.heartbeat import Heartbeats
from actiond.process.sockets import Sockets
from actiond.secrets.admin_token import DeliverToken
from actiond.telemetry.metrics.memory import Memory


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker."""

    settings: Settings
    sockets: Sockets
    memory: Memory
    """The metrics that all workers share."""
    heartbeats: Heartbeats
    """Those of all workers, likewise."""
    number: int
    """Counted from 1; a replacement has the number of the worker that it replaces."""
    deliver_token: DeliverToken
    ready: Callable[[], object]
    """Called once all listeners take calls."""
    supervised: bool
    """Signals come from a supervisor, see Shutdown.handlers."""
