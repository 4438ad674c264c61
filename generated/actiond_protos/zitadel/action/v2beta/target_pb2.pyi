import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Target(_message.Message):
    __slots__ = ("id", "creation_date", "change_date", "name", "rest_webhook", "rest_call", "rest_async", "timeout", "endpoint", "signing_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATION_DATE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_DATE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    REST_CALL_FIELD_NUMBER: _ClassVar[int]
    REST_ASYNC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    creation_date: _timestamp_pb2.Timestamp
    change_date: _timestamp_pb2.Timestamp
    name: str
    rest_webhook: RESTWebhook
    rest_call: RESTCall
    rest_async: RESTAsync
    timeout: _duration_pb2.Duration
    endpoint: str
    signing_key: str
    def __init__(self, id: _Optional[str] = ..., creation_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., name: _Optional[str] = ..., rest_webhook: _Optional[_Union[RESTWebhook, _Mapping]] = ..., rest_call: _Optional[_Union[RESTCall, _Mapping]] = ..., rest_async: _Optional[_Union[RESTAsync, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., endpoint: _Optional[str] = ..., signing_key: _Optional[str] = ...) -> None: ...

class RESTWebhook(_message.Message):
    __slots__ = ("interrupt_on_error",)
    INTERRUPT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    interrupt_on_error: bool
    def __init__(self, interrupt_on_error: _Optional[bool] = ...) -> None: ...

class RESTCall(_message.Message):
    __slots__ = ("interrupt_on_error",)
    INTERRUPT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    interrupt_on_error: bool
    def __init__(self, interrupt_on_error: _Optional[bool] = ...) -> None: ...

class RESTAsync(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
