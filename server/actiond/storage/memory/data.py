"""What the memory store keeps. Values are never changed, only replaced."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from actiond.actions.events import Event
from actiond.actions.executions import Execution, Step
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target
from actiond.actions.tokens import Token


@dataclass(slots=True)
class Data:
    """Everything, by what it is found by."""

    targets: dict[str, Target] = field(default_factory=dict)
    target_names: dict[tuple[str, str], str] = field(default_factory=dict)
    """The id of the target with this owner and `name_key`."""
    keys: dict[str, Sequence[SigningKey]] = field(default_factory=dict)
    """By the target's id, the newest first."""
    executions: dict[tuple[str, str], Execution] = field(default_factory=dict)
    """By owner and the condition's key."""
    revision: int = 0
    """Of what runs: executions, their targets, the targets' keys."""
    tokens: dict[str, Token] = field(default_factory=dict)
    token_selectors: dict[bytes, str] = field(default_factory=dict)
    events: dict[tuple[str, str], dict[int, Event]] = field(default_factory=dict)
    """By aggregate, then by sequence."""
    position: int = 0
    """How many events there are."""
    at_ns: int = 0
    """When the last of them was added."""
    default_owner: str | None = None
    workers: int = 0

    def target(self, owner: str, target_id: str) -> Target | None:
        target = self.targets.get(target_id)
        return target if target is not None and target.owner == owner else None

    def executions_of(self, owner: str) -> Iterator[Execution]:
        return (execution for execution in self.executions.values() if execution.owner == owner)

    def executions_with(self, owner: str, step: Step) -> list[Execution]:
        having = (execution for execution in self.executions_of(owner) if step in execution.steps)
        return sorted(having, key=lambda execution: execution.condition.key)
