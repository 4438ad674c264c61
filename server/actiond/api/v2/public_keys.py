"""Converts public keys, and lists those of a target, which are few, from what the store has of them."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from actiond_protos.zitadel.action.v2 import action_service_pb2, query_pb2, target_pb2
from actiond_protos.zitadel.filter.v2 import filter_pb2

from actiond.actions.public_keys import PublicKey, TargetPublicKeys
from actiond.api.timestamps import ns_of, put_ns
from actiond.api.v2.pages import page_request_of

_COMPARISONS: Mapping[int, Callable[[int, int], bool]] = {
    filter_pb2.TIMESTAMP_FILTER_METHOD_EQUALS: operator.eq,
    filter_pb2.TIMESTAMP_FILTER_METHOD_AFTER: operator.gt,
    filter_pb2.TIMESTAMP_FILTER_METHOD_AFTER_OR_EQUALS: operator.ge,
    filter_pb2.TIMESTAMP_FILTER_METHOD_BEFORE: operator.lt,
    filter_pb2.TIMESTAMP_FILTER_METHOD_BEFORE_OR_EQUALS: operator.le,
}
_SORT_VALUES: Mapping[int, Callable[[PublicKey], Any]] = {
    query_pb2.PUBLIC_KEY_FIELD_NAME_UNSPECIFIED: lambda key: key.created_at_ns,
    query_pb2.PUBLIC_KEY_FIELD_NAME_CREATION_DATE: lambda key: key.created_at_ns,
    query_pb2.PUBLIC_KEY_FIELD_NAME_CHANGE_DATE: lambda key: key.changed_at_ns,
    query_pb2.PUBLIC_KEY_FIELD_NAME_EXPIRATION_DATE: lambda key: key.expires_at_ns or 0,
}


def put_public_keys(
    message: action_service_pb2.ListPublicKeysResponse,
    request: action_service_pb2.ListPublicKeysRequest,
    of_target: TargetPublicKeys,
) -> None:
    """Fill in the page of a target's keys that a valid request asks for. Raises LimitTooHighError."""
    page = page_request_of(request)
    sort_value = _SORT_VALUES[request.sorting_column]
    matching = sorted(
        (key for key in of_target.keys if all(_matches(key, of_target.active_id, one) for one in request.filters)),
        key=lambda key: (sort_value(key), key.id),
        reverse=not page.ascending,
    )
    if request.sorting_column == query_pb2.PUBLIC_KEY_FIELD_NAME_EXPIRATION_DATE:
        matching.sort(key=lambda key: key.expires_at_ns is None)
    message.pagination.total_result = len(matching)
    message.pagination.applied_limit = page.limit
    for key in matching[page.offset : page.offset + page.limit]:
        _put_public_key(message.public_keys.add(), key, is_active=key.id == of_target.active_id)


def expires_at_ns(request: action_service_pb2.AddPublicKeyRequest) -> int | None:
    """Return when the key of a valid request expires; None if it does not."""
    return ns_of(request.expiration_date) if request.HasField("expiration_date") else None


def _put_public_key(message: target_pb2.PublicKey, key: PublicKey, *, is_active: bool) -> None:
    message.key_id = key.id
    message.active = is_active
    message.public_key = key.pem
    message.fingerprint = key.fingerprint
    if key.expires_at_ns is not None:
        put_ns(message.expiration_date, key.expires_at_ns)
    put_ns(message.creation_date, key.created_at_ns)
    put_ns(message.change_date, key.changed_at_ns)


def _matches(key: PublicKey, active_id: str | None, one: query_pb2.PublicKeySearchFilter) -> bool:
    match one.WhichOneof("filter"):
        case "key_ids_filter":
            return key.id in one.key_ids_filter.ids
        case "active_filter":
            return one.active_filter == (key.id == active_id)
        case _:
            wanted = one.expiration_date_filter
            compare = _COMPARISONS[wanted.method]
            return key.expires_at_ns is not None and compare(key.expires_at_ns, ns_of(wanted.timestamp))
