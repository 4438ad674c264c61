"""Converts targets between protobuf and the domain."""

from typing import Any

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, query_pb2, target_pb2
from actiond_protos.zitadel.object.v2 import object_pb2
from google.protobuf.duration_pb2 import Duration

from actiond.actions.queries import IdsQuery, NameQuery, TargetField, TargetQuery, TextMethod
from actiond.actions.targets import NewTarget, Target, TargetChange, TargetType
from actiond.api.v3alpha.details import page_request_of, put_details

_NANOS = 1_000_000_000

# By the member of the oneof `target_type`.
_TYPES = {
    "rest_webhook": TargetType.WEBHOOK,
    "rest_call": TargetType.CALL,
    "rest_async": TargetType.ASYNC,
}
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
_METHODS = {
    object_pb2.TEXT_QUERY_METHOD_EQUALS: TextMethod.EQUALS,
    object_pb2.TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE: TextMethod.EQUALS_IGNORE_CASE,
    object_pb2.TEXT_QUERY_METHOD_STARTS_WITH: TextMethod.STARTS_WITH,
    object_pb2.TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE: TextMethod.STARTS_WITH_IGNORE_CASE,
    object_pb2.TEXT_QUERY_METHOD_CONTAINS: TextMethod.CONTAINS,
    object_pb2.TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE: TextMethod.CONTAINS_IGNORE_CASE,
    object_pb2.TEXT_QUERY_METHOD_ENDS_WITH: TextMethod.ENDS_WITH,
    object_pb2.TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE: TextMethod.ENDS_WITH_IGNORE_CASE,
}


def new_target(request: action_service_pb2.CreateTargetRequest) -> NewTarget:
    """Return the target that a valid request describes."""
    member = request.WhichOneof("target_type")
    return NewTarget(
        name=request.name,
        type=_TYPES[member],
        interrupt_on_error=_interrupts(request, member),
        timeout_ns=_nanoseconds(request.timeout),
        endpoint=request.endpoint,
    )


def target_change(request: action_service_pb2.UpdateTargetRequest) -> TargetChange:
    """Return the change that a valid request describes."""
    member = request.WhichOneof("target_type")
    return TargetChange(
        name=request.name if request.HasField("name") else None,
        type=None if member is None else _TYPES[member],
        interrupt_on_error=None if member is None else _interrupts(request, member),
        timeout_ns=_nanoseconds(request.timeout) if request.HasField("timeout") else None,
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
    message.timeout.seconds, message.timeout.nanos = divmod(target.timeout_ns, _NANOS)
    message.endpoint = target.endpoint
    match target.type:
        case TargetType.WEBHOOK:
            message.rest_webhook.SetInParent()
            message.rest_webhook.interrupt_on_error = target.interrupt_on_error
        case TargetType.CALL:
            message.rest_call.SetInParent()
            message.rest_call.interrupt_on_error = target.interrupt_on_error
        case TargetType.ASYNC:
            message.rest_async.SetInParent()


def _filter(query: query_pb2.TargetSearchQuery) -> NameQuery | IdsQuery:
    if query.WhichOneof("query") == "target_name_query":
        return NameQuery(query.target_name_query.target_name, _METHODS[query.target_name_query.method])
    return IdsQuery(frozenset(query.in_target_ids_query.target_ids))


def _interrupts(request: Any, member: str) -> bool:
    return getattr(getattr(request, member), "interrupt_on_error", False)


def _nanoseconds(duration: Duration) -> int:
    return duration.seconds * _NANOS + duration.nanos
