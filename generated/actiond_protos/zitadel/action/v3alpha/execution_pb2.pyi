from ....buf.validate import validate_pb2 as _validate_pb2
from ....zitadel.object.v2 import object_pb2 as _object_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Execution(_message.Message):
    __slots__ = ("Condition", "details", "targets")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    Condition: Condition
    details: _object_pb2.Details
    targets: _containers.RepeatedCompositeFieldContainer[ExecutionTargetType]
    def __init__(self, Condition: _Optional[_Union[Condition, _Mapping]] = ..., details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[ExecutionTargetType, _Mapping]]] = ...) -> None: ...

class ExecutionTargetType(_message.Message):
    __slots__ = ("target", "include")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    target: str
    include: Condition
    def __init__(self, target: _Optional[str] = ..., include: _Optional[_Union[Condition, _Mapping]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("request", "response", "function", "event")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    request: RequestExecution
    response: ResponseExecution
    function: FunctionExecution
    event: EventExecution
    def __init__(self, request: _Optional[_Union[RequestExecution, _Mapping]] = ..., response: _Optional[_Union[ResponseExecution, _Mapping]] = ..., function: _Optional[_Union[FunctionExecution, _Mapping]] = ..., event: _Optional[_Union[EventExecution, _Mapping]] = ...) -> None: ...

class RequestExecution(_message.Message):
    __slots__ = ("method", "service", "all")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    method: str
    service: str
    all: bool
    def __init__(self, method: _Optional[str] = ..., service: _Optional[str] = ..., all: _Optional[bool] = ...) -> None: ...

class ResponseExecution(_message.Message):
    __slots__ = ("method", "service", "all")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    method: str
    service: str
    all: bool
    def __init__(self, method: _Optional[str] = ..., service: _Optional[str] = ..., all: _Optional[bool] = ...) -> None: ...

class FunctionExecution(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class EventExecution(_message.Message):
    __slots__ = ("event", "group", "all")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    event: str
    group: str
    all: bool
    def __init__(self, event: _Optional[str] = ..., group: _Optional[str] = ..., all: _Optional[bool] = ...) -> None: ...
