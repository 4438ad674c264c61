import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from zitadel.action.v3alpha import target_pb2 as _target_pb2
from zitadel.object.v2 import object_pb2 as _object_pb2
from zitadel.protoc_gen_zitadel.v2 import options_pb2 as _options_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTargetRequest(_message.Message):
    __slots__ = ("name", "rest_webhook", "rest_call", "rest_async", "timeout", "endpoint")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    REST_CALL_FIELD_NUMBER: _ClassVar[int]
    REST_ASYNC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    rest_webhook: _target_pb2.SetRESTWebhook
    rest_call: _target_pb2.SetRESTCall
    rest_async: _target_pb2.SetRESTAsync
    timeout: _duration_pb2.Duration
    endpoint: str
    def __init__(self, name: _Optional[str] = ..., rest_webhook: _Optional[_Union[_target_pb2.SetRESTWebhook, _Mapping]] = ..., rest_call: _Optional[_Union[_target_pb2.SetRESTCall, _Mapping]] = ..., rest_async: _Optional[_Union[_target_pb2.SetRESTAsync, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., endpoint: _Optional[str] = ...) -> None: ...

class CreateTargetResponse(_message.Message):
    __slots__ = ("id", "details")
    ID_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    id: str
    details: _object_pb2.Details
    def __init__(self, id: _Optional[str] = ..., details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ...) -> None: ...

class GetTargetByIDRequest(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class GetTargetByIDResponse(_message.Message):
    __slots__ = ("target",)
    TARGET_FIELD_NUMBER: _ClassVar[int]
    target: _target_pb2.Target
    def __init__(self, target: _Optional[_Union[_target_pb2.Target, _Mapping]] = ...) -> None: ...
