"""Converts executions between protobuf and the domain."""

from actiond_protos.zitadel.action.v2 import action_service_pb2, execution_pb2, query_pb2

from actiond.actions.conditions import Condition, is_canonical
from actiond.actions.executions import Execution
from actiond.actions.queries import (
    CallsQuery,
    ConditionsQuery,
    ExecutionField,
    ExecutionFilter,
    ExecutionQuery,
    HasStepsQuery,
    TypeQuery,
)
from actiond.api.conditions import EXECUTION_TYPES, condition_of, put_condition
from actiond.api.timestamps import put_ns
from actiond.api.v2.errors import ConditionMissingError
from actiond.api.v2.pages import page_request_of

_FIELDS = {
    query_pb2.EXECUTION_FIELD_NAME_UNSPECIFIED: ExecutionField.CREATION_DATE,
    query_pb2.EXECUTION_FIELD_NAME_ID: ExecutionField.KEY,
    query_pb2.EXECUTION_FIELD_NAME_CREATED_DATE: ExecutionField.CREATION_DATE,
    query_pb2.EXECUTION_FIELD_NAME_CHANGED_DATE: ExecutionField.CHANGE_DATE,
}


def set_condition(request: action_service_pb2.SetExecutionRequest) -> Condition:
    """Return the condition of a valid request. Raises ConditionMissingError."""
    if not request.HasField("condition"):
        raise ConditionMissingError
    return condition_of(request.condition)


def put_execution(message: execution_pb2.Execution, execution: Execution) -> None:
    """Fill in an execution without includes."""
    put_condition(message.condition, execution.condition)
    put_ns(message.creation_date, execution.created_at_ns)
    put_ns(message.change_date, execution.changed_at_ns)
    message.targets.extend(step for step in execution.steps if isinstance(step, str))


def execution_query(request: action_service_pb2.ListExecutionsRequest) -> ExecutionQuery:
    """Return the query of a valid request, which leaves out executions without steps. Raises LimitTooHighError."""
    filters = (one for message in request.filters if (one := _filter(message)) is not None)
    return ExecutionQuery(page_request_of(request), (HasStepsQuery(), *filters), _FIELDS[request.sorting_column])


def _filter(message: query_pb2.ExecutionSearchFilter) -> ExecutionFilter | None:
    """Return a filter; None for one that matches every execution."""
    match message.WhichOneof("filter"):
        case "in_conditions_filter":
            conditions = map(condition_of, message.in_conditions_filter.conditions)
            return ConditionsQuery(frozenset(condition.key for condition in conditions if is_canonical(condition)))
        case "execution_type_filter":
            execution_type = EXECUTION_TYPES.get(message.execution_type_filter.execution_type)
            return None if execution_type is None else TypeQuery(execution_type)
        case _:
            return CallsQuery(message.target_filter.target_id)
