"""The checks that an execution's steps must pass: they exist, and includes are few, shallow and without circles."""

from collections.abc import Sequence
from operator import itemgetter

from actiond.actions.conditions import Condition, is_proper
from actiond.actions.errors import (
    CircularIncludeError,
    IncludeNotFoundError,
    TargetOfExecutionNotFoundError,
    TooManyIncludeLevelsError,
    TooManyStepsError,
)
from actiond.actions.executions import LEVELS, MOST_STEPS, Step
from actiond.actions.ports import Transaction


class Graph:
    """The owner's executions as they would be with one of them set anew.

    What is stored already is free of circles and at most `LEVELS` deep, so every walk is short.
    """

    def __init__(self, transaction: Transaction, owner: str, condition: Condition, steps: tuple[Step, ...]) -> None:
        self._transaction = transaction
        self._owner = owner
        self._condition = condition
        self._steps: dict[Condition, tuple[Step, ...]] = {condition: steps}

    def check(self) -> None:
        """Raises the error of what is wrong with the new steps."""
        if len(self._steps[self._condition]) > MOST_STEPS:
            raise TooManyStepsError
        # A step that occurs more than once stands for the first.
        steps = {step: position for position, step in reversed(list(enumerate(self._steps[self._condition])))}
        if self._condition in steps:
            raise CircularIncludeError(steps[self._condition])
        for step, position in sorted(steps.items(), key=itemgetter(1)):
            if isinstance(step, str):
                if self._transaction.target(self._owner, step) is None:
                    raise TargetOfExecutionNotFoundError(position)
            elif not self._exists(step):
                raise IncludeNotFoundError(position)
        for include in self._includes(self._condition):
            if self._leads_back(include):
                raise CircularIncludeError(steps[include])
        if self._rise(self._condition) + self._height(self._condition) > LEVELS:
            raise TooManyIncludeLevelsError
        if any(self._count(condition) > MOST_STEPS for condition in (self._condition, *self._above(self._condition))):
            raise TooManyStepsError

    def _exists(self, condition: Condition) -> bool:
        execution = self._transaction.execution(self._owner, condition) if is_proper(condition) else None
        if execution is not None:
            self._steps[condition] = execution.steps
        return execution is not None

    def _includes(self, condition: Condition) -> tuple[Condition, ...]:
        return tuple(dict.fromkeys(step for step in self._steps_of(condition) if isinstance(step, Condition)))

    def _steps_of(self, condition: Condition) -> tuple[Step, ...]:
        if condition not in self._steps and not self._exists(condition):
            self._steps[condition] = ()
        return self._steps[condition]

    def _leads_back(self, condition: Condition) -> bool:
        return condition == self._condition or any(map(self._leads_back, self._includes(condition)))

    def _height(self, condition: Condition) -> int:
        """Executions in the longest chain that begins here."""
        return 1 + max(map(self._height, self._includes(condition)), default=0)

    def _rise(self, condition: Condition) -> int:
        """Executions in the longest chain that leads here, without this one."""
        return max((1 + self._rise(parent) for parent in self._parents(condition)), default=0)

    def _above(self, condition: Condition) -> set[Condition]:
        """All executions that lead here."""
        parents = set(self._parents(condition))
        return parents.union(*map(self._above, parents))

    def _parents(self, condition: Condition) -> Sequence[Condition]:
        return [execution.condition for execution in self._transaction.executions_with(self._owner, condition)]

    def _count(self, condition: Condition) -> int:
        """Steps, with those of the includes; what is beyond the bound is not counted to its end."""
        count = 0
        for step in self._steps_of(condition):
            count += 1 if isinstance(step, str) else 1 + self._count(step)
            if count > MOST_STEPS:
                break
        return count
