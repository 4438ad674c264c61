"""Converts executions between protobuf and the domain."""

from collections.abc import Iterable

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, execution_pb2, query_pb2

from actiond.actions.conditions import is_canonical
from actiond.actions.executions import Execution, Step
from actiond.actions.queries import ConditionsQuery, ExecutionQuery, StepQuery, TypeQuery
from actiond.api.conditions import EXECUTION_TYPES, condition_of, put_condition
from actiond.api.v3alpha.details import page_request_of, put_details


def steps_of(messages: Iterable[execution_pb2.ExecutionTargetType]) -> tuple[Step, ...]:
    """Return the steps of a valid message, in order."""
    return tuple(
        condition_of(message.include, f"targets[{position}].include")
        if message.WhichOneof("type") == "include"
        else message.target
        for position, message in enumerate(messages)
    )


def put_execution(message: execution_pb2.Execution, execution: Execution) -> None:
    """Fill in an execution."""
    put_condition(message.Condition, execution.condition)
    put_details(message.details, execution)
    for step in execution.steps:
        if isinstance(step, str):
            message.targets.add(target=step)
        else:
            put_condition(message.targets.add().include, step)


def execution_query(request: action_service_pb2.ListExecutionsRequest) -> ExecutionQuery:
    """Return the query of a valid request. Raises LimitTooHighError, and ConditionEmptyError for a filter."""
    filters = (_filter(query, position) for position, query in enumerate(request.queries))
    return ExecutionQuery(page_request_of(request.query), tuple(one for one in filters if one is not None))


def _filter(query: query_pb2.SearchQuery, position: int) -> ConditionsQuery | TypeQuery | StepQuery | None:
    """Return a filter; None for a query that matches every execution."""
    path = f"queries[{position}]"
    match query.WhichOneof("query"):
        case "in_conditions_query":
            conditions = (
                condition_of(condition, f"{path}.in_conditions_query.conditions[{at}]")
                for at, condition in enumerate(query.in_conditions_query.conditions)
            )
            return ConditionsQuery(frozenset(condition.key for condition in conditions if is_canonical(condition)))
        case "execution_type_query":
            execution_type = EXECUTION_TYPES.get(query.execution_type_query.execution_type)
            return None if execution_type is None else TypeQuery(execution_type)
        case "target_query":
            return StepQuery(target_id=query.target_query.target_id)
        case _:
            include = condition_of(query.include_query.include, f"{path}.include_query.include")
            return StepQuery(include=include.key) if is_canonical(include) else ConditionsQuery(frozenset())
