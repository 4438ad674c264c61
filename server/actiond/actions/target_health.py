"""Target health: when a target that fails is paused, probed and resumed.

A row exists only while a target fails, is paused, or is being resumed: a healthy target costs nothing.
"""

from dataclasses import dataclass, replace

from actiond.actions.deliveries import MAX_RETRY_AFTER_MS, TOO_MANY_REQUESTS, DeliveryPolicy

FIRST_PAUSE_MS = 10_000
MAX_PAUSE_MS = 300_000
"""The longest pause. Each one that ends with a failed probe is followed by one twice as long."""
FIRST_PORTION = 32
"""Parked deliveries that are released when a target is back. Each portion that does well is followed by two."""
MAX_PORTION = 4_096


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """A target's failures and pause. Moments are milliseconds since the epoch by the store's clock."""

    target_id: str
    owner: str
    failures: int = 0
    """In a row, over all workers."""
    failing_since_ms: int = 0
    """When the first of them ended; 0 without any."""
    paused_until_ms: int | None = None
    """When the next probe goes; None if the target is not paused, or until somebody resumes it."""
    is_held: bool = False
    """Paused until somebody resumes it: the receiver asked for no more deliveries."""
    pauses: int = 0
    """In a row."""
    probe: int = 0
    """Id of the delivery that is the running probe; 0 without one."""
    reason: str = ""
    """Outcome and status of the last failure."""
    portion: int = 0
    """How many parked deliveries were released last; 0 unless the target is being resumed."""
    pending: int = 0
    """How many of them have to succeed before twice as many are released."""

    @property
    def is_paused(self) -> bool:
        return self.is_held or self.paused_until_ms is not None

    def failed(self, now_ms: int, reason: str, policy: DeliveryPolicy, jitter: float) -> "TargetHealth":
        """Return the health after a failure: paused, if there were enough in a row for long enough."""
        failed = self.counted(now_ms, reason)
        if self.is_paused or failed.failures < policy.pause_failures:
            return failed
        if now_ms - failed.failing_since_ms < policy.pause_failing_ms:
            return failed
        return failed.paused(now_ms, jitter)

    def counted(self, now_ms: int, reason: str) -> "TargetHealth":
        """Return it with one failure more."""
        return replace(
            self, failures=self.failures + 1, failing_since_ms=self.failing_since_ms or now_ms, reason=reason
        )

    def paused(self, now_ms: int, jitter: float) -> "TargetHealth":
        """Return it paused, longer than the last time."""
        span = min(FIRST_PAUSE_MS * 2 ** min(self.pauses, 16), MAX_PAUSE_MS)
        return replace(
            self,
            paused_until_ms=now_ms + int(span * jitter),
            pauses=self.pauses + 1,
            probe=0,
            portion=0,
            pending=0,
        )

    def paused_as_asked(self, now_ms: int, asked_ms: int) -> "TargetHealth":
        """Return it paused for as long as the receiver asked, unless it is paused for longer."""
        until = now_ms + min(asked_ms, MAX_RETRY_AFTER_MS)
        if not asked_ms or self.is_held or (self.paused_until_ms or 0) >= until:
            return self
        return replace(self, paused_until_ms=until, probe=0, portion=0, pending=0)

    def held(self) -> "TargetHealth":
        """Return it paused until somebody resumes it."""
        return replace(self, is_held=True, paused_until_ms=None, probe=0, portion=0, pending=0)

    def probed(self, delivery_id: int, until_ms: int) -> "TargetHealth":
        """Return it while a probe runs: no other one goes before the probe's lease ends."""
        return replace(self, probe=delivery_id, paused_until_ms=until_ms)

    def resumed(self) -> "TargetHealth":
        """Return it as being resumed: its failures are forgotten, and the first portion is released."""
        return TargetHealth(self.target_id, self.owner, reason=self.reason).releasing()

    def releasing(self) -> "TargetHealth":
        """Return it while a first portion is released."""
        return replace(self, portion=FIRST_PORTION, pending=FIRST_PORTION)

    def succeeded(self) -> "TargetHealth":
        """Return the health after a success. If `pending` is 0 then, the next portion is to be released."""
        return replace(self, failures=0, failing_since_ms=0, pauses=0, pending=max(0, self.pending - 1))

    def next_portion(self) -> "TargetHealth":
        portion = min(2 * self.portion, MAX_PORTION)
        return replace(self, portion=portion, pending=portion)

    @property
    def is_trivial(self) -> bool:
        """Whether nothing needs to be kept of it."""
        return not (self.failures or self.is_paused or self.portion)


def asked_pause_ms(status: int | None, retry_after_ms: int | None) -> int:
    """Return for how long a response asks to leave a target alone, not just one message; 0 if it does not."""
    return (retry_after_ms or 0) if status == TOO_MANY_REQUESTS else 0
