"""The metrics that there are: names, labels and buckets. Knows neither who counts nor how it is printed."""

from dataclasses import dataclass
from enum import Enum

OTHER = "other"
"""The label of what came after the bound on a label's values."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From a call that waits for nothing to a target's patience."""
CHANGES = tuple(float(2**power) for power in range(11))


class Kind(Enum):
    """What Prometheus may do with a figure."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its series: one for each set of values that its labels take."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Of a histogram's buckets, upwards; the last bucket, without a bound, is not among them."""

    @property
    def cells(self) -> int:
        """How many figures a series has: one; of a histogram its buckets', and the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1

    def key(self, *values: str) -> bytes:
        """By which the series with these values of the labels is kept."""
        return "\0".join((self.name, *values)).encode("utf-8", "backslashreplace")


def parse_key(key: bytes) -> tuple[str, tuple[str, ...]]:
    """The family's name and the labels' values."""
    name, *values = key.decode().split("\0")
    return name, tuple(values)


CALLS = Family(
    "actiond_calls_total",
    Kind.COUNTER,
    "API calls that have ended, and as method none the HTTP requests that reached no method.",
    ("method", "protocol", "code"),
)
CALL_DURATION = Family(
    "actiond_call_duration_seconds",
    Kind.HISTOGRAM,
    "How long API calls took, the executions that ran on them included.",
    ("method", "protocol"),
    SECONDS,
)
TARGET_CALLS = Family(
    "actiond_target_calls_total", Kind.COUNTER, "Calls to targets that have ended.", ("target", "outcome")
)
TARGET_CALL_DURATION = Family(
    "actiond_target_call_duration_seconds",
    Kind.HISTOGRAM,
    "How long calls to targets took, the wait for a place included.",
    ("outcome",),
    SECONDS,
)
IGNORED = Family(
    "actiond_target_failures_ignored_total",
    Kind.COUNTER,
    "Calls to targets that failed without failing the execution: their target does not interrupt on errors.",
    ("target",),
)
STARTED = Family(
    "actiond_started_target_calls", Kind.GAUGE, "Calls to targets that are under way and that nobody waits for."
)
BATCH_SIZE = Family(
    "actiond_store_batch_size",
    Kind.HISTOGRAM,
    "Changes that the store's writer committed in one transaction.",
    bounds=CHANGES,
)
WAITING = Family(
    "actiond_store_changes_waiting", Kind.GAUGE, "Changes that waited when the writer ended its last batch."
)

FAMILIES = (
    CALLS,
    CALL_DURATION,
    TARGET_CALLS,
    TARGET_CALL_DURATION,
    IGNORED,
    STARTED,
    BATCH_SIZE,
    WAITING,
)
