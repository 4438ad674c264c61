"""What is set for which method, as far as actiond has said so, and for how long that can be trusted.

An answer of actiond holds at its revision. A watch streams the revision twice a second, and at once when it changes. So
an answer is used while the watch is heard, and forgotten with a higher revision, with the end of the watch, and when
the watch has been silent: a change by any process of actiond is seen within SILENCE.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from actiond_protos.actiond.v1.execution_service_pb2 import SetExecutions

SILENCE = 1.0
"""Seconds after which a watch that says nothing is no longer trusted."""
MAX_METHODS = 4_096
"""Number of methods that are remembered. Strangers can name any to a service that handles whatever is called."""


class Rule(NamedTuple):
    """Whether executions may run for a method."""

    request: bool
    response: bool


NOTHING = Rule(request=False, response=False)
"""Compared by identity: `Rules` returns no equal one."""


class Rules:
    """The rules by method. Any thread may use them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: dict[str, tuple[Rule, int]] = {}
        self._revision: int | None = None
        self._trusted_until = -1.0
        self.watch_number = 0
        """Number of watches that have begun. What was asked during another one is not remembered."""
        self.was_used = False
        """Set whenever a rule is looked up. The watch resets it, to find out whether anybody still wants it."""

    def find(self, method: str) -> Rule | None:
        """Return what is set for a method; None if that is not known, so that actiond has to be asked."""
        self.was_used = True
        found = self._rules.get(method)
        if found is None or self._clock() >= self._trusted_until:
            return None
        return found[0]

    def learn(self, method: str, said: SetExecutions, watch_number: int) -> Rule:
        """Return the rule that actiond's answer says, and remember it if it was asked during the present watch."""
        rule = Rule(said.request, said.response) if said.request or said.response else NOTHING
        with self._lock:
            if watch_number == self.watch_number and self._revision is not None and said.revision >= self._revision:
                if len(self._rules) >= MAX_METHODS and method not in self._rules:
                    self._rules = {}
                self._rules[method] = rule, said.revision
        return rule

    def watch_began(self) -> None:
        """Forget everything. Revisions may be those of another database."""
        with self._lock:
            self.watch_number += 1
            self._forget()

    def heard(self, revision: int) -> None:
        """Trust what holds at this revision, for a while."""
        with self._lock:
            if self._revision is not None and revision > self._revision:
                self._rules = {method: rule for method, rule in self._rules.items() if rule[1] >= revision}
            elif self._revision is not None and revision < self._revision:
                self._rules = {}
            self._revision = revision
            self._trusted_until = self._clock() + SILENCE

    def watch_ended(self) -> None:
        """Forget everything."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._rules = {}
        self._revision = None
        self._trusted_until = -1.0
