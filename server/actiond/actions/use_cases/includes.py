"""Checks an execution's steps: they exist, and includes are few, shallow and without cycles."""

from collections.abc import Sequence
from operator import itemgetter

from actiond.actions.conditions import Condition, is_canonical
from actiond.actions.errors import (
    CircularIncludeError,
    IncludeNotFoundError,
    TargetNotFoundError,
    TooManyIncludeLevelsError,
    TooManyStepsError,
)
from actiond.actions.executions import MAX_INCLUDE_LEVELS, MAX_STEPS, Step
from actiond.actions.ports import Transaction


class IncludeGraph:
    """One owner's executions, as they would be with one of them set to new steps.

    What is stored already has no cycles and at most MAX_INCLUDE_LEVELS levels, so every walk is short.
    """

    def __init__(self, transaction: Transaction, owner: str, condition: Condition, steps: tuple[Step, ...]) -> None:
        self._transaction = transaction
        self._owner = owner
        self._condition = condition
        self._steps: dict[Condition, tuple[Step, ...]] = {condition: steps}

    def check(self) -> None:
        """Raise the error of the first rule that the new steps violate."""
        if len(self._steps[self._condition]) > MAX_STEPS:
            raise TooManyStepsError(MAX_STEPS)
        # A step that occurs more than once is reported at its first position.
        positions = {step: position for position, step in reversed(list(enumerate(self._steps[self._condition])))}
        if self._condition in positions:
            raise CircularIncludeError(positions[self._condition])
        for step, position in sorted(positions.items(), key=itemgetter(1)):
            if isinstance(step, str):
                if self._transaction.targets.get(self._owner, step) is None:
                    raise TargetNotFoundError(step, position)
            elif not self._exists(step):
                raise IncludeNotFoundError(position)
        for include in self._includes(self._condition):
            if self._reaches(include):
                raise CircularIncludeError(positions[include])
        if self._depth_above(self._condition) + self._depth_below(self._condition) > MAX_INCLUDE_LEVELS:
            raise TooManyIncludeLevelsError(MAX_INCLUDE_LEVELS)
        affected = (self._condition, *self._ancestors(self._condition))
        if any(self._count(condition) > MAX_STEPS for condition in affected):
            raise TooManyStepsError(MAX_STEPS)

    def _exists(self, condition: Condition) -> bool:
        if not is_canonical(condition):
            return False
        execution = self._transaction.executions.get(self._owner, condition)
        if execution is not None:
            self._steps[condition] = execution.steps
        return execution is not None

    def _includes(self, condition: Condition) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys(step for step in self._steps_of(condition) if isinstance(step, Condition)))

    def _steps_of(self, condition: Condition) -> tuple[Step, ...]:
        if condition not in self._steps and not self._exists(condition):
            self._steps[condition] = ()
        return self._steps[condition]

    def _reaches(self, condition: Condition) -> bool:
        """Return whether a chain of includes from here leads to the execution being set."""
        return condition == self._condition or any(map(self._reaches, self._includes(condition)))

    def _depth_below(self, condition: Condition) -> int:
        """Return the number of executions in the longest chain that begins here."""
        return 1 + max(map(self._depth_below, self._includes(condition)), default=0)

    def _depth_above(self, condition: Condition) -> int:
        """Return the number of executions in the longest chain that leads here, without this one."""
        return max((1 + self._depth_above(parent) for parent in self._parents(condition)), default=0)

    def _ancestors(self, condition: Condition) -> set[Condition]:
        """Return the conditions of all executions from which a chain of includes leads here."""
        parents = set(self._parents(condition))
        return parents.union(*map(self._ancestors, parents))

    def _parents(self, condition: Condition) -> Sequence[Condition]:
        including = self._transaction.executions.with_step(self._owner, condition)
        return [execution.condition for execution in including]

    def _count(self, condition: Condition) -> int:
        """Return the number of steps, including those of the includes. Stop counting beyond MAX_STEPS."""
        count = 0
        for step in self._steps_of(condition):
            count += 1 if isinstance(step, str) else 1 + self._count(step)
            if count > MAX_STEPS:
                break
        return count
