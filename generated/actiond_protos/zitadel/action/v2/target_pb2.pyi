import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PayloadType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAYLOAD_TYPE_UNSPECIFIED: _ClassVar[PayloadType]
    PAYLOAD_TYPE_JSON: _ClassVar[PayloadType]
    PAYLOAD_TYPE_JWT: _ClassVar[PayloadType]
    PAYLOAD_TYPE_JWE: _ClassVar[PayloadType]
PAYLOAD_TYPE_UNSPECIFIED: PayloadType
PAYLOAD_TYPE_JSON: PayloadType
PAYLOAD_TYPE_JWT: PayloadType
PAYLOAD_TYPE_JWE: PayloadType

class Target(_message.Message):
    __slots__ = ("id", "creation_date", "change_date", "name", "rest_webhook", "rest_call", "rest_async", "timeout", "endpoint", "signing_key", "payload_type")
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
    PAYLOAD_TYPE_FIELD_NUMBER: _ClassVar[int]
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
    payload_type: PayloadType
    def __init__(self, id: _Optional[str] = ..., creation_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., name: _Optional[str] = ..., rest_webhook: _Optional[_Union[RESTWebhook, _Mapping]] = ..., rest_call: _Optional[_Union[RESTCall, _Mapping]] = ..., rest_async: _Optional[_Union[RESTAsync, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., endpoint: _Optional[str] = ..., signing_key: _Optional[str] = ..., payload_type: _Optional[_Union[PayloadType, str]] = ...) -> None: ...

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

class PublicKey(_message.Message):
    __slots__ = ("key_id", "active", "public_key", "fingerprint", "expiration_date", "creation_date", "change_date")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    EXPIRATION_DATE_FIELD_NUMBER: _ClassVar[int]
    CREATION_DATE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_DATE_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    active: bool
    public_key: bytes
    fingerprint: str
    expiration_date: _timestamp_pb2.Timestamp
    creation_date: _timestamp_pb2.Timestamp
    change_date: _timestamp_pb2.Timestamp
    def __init__(self, key_id: _Optional[str] = ..., active: _Optional[bool] = ..., public_key: _Optional[bytes] = ..., fingerprint: _Optional[str] = ..., expiration_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., creation_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
