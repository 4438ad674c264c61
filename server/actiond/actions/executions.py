"""Executions: which targets are called under a condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actiond.actions.conditions import Condition
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target

LEVELS = 3
"""Executions in a chain of includes, the first one included."""
MOST_STEPS = 1_000
"""Steps of one execution, with those of what it includes."""

Step = str | Condition
"""A target's id, or the condition of an execution whose steps stand in its place."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What is called under a condition, as it stands after its event number `sequence`."""

    owner: str
    condition: Condition
    steps: tuple[Step, ...]
    """In the order of the calls."""
    sequence: int
    created_at_ns: int
    changed_at_ns: int


@dataclass(frozen=True, slots=True)
class Runnable:
    """All that is needed to run one owner's executions, as of one moment."""

    revision: int
    executions: Sequence[Execution]
    targets: Mapping[str, Target]
    """By id: those that the executions name, and perhaps others."""
    keys: Mapping[str, Sequence[SigningKey]]
    """By the target's id, the newest first."""
