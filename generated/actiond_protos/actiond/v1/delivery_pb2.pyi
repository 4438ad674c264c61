import datetime

from ...buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeliveryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATE_UNSPECIFIED: _ClassVar[DeliveryState]
    DELIVERY_STATE_WAITING: _ClassVar[DeliveryState]
    DELIVERY_STATE_BEHIND: _ClassVar[DeliveryState]
    DELIVERY_STATE_PARKED: _ClassVar[DeliveryState]
    DELIVERY_STATE_DEAD: _ClassVar[DeliveryState]
    DELIVERY_STATE_DELIVERED: _ClassVar[DeliveryState]

class DeathReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEATH_REASON_UNSPECIFIED: _ClassVar[DeathReason]
    DEATH_REASON_ATTEMPTS: _ClassVar[DeathReason]
    DEATH_REASON_AGE: _ClassVar[DeathReason]
    DEATH_REASON_LOST: _ClassVar[DeathReason]
    DEATH_REASON_TARGET_REMOVED: _ClassVar[DeathReason]
    DEATH_REASON_CANCELLED: _ClassVar[DeathReason]

class AttemptKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_KIND_UNSPECIFIED: _ClassVar[AttemptKind]
    ATTEMPT_KIND_QUEUED: _ClassVar[AttemptKind]
    ATTEMPT_KIND_PROBE: _ClassVar[AttemptKind]
    ATTEMPT_KIND_MANUAL: _ClassVar[AttemptKind]
    ATTEMPT_KIND_TEST: _ClassVar[AttemptKind]

class DeliveryChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_CHANGE_KIND_UNSPECIFIED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_CREATED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_FAILED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_DELIVERED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_DIED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_PARKED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_RELEASED: _ClassVar[DeliveryChangeKind]
    DELIVERY_CHANGE_KIND_RETRIED: _ClassVar[DeliveryChangeKind]
DELIVERY_STATE_UNSPECIFIED: DeliveryState
DELIVERY_STATE_WAITING: DeliveryState
DELIVERY_STATE_BEHIND: DeliveryState
DELIVERY_STATE_PARKED: DeliveryState
DELIVERY_STATE_DEAD: DeliveryState
DELIVERY_STATE_DELIVERED: DeliveryState
DEATH_REASON_UNSPECIFIED: DeathReason
DEATH_REASON_ATTEMPTS: DeathReason
DEATH_REASON_AGE: DeathReason
DEATH_REASON_LOST: DeathReason
DEATH_REASON_TARGET_REMOVED: DeathReason
DEATH_REASON_CANCELLED: DeathReason
ATTEMPT_KIND_UNSPECIFIED: AttemptKind
ATTEMPT_KIND_QUEUED: AttemptKind
ATTEMPT_KIND_PROBE: AttemptKind
ATTEMPT_KIND_MANUAL: AttemptKind
ATTEMPT_KIND_TEST: AttemptKind
DELIVERY_CHANGE_KIND_UNSPECIFIED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_CREATED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_FAILED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_DELIVERED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_DIED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_PARKED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_RELEASED: DeliveryChangeKind
DELIVERY_CHANGE_KIND_RETRIED: DeliveryChangeKind

class Delivery(_message.Message):
    __slots__ = ("delivery_id", "target_id", "state", "running", "death_reason", "create_time", "update_time", "next_attempt_time", "attempt_count", "last_outcome", "last_http_status", "execution", "event")
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    DEATH_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    LAST_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    target_id: str
    state: DeliveryState
    running: bool
    death_reason: DeathReason
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    next_attempt_time: _timestamp_pb2.Timestamp
    attempt_count: int
    last_outcome: str
    last_http_status: int
    execution: str
    event: Event
    def __init__(self, delivery_id: _Optional[str] = ..., target_id: _Optional[str] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., running: _Optional[bool] = ..., death_reason: _Optional[_Union[DeathReason, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempt_count: _Optional[int] = ..., last_outcome: _Optional[str] = ..., last_http_status: _Optional[int] = ..., execution: _Optional[str] = ..., event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("type", "aggregate_type", "aggregate_id", "sequence", "create_time", "editor_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EDITOR_ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    aggregate_type: str
    aggregate_id: str
    sequence: int
    create_time: _timestamp_pb2.Timestamp
    editor_id: str
    def __init__(self, type: _Optional[str] = ..., aggregate_type: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., sequence: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., editor_id: _Optional[str] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("number", "kind", "start_time", "duration", "outcome", "http_status", "worker")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    number: int
    kind: AttemptKind
    start_time: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    outcome: str
    http_status: int
    worker: int
    def __init__(self, number: _Optional[int] = ..., kind: _Optional[_Union[AttemptKind, str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., outcome: _Optional[str] = ..., http_status: _Optional[int] = ..., worker: _Optional[int] = ...) -> None: ...

class DeliveryFilter(_message.Message):
    __slots__ = ("target_id", "event_type", "aggregate_type", "aggregate_id", "states", "start_time", "end_time")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    event_type: str
    aggregate_type: str
    aggregate_id: str
    states: _containers.RepeatedScalarFieldContainer[DeliveryState]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, target_id: _Optional[str] = ..., event_type: _Optional[str] = ..., aggregate_type: _Optional[str] = ..., aggregate_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[DeliveryState, str]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DeliveryCount(_message.Message):
    __slots__ = ("target_id", "state", "count")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    state: DeliveryState
    count: int
    def __init__(self, target_id: _Optional[str] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., count: _Optional[int] = ...) -> None: ...

class DeliveryChange(_message.Message):
    __slots__ = ("kind", "change_time", "delivery_id", "target_id", "event_type", "state", "attempt", "outcome", "http_status", "death_reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    DEATH_REASON_FIELD_NUMBER: _ClassVar[int]
    kind: DeliveryChangeKind
    change_time: _timestamp_pb2.Timestamp
    delivery_id: str
    target_id: str
    event_type: str
    state: DeliveryState
    attempt: int
    outcome: str
    http_status: int
    death_reason: DeathReason
    def __init__(self, kind: _Optional[_Union[DeliveryChangeKind, str]] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delivery_id: _Optional[str] = ..., target_id: _Optional[str] = ..., event_type: _Optional[str] = ..., state: _Optional[_Union[DeliveryState, str]] = ..., attempt: _Optional[int] = ..., outcome: _Optional[str] = ..., http_status: _Optional[int] = ..., death_reason: _Optional[_Union[DeathReason, str]] = ...) -> None: ...
