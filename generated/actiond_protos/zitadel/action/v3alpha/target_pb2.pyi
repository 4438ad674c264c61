import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from ....zitadel.object.v2 import object_pb2 as _object_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SetRESTWebhook(_message.Message):
    __slots__ = ("interrupt_on_error",)
    INTERRUPT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    interrupt_on_error: bool
    def __init__(self, interrupt_on_error: _Optional[bool] = ...) -> None: ...

class SetRESTCall(_message.Message):
    __slots__ = ("interrupt_on_error",)
    INTERRUPT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    interrupt_on_error: bool
    def __init__(self, interrupt_on_error: _Optional[bool] = ...) -> None: ...

class SetRESTAsync(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Target(_message.Message):
    __slots__ = ("target_id", "details", "name", "rest_webhook", "rest_call", "rest_async", "timeout", "endpoint")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    REST_CALL_FIELD_NUMBER: _ClassVar[int]
    REST_ASYNC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    details: _object_pb2.Details
    name: str
    rest_webhook: SetRESTWebhook
    rest_call: SetRESTCall
    rest_async: SetRESTAsync
    timeout: _duration_pb2.Duration
    endpoint: str
    def __init__(self, target_id: _Optional[str] = ..., details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ..., name: _Optional[str] = ..., rest_webhook: _Optional[_Union[SetRESTWebhook, _Mapping]] = ..., rest_call: _Optional[_Union[SetRESTCall, _Mapping]] = ..., rest_async: _Optional[_Union[SetRESTAsync, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., endpoint: _Optional[str] = ...) -> None: ...
