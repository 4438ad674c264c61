"""Executions: which targets are called under a condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition
from actiond.actions.events import EXECUTION, qualified_id
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target

MAX_INCLUDE_LEVELS = 3
"""Maximum length of a chain of includes: its executions, including the first one."""
MAX_STEPS = 1_000
"""Maximum number of steps of an execution, including those of its includes."""

Step = str | Condition
"""A target's id, or the condition of an execution whose steps run in its place."""


@dataclass(frozen=True, slots=True)
class Execution:
    """The targets that are called under a condition, in their state after event number `sequence`."""

    owner: str
    condition: Condition
    steps: tuple[Step, ...]
    """In the order of the calls."""
    sequence: int
    created_at_ns: int
    changed_at_ns: int
    match: str = ""
    """The match condition, a CEL expression: calls that do not meet it are not the execution's. Empty: all are."""

    @property
    def aggregate_id(self) -> str:
        """The id of its history. It contains the owner: two owners may each have an execution of the same condition."""
        return qualified_id(self.owner, EXECUTION, self.condition.key)


@dataclass(frozen=True, slots=True)
class ExecutionSnapshot:
    """Everything that running one owner's executions while a caller waits needs, read consistently."""

    revision: int
    executions: Sequence[Execution]
    targets: Mapping[str, Target]
    """By id: at least those that the executions name."""
    keys: Mapping[str, Sequence[SigningKey]]
    """By target id, newest first."""
