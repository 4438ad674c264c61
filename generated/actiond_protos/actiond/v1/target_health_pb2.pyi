import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TargetHealthStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TARGET_HEALTH_STATUS_UNSPECIFIED: _ClassVar[TargetHealthStatus]
    TARGET_HEALTH_STATUS_HEALTHY: _ClassVar[TargetHealthStatus]
    TARGET_HEALTH_STATUS_PAUSED: _ClassVar[TargetHealthStatus]
    TARGET_HEALTH_STATUS_HELD: _ClassVar[TargetHealthStatus]
    TARGET_HEALTH_STATUS_RECOVERING: _ClassVar[TargetHealthStatus]
TARGET_HEALTH_STATUS_UNSPECIFIED: TargetHealthStatus
TARGET_HEALTH_STATUS_HEALTHY: TargetHealthStatus
TARGET_HEALTH_STATUS_PAUSED: TargetHealthStatus
TARGET_HEALTH_STATUS_HELD: TargetHealthStatus
TARGET_HEALTH_STATUS_RECOVERING: TargetHealthStatus

class TargetHealth(_message.Message):
    __slots__ = ("target_id", "status", "failure_count", "failing_since_time", "last_failure", "next_probe_time", "last_success_time", "waiting_count", "behind_count", "parked_count")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILING_SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PROBE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SUCCESS_TIME_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    BEHIND_COUNT_FIELD_NUMBER: _ClassVar[int]
    PARKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    status: TargetHealthStatus
    failure_count: int
    failing_since_time: _timestamp_pb2.Timestamp
    last_failure: str
    next_probe_time: _timestamp_pb2.Timestamp
    last_success_time: _timestamp_pb2.Timestamp
    waiting_count: int
    behind_count: int
    parked_count: int
    def __init__(self, target_id: _Optional[str] = ..., status: _Optional[_Union[TargetHealthStatus, str]] = ..., failure_count: _Optional[int] = ..., failing_since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_failure: _Optional[str] = ..., next_probe_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_success_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waiting_count: _Optional[int] = ..., behind_count: _Optional[int] = ..., parked_count: _Optional[int] = ...) -> None: ...
