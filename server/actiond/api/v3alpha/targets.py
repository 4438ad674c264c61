"""Converts targets between protobuf and the domain."""

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, query_pb2, target_pb2

from actiond.actions.queries import IdsQuery, NameQuery, TargetField, TargetQuery
from actiond.actions.targets import NewTarget, Target, TargetChange, TargetType
from actiond.api.target_messages import (
    TEXT_METHODS,
    interrupts,
    nanoseconds,
    put_nanoseconds,
    put_target_type,
    target_type_of,
)
from actiond.api.v3alpha.details import page_request_of, put_details

_FIELDS = {
    query_pb2.FIELD_NAME_UNSPECIFIED: TargetField.ID,
    query_pb2.FIELD_NAME_ID: TargetField.ID,
    query_pb2.FIELD_NAME_CREATION_DATE: TargetField.CREATION_DATE,
    query_pb2.FIELD_NAME_CHANGE_DATE: TargetField.CHANGE_DATE,
    query_pb2.FIELD_NAME_NAME: TargetField.NAME,
    query_pb2.FIELD_NAME_TARGET_TYPE: TargetField.TARGET_TYPE,
    query_pb2.FIELD_NAME_URL: TargetField.URL,
    query_pb2.FIELD_NAME_TIMEOUT: TargetField.TIMEOUT,
    query_pb2.FIELD_NAME_ASYNC: TargetField.ASYNC,
    query_pb2.FIELD_NAME_INTERRUPT_ON_ERROR: TargetField.INTERRUPT_ON_ERROR,
}


def new_target(request: action_service_pb2.CreateTargetRequest) -> NewTarget:
    """Return the target that a valid request describes."""
    return NewTarget(
        name=request.name,
        type=target_type_of(request) or TargetType.WEBHOOK,
        interrupt_on_error=bool(interrupts(request)),
        timeout_ns=nanoseconds(request.timeout),
        endpoint=request.endpoint,
    )


def target_change(request: action_service_pb2.UpdateTargetRequest) -> TargetChange:
    """Return the change that a valid request describes."""
    return TargetChange(
        name=request.name if request.HasField("name") else None,
        type=target_type_of(request),
        interrupt_on_error=interrupts(request),
        timeout_ns=nanoseconds(request.timeout) if request.HasField("timeout") else None,
        endpoint=request.endpoint if request.HasField("endpoint") else None,
    )


def target_query(request: action_service_pb2.ListTargetsRequest) -> TargetQuery:
    """Return the query of a valid request. Raises LimitTooHighError."""
    return TargetQuery(
        page_request_of(request.query), _FIELDS[request.sorting_column], tuple(map(_filter, request.queries))
    )


def put_target(message: target_pb2.Target, target: Target) -> None:
    """Fill in a target."""
    message.target_id = target.id
    put_details(message.details, target)
    message.name = target.name
    put_nanoseconds(message.timeout, target.timeout_ns)
    message.endpoint = target.endpoint
    put_target_type(message, target)


def _filter(query: query_pb2.TargetSearchQuery) -> NameQuery | IdsQuery:
    if query.WhichOneof("query") == "target_name_query":
        return NameQuery(query.target_name_query.target_name, TEXT_METHODS[query.target_name_query.method])
    return IdsQuery(frozenset(query.in_target_ids_query.target_ids))
