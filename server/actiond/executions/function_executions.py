"""Runs the executions of functions, which callers name."""

from actiond.executions.function_payloads import FunctionPayload
from actiond.executions.plan_cache import PlanCache
from actiond.executions.plans import Considered, PlannedExecution
from actiond.executions.runner import Runner, RunningCall


class FunctionExecutions:
    """Finds and runs what is set for a function."""

    def __init__(self, plans: PlanCache, runner: Runner) -> None:
        self._plans = plans
        self._runner = runner

    async def plan(self, owner: str, revision: int, function: str) -> Considered:
        """Return the condition of a function and what is set for it, at `revision` or later."""
        return (await self._plans.of(owner, revision)).for_function(function)

    async def run(self, execution: PlannedExecution, payload: FunctionPayload, call: RunningCall) -> FunctionPayload:
        """Return the payload as the targets leave it. Raises what `Runner.run` raises."""
        return await self._runner.run(execution, payload, call)
