"""The words in which rows speak of all eleven methods: their calls, their answers, and what executions are made of.

An id is known only once its target is made: rows write `id_of("a name")`, and whoever runs them puts in the id.
"""

from collections.abc import Iterable
from typing import Any

from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha import execution_pb2, query_pb2
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition, Execution, ExecutionTargetType
from actiond_protos.zitadel.action.v3alpha.target_pb2 import Target
from actiond_protos.zitadel.object.v2.object_pb2 import Details, ListDetails, ListQuery
from google.protobuf.message import Message

from tests.support.action_service.model import Call, Outcome

OWNER = "<owner>"
"""Stands for the resource owner of whoever runs the row."""
FUNCTIONS = ("second", "first", "third", "fourth", "fifth")
"""Those that the server was told of."""
BEARER = "Bearer {token}"

Column = query_pb2.TargetFieldName
ANY_COLUMN = query_pb2.FIELD_NAME_UNSPECIFIED


def id_of(name: str) -> str:
    """Stands for the id of the target that the row has made under this name."""
    return f"<id of {name}>"


def update(target_id: str, /, *, json: str | None = None, **fields: Any) -> Call:
    return Call("UpdateTarget", pb.UpdateTargetRequest(target_id=target_id, **fields), json=json)


def delete(target_id: str, *, json: str | None = None) -> Call:
    return Call("DeleteTarget", pb.DeleteTargetRequest(target_id=target_id), json=json)


def list_targets(
    *queries: query_pb2.TargetSearchQuery, column: Column = ANY_COLUMN, authorization: str = BEARER, **page: Any
) -> Call:
    """`page` are the fields of ListQuery."""
    query = ListQuery(**page) if page else None
    message = pb.ListTargetsRequest(query=query, sorting_column=column, queries=queries)
    return Call("ListTargets", message, authorization=authorization)


def set_execution(condition: Condition | None, *steps: "Step") -> Call:
    return Call("SetExecution", pb.SetExecutionRequest(condition=condition, targets=steps_of(steps)))


def delete_execution(condition: Condition | None) -> Call:
    return Call("DeleteExecution", pb.DeleteExecutionRequest(condition=condition))


def list_executions(*queries: query_pb2.SearchQuery, authorization: str = BEARER, **page: Any) -> Call:
    """`page` are the fields of ListQuery."""
    query = ListQuery(**page) if page else None
    return Call("ListExecutions", pb.ListExecutionsRequest(query=query, queries=queries), authorization=authorization)


def list_functions() -> Call:
    return Call("ListExecutionFunctions", pb.ListExecutionFunctionsRequest())


def list_methods() -> Call:
    return Call("ListExecutionMethods", pb.ListExecutionMethodsRequest())


def list_services() -> Call:
    return Call("ListExecutionServices", pb.ListExecutionServicesRequest())


Step = str | Condition
"""A target's id, or an include."""


def on_request(**scope: Any) -> Condition:
    return Condition(request=execution_pb2.RequestExecution(**scope))


def on_response(**scope: Any) -> Condition:
    return Condition(response=execution_pb2.ResponseExecution(**scope))


def on_function(name: str) -> Condition:
    return Condition(function=execution_pb2.FunctionExecution(name=name))


def on_event(**scope: Any) -> Condition:
    return Condition(event=execution_pb2.EventExecution(**scope))


def steps_of(steps: Iterable[Step]) -> list[ExecutionTargetType]:
    return [
        ExecutionTargetType(target=step) if isinstance(step, str) else ExecutionTargetType(include=step)
        for step in steps
    ]


def answer(response: Message) -> Outcome:
    return Outcome(0, response=response)


def details(sequence: int) -> Details:
    """Of a change made just now; when exactly, no row can know."""
    return Details(sequence=sequence, resource_owner=OWNER)


def updated(sequence: int) -> Outcome:
    return answer(pb.UpdateTargetResponse(details=details(sequence)))


def deleted(sequence: int) -> Outcome:
    return answer(pb.DeleteTargetResponse(details=details(sequence)))


def execution_set(sequence: int) -> Outcome:
    return answer(pb.SetExecutionResponse(details=details(sequence)))


def execution_deleted(sequence: int) -> Outcome:
    return answer(pb.DeleteExecutionResponse(details=details(sequence)))


def found(target: Target) -> Outcome:
    """The answer of GetTargetByID."""
    return answer(pb.GetTargetByIDResponse(target=target))


def targets_listed(*targets: Target, total: int | None = None, column: Column = ANY_COLUMN) -> Outcome:
    """`total` unless the page holds all that match."""
    counted = ListDetails(total_result=len(targets) if total is None else total)
    return answer(pb.ListTargetsResponse(details=counted, sorting_column=column, result=targets))


def executions_listed(*executions: Execution, total: int | None = None) -> Outcome:
    """`total` unless the page holds all that match."""
    counted = ListDetails(total_result=len(executions) if total is None else total)
    return answer(pb.ListExecutionsResponse(details=counted, result=executions))


def target(said: pb.CreateTargetRequest, details: Details, target_id: str | None = None) -> Target:
    """The target that is as `said`; the one that the row has made unless its id is given."""
    kind = said.WhichOneof("target_type")
    assert kind is not None
    return Target(
        target_id=target_id or id_of(said.name),
        details=details,
        name=said.name,
        timeout=said.timeout,
        endpoint=said.endpoint,
        **{kind: getattr(said, kind)},
    )


def execution(condition: Condition, *steps: Step, sequence: int = 1) -> Execution:
    """An execution as it is listed."""
    return Execution(Condition=condition, details=details(sequence), targets=steps_of(steps))
