"""Defines the metrics: names, labels and buckets. Independent of how they are counted and exposed."""

from dataclasses import dataclass
from enum import Enum

OTHER = "other"
"""The label value in place of unknown ones and of those beyond the limit on a label's values."""

DURATION_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds, from a call that waits for nothing up to a long target timeout."""
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
"""Seconds, from a delivery that is attempted at once up to a long backlog."""
AGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 36_000.0, 360_000.0)
"""Seconds, from a first attempt up to the last retry of some days."""
BATCH_SIZE_BUCKETS = tuple(float(2**power) for power in range(11))


class Kind(Enum):
    """A Prometheus metric type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. It has one series for each combination of label values."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, ascending, without the last bucket's +Inf."""

    @property
    def cells(self) -> int:
        """The number of cells of a series: one, or for a histogram one per bucket and one for the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1

    def key(self, *values: str) -> bytes:
        """Return the key under which the series with these label values is stored."""
        return "\0".join((self.name, *values)).encode("utf-8", "backslashreplace")


def parse_key(key: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the family's name and the label values."""
    name, *values = key.decode().split("\0")
    return name, tuple(values)


CALLS = Family(
    "actiond_calls_total",
    Kind.COUNTER,
    "API calls that have ended; HTTP requests that reached no method count as method none.",
    ("method", "protocol", "code"),
)
CALL_DURATION = Family(
    "actiond_call_duration_seconds",
    Kind.HISTOGRAM,
    "Duration of API calls, including the executions that ran around them.",
    ("method", "protocol"),
    DURATION_BUCKETS,
)
TARGET_CALLS = Family(
    "actiond_target_calls_total", Kind.COUNTER, "Calls to targets that have ended.", ("target", "outcome")
)
TARGET_CALL_DURATION = Family(
    "actiond_target_call_duration_seconds",
    Kind.HISTOGRAM,
    "Duration of calls to targets, including the wait for the concurrency limit.",
    ("outcome",),
    DURATION_BUCKETS,
)
IGNORED_FAILURES = Family(
    "actiond_target_failures_ignored_total",
    Kind.COUNTER,
    "Failed calls to targets that do not interrupt on errors, so that the execution continued.",
    ("target",),
)
BACKGROUND_CALLS = Family(
    "actiond_started_target_calls", Kind.GAUGE, "Calls to targets that are running in the background."
)
BATCH_SIZE = Family(
    "actiond_store_batch_size",
    Kind.HISTOGRAM,
    "Number of changes per transaction that the store's writer committed.",
    bounds=BATCH_SIZE_BUCKETS,
)
PENDING_CHANGES = Family(
    "actiond_store_changes_waiting", Kind.GAUGE, "Changes that were queued when the writer finished its last batch."
)

DELIVERY_ATTEMPTS = Family(
    "actiond_delivery_attempts_total", Kind.COUNTER, "Attempts to deliver an event that have ended.", ("outcome",)
)
DELIVERY_LAG = Family(
    "actiond_delivery_lag_seconds",
    Kind.HISTOGRAM,
    "Time from the moment at which an attempt was due until it began.",
    bounds=LAG_BUCKETS,
)
DELIVERY_AGE = Family(
    "actiond_delivery_age_seconds",
    Kind.HISTOGRAM,
    "Time from an event until a target had it, with a 2xx response.",
    bounds=AGE_BUCKETS,
)
DELIVERIES_DEAD = Family("actiond_deliveries_dead_total", Kind.COUNTER, "Deliveries that were given up.", ("reason",))
LEASES_LOST = Family(
    "actiond_delivery_leases_lost_total", Kind.COUNTER, "Claims of deliveries whose lease passed without a result."
)
CLAIM_SIZE = Family(
    "actiond_delivery_claim_size", Kind.HISTOGRAM, "Deliveries that were claimed at once.", bounds=BATCH_SIZE_BUCKETS
)
DELIVERIES = Family(
    "actiond_deliveries",
    Kind.GAUGE,
    "Deliveries that are not delivered, by state, as they were counted last.",
    ("state",),
)
OLDEST_DUE = Family(
    "actiond_deliveries_oldest_due_seconds", Kind.GAUGE, "For how long the delivery that is next has been due."
)
PAUSED_TARGETS = Family("actiond_targets_paused", Kind.GAUGE, "Targets that get probes only, as they fail.")

FAMILIES = (
    CALLS,
    CALL_DURATION,
    TARGET_CALLS,
    TARGET_CALL_DURATION,
    IGNORED_FAILURES,
    BACKGROUND_CALLS,
    BATCH_SIZE,
    PENDING_CHANGES,
    DELIVERY_ATTEMPTS,
    DELIVERY_LAG,
    DELIVERY_AGE,
    DELIVERIES_DEAD,
    LEASES_LOST,
    CLAIM_SIZE,
    DELIVERIES,
    OLDEST_DUE,
    PAUSED_TARGETS,
)
