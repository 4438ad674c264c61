"""Converts targets between protobuf and the domain."""

import re
from collections.abc import Mapping
from typing import Any

from actiond_protos.zitadel.action.v2 import action_service_pb2, query_pb2, target_pb2

from actiond.actions.errors import EndpointInvalidError
from actiond.actions.queries import IdsQuery, NameQuery, TargetField, TargetQuery
from actiond.actions.targets import NewTarget, PayloadType, Target, TargetChange, TargetType
from actiond.api.target_messages import (
    TEXT_METHODS,
    interrupts,
    nanoseconds,
    put_nanoseconds,
    put_target_type,
    target_type_of,
)
from actiond.api.timestamps import put_ns
from actiond.api.v2.errors import TimeoutMissingError
from actiond.api.v2.pages import page_request_of

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_PAYLOAD_TYPES: Mapping[int, PayloadType] = {
    target_pb2.PAYLOAD_TYPE_JSON: PayloadType.JSON,
    target_pb2.PAYLOAD_TYPE_JWT: PayloadType.JWT,
    target_pb2.PAYLOAD_TYPE_JWE: PayloadType.JWE,
}
_PAYLOAD_TYPE_NUMBERS: Mapping[PayloadType, Any] = {one: number for number, one in _PAYLOAD_TYPES.items()}
_FIELDS = {
    query_pb2.TARGET_FIELD_NAME_UNSPECIFIED: TargetField.CREATION_DATE,
    query_pb2.TARGET_FIELD_NAME_ID: TargetField.ID,
    query_pb2.TARGET_FIELD_NAME_CREATED_DATE: TargetField.CREATION_DATE,
    query_pb2.TARGET_FIELD_NAME_CHANGED_DATE: TargetField.CHANGE_DATE,
    query_pb2.TARGET_FIELD_NAME_NAME: TargetField.NAME,
    query_pb2.TARGET_FIELD_NAME_TARGET_TYPE: TargetField.TARGET_TYPE,
    query_pb2.TARGET_FIELD_NAME_URL: TargetField.URL,
    query_pb2.TARGET_FIELD_NAME_TIMEOUT: TargetField.TIMEOUT,
    query_pb2.TARGET_FIELD_NAME_INTERRUPT_ON_ERROR: TargetField.INTERRUPT_ON_ERROR,
}


def new_target(request: action_service_pb2.CreateTargetRequest) -> NewTarget:
    """Return the target that a valid request describes. Raises TimeoutMissingError and EndpointInvalidError."""
    return NewTarget(
        name=request.name,
        type=target_type_of(request) or TargetType.WEBHOOK,
        interrupt_on_error=bool(interrupts(request)),
        timeout_ns=_timeout_ns(request),
        endpoint=_endpoint(request),
        payload_type=_payload_type(request) or PayloadType.JSON,
    )


def target_change(request: action_service_pb2.UpdateTargetRequest) -> TargetChange:
    """Return the change that a valid request describes. Raises TimeoutMissingError and EndpointInvalidError."""
    return TargetChange(
        name=request.name if request.HasField("name") else None,
        type=target_type_of(request),
        interrupt_on_error=interrupts(request),
        timeout_ns=_timeout_ns(request) if request.HasField("timeout") else None,
        endpoint=_endpoint(request) if request.HasField("endpoint") else None,
        payload_type=_payload_type(request),
    )


def target_query(request: action_service_pb2.ListTargetsRequest) -> TargetQuery:
    """Return the query of a valid request. Raises LimitTooHighError."""
    return TargetQuery(page_request_of(request), _FIELDS[request.sorting_column], tuple(map(_filter, request.filters)))


def put_target(message: target_pb2.Target, target: Target, signing_key: str) -> None:
    """Fill in a target. The signing key is empty for callers that may not see it."""
    message.id = target.id
    put_ns(message.creation_date, target.created_at_ns)
    put_ns(message.change_date, target.changed_at_ns)
    message.name = target.name
    put_target_type(message, target)
    put_nanoseconds(message.timeout, target.timeout_ns)
    message.endpoint = target.endpoint
    message.signing_key = signing_key
    if hasattr(message, "payload_type"):  # not in v2beta
        message.payload_type = _PAYLOAD_TYPE_NUMBERS[target.payload_type]


def _filter(one: query_pb2.TargetSearchFilter) -> NameQuery | IdsQuery:
    if one.WhichOneof("filter") == "target_name_filter":
        return NameQuery(one.target_name_filter.target_name, TEXT_METHODS[one.target_name_filter.method])
    return IdsQuery(frozenset(one.in_target_ids_filter.target_ids))


def _payload_type(request: Any) -> PayloadType | None:
    """Return the payload type that a request names; None if it names none, as in v2beta."""
    return _PAYLOAD_TYPES.get(getattr(request, "payload_type", target_pb2.PAYLOAD_TYPE_UNSPECIFIED))


def _timeout_ns(request: Any) -> int:
    timeout_ns = nanoseconds(request.timeout)
    if not timeout_ns:
        raise TimeoutMissingError
    return timeout_ns


def _endpoint(request: Any) -> str:
    endpoint: str = request.endpoint
    # v3alpha's proto has a rule for URLs. Here, as in ZITADEL, whatever can be called is taken; but Go's parser of URLs
    # refuses these, while ours leaves some of them out.
    if _CONTROL_CHARACTER.search(endpoint):
        raise EndpointInvalidError("the endpoint has control characters")
    return endpoint
