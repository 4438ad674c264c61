import datetime

from ...actiond.v1 import delivery_pb2 as _delivery_pb2
from ...actiond.v1 import target_health_pb2 as _target_health_pb2
from ...buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from ...zitadel.protoc_gen_zitadel.v2 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: _delivery_pb2.DeliveryFilter
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[_Union[_delivery_pb2.DeliveryFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_page_token")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[_delivery_pb2.Delivery]
    next_page_token: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[_delivery_pb2.Delivery, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CountDeliveriesRequest(_message.Message):
    __slots__ = ("filter",)
    FILTER_FIELD_NUMBER: _ClassVar[int]
    filter: _delivery_pb2.DeliveryFilter
    def __init__(self, filter: _Optional[_Union[_delivery_pb2.DeliveryFilter, _Mapping]] = ...) -> None: ...

class CountDeliveriesResponse(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[_delivery_pb2.DeliveryCount]
    def __init__(self, counts: _Optional[_Iterable[_Union[_delivery_pb2.DeliveryCount, _Mapping]]] = ...) -> None: ...

class GetDeliveryRequest(_message.Message):
    __slots__ = ("delivery_id",)
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    def __init__(self, delivery_id: _Optional[str] = ...) -> None: ...

class GetDeliveryResponse(_message.Message):
    __slots__ = ("delivery", "attempts", "payload", "headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    delivery: _delivery_pb2.Delivery
    attempts: _containers.RepeatedCompositeFieldContainer[_delivery_pb2.Attempt]
    payload: str
    headers: _containers.ScalarMap[str, str]
    def __init__(self, delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[_delivery_pb2.Attempt, _Mapping]]] = ..., payload: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RetryDeliveryRequest(_message.Message):
    __slots__ = ("delivery_id",)
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    def __init__(self, delivery_id: _Optional[str] = ...) -> None: ...

class RetryDeliveryResponse(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: _delivery_pb2.Delivery
    def __init__(self, delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ...) -> None: ...

class CancelDeliveryRequest(_message.Message):
    __slots__ = ("delivery_id",)
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    def __init__(self, delivery_id: _Optional[str] = ...) -> None: ...

class CancelDeliveryResponse(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: _delivery_pb2.Delivery
    def __init__(self, delivery: _Optional[_Union[_delivery_pb2.Delivery, _Mapping]] = ...) -> None: ...

class RetryDeliveriesRequest(_message.Message):
    __slots__ = ("filter", "count_only")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_ONLY_FIELD_NUMBER: _ClassVar[int]
    filter: _delivery_pb2.DeliveryFilter
    count_only: bool
    def __init__(self, filter: _Optional[_Union[_delivery_pb2.DeliveryFilter, _Mapping]] = ..., count_only: _Optional[bool] = ...) -> None: ...

class RetryDeliveriesResponse(_message.Message):
    __slots__ = ("count", "complete")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    count: int
    complete: bool
    def __init__(self, count: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class CancelDeliveriesRequest(_message.Message):
    __slots__ = ("filter", "count_only")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_ONLY_FIELD_NUMBER: _ClassVar[int]
    filter: _delivery_pb2.DeliveryFilter
    count_only: bool
    def __init__(self, filter: _Optional[_Union[_delivery_pb2.DeliveryFilter, _Mapping]] = ..., count_only: _Optional[bool] = ...) -> None: ...

class CancelDeliveriesResponse(_message.Message):
    __slots__ = ("count", "complete")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    count: int
    complete: bool
    def __init__(self, count: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class WatchDeliveriesRequest(_message.Message):
    __slots__ = ("filter", "position")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    filter: _delivery_pb2.DeliveryFilter
    position: str
    def __init__(self, filter: _Optional[_Union[_delivery_pb2.DeliveryFilter, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class WatchDeliveriesResponse(_message.Message):
    __slots__ = ("position", "change", "heartbeat", "missed")
    class Heartbeat(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Missed(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    position: str
    change: _delivery_pb2.DeliveryChange
    heartbeat: WatchDeliveriesResponse.Heartbeat
    missed: WatchDeliveriesResponse.Missed
    def __init__(self, position: _Optional[str] = ..., change: _Optional[_Union[_delivery_pb2.DeliveryChange, _Mapping]] = ..., heartbeat: _Optional[_Union[WatchDeliveriesResponse.Heartbeat, _Mapping]] = ..., missed: _Optional[_Union[WatchDeliveriesResponse.Missed, _Mapping]] = ...) -> None: ...

class TestTargetRequest(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class TestTargetResponse(_message.Message):
    __slots__ = ("outcome", "http_status", "duration")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    http_status: int
    duration: _duration_pb2.Duration
    def __init__(self, outcome: _Optional[str] = ..., http_status: _Optional[int] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetTargetHealthRequest(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class GetTargetHealthResponse(_message.Message):
    __slots__ = ("health",)
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    health: _target_health_pb2.TargetHealth
    def __init__(self, health: _Optional[_Union[_target_health_pb2.TargetHealth, _Mapping]] = ...) -> None: ...

class ResumeTargetRequest(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class ResumeTargetResponse(_message.Message):
    __slots__ = ("health",)
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    health: _target_health_pb2.TargetHealth
    def __init__(self, health: _Optional[_Union[_target_health_pb2.TargetHealth, _Mapping]] = ...) -> None: ...

class PublishEventRequest(_message.Message):
    __slots__ = ("type", "aggregate_type", "aggregate_id", "payload", "event_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    aggregate_type: str
    aggregate_id: str
    payload: _struct_pb2.Struct
    event_id: str
    def __init__(self, type: _Optional[str] = ..., aggregate_type: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., event_id: _Optional[str] = ...) -> None: ...

class PublishEventResponse(_message.Message):
    __slots__ = ("sequence", "created")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    created: bool
    def __init__(self, sequence: _Optional[int] = ..., created: _Optional[bool] = ...) -> None: ...

class PublishEventsRequest(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[PublishEventRequest]
    def __init__(self, events: _Optional[_Iterable[_Union[PublishEventRequest, _Mapping]]] = ...) -> None: ...

class PublishEventsResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[PublishEventResponse]
    def __init__(self, events: _Optional[_Iterable[_Union[PublishEventResponse, _Mapping]]] = ...) -> None: ...

class GetCallerRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCallerResponse(_message.Message):
    __slots__ = ("token_id", "name", "resource_owner", "permissions", "expire_time")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_OWNER_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    name: str
    resource_owner: str
    permissions: _containers.RepeatedScalarFieldContainer[str]
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, token_id: _Optional[str] = ..., name: _Optional[str] = ..., resource_owner: _Optional[str] = ..., permissions: _Optional[_Iterable[str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
