import datetime

from ...actiond.v1 import dry_run_pb2 as _dry_run_pb2
from ...buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from ...zitadel.action.v3alpha import execution_pb2 as _execution_pb2
from ...zitadel.protoc_gen_zitadel.v2 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MethodCall(_message.Message):
    __slots__ = ("method", "user_id", "org_id", "headers", "timeout")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: HeaderValues
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[HeaderValues, _Mapping]] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ORG_ID_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    method: str
    user_id: str
    org_id: str
    headers: _containers.MessageMap[str, HeaderValues]
    timeout: _duration_pb2.Duration
    def __init__(self, method: _Optional[str] = ..., user_id: _Optional[str] = ..., org_id: _Optional[str] = ..., headers: _Optional[_Mapping[str, HeaderValues]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class HeaderValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ("protobuf", "json")
    PROTOBUF_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    protobuf: bytes
    json: _struct_pb2.Struct
    def __init__(self, protobuf: _Optional[bytes] = ..., json: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class SetExecutions(_message.Message):
    __slots__ = ("request", "response", "revision")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    request: bool
    response: bool
    revision: int
    def __init__(self, request: _Optional[bool] = ..., response: _Optional[bool] = ..., revision: _Optional[int] = ...) -> None: ...

class ExecuteRequestRequest(_message.Message):
    __slots__ = ("call", "request")
    CALL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    call: MethodCall
    request: Payload
    def __init__(self, call: _Optional[_Union[MethodCall, _Mapping]] = ..., request: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class ExecuteRequestResponse(_message.Message):
    __slots__ = ("request", "executed", "changed", "set")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    request: Payload
    executed: bool
    changed: bool
    set: SetExecutions
    def __init__(self, request: _Optional[_Union[Payload, _Mapping]] = ..., executed: _Optional[bool] = ..., changed: _Optional[bool] = ..., set: _Optional[_Union[SetExecutions, _Mapping]] = ...) -> None: ...

class ExecuteResponseRequest(_message.Message):
    __slots__ = ("call", "request", "response")
    CALL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    call: MethodCall
    request: Payload
    response: Payload
    def __init__(self, call: _Optional[_Union[MethodCall, _Mapping]] = ..., request: _Optional[_Union[Payload, _Mapping]] = ..., response: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class ExecuteResponseResponse(_message.Message):
    __slots__ = ("response", "executed", "changed", "set")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    response: Payload
    executed: bool
    changed: bool
    set: SetExecutions
    def __init__(self, response: _Optional[_Union[Payload, _Mapping]] = ..., executed: _Optional[bool] = ..., changed: _Optional[bool] = ..., set: _Optional[_Union[SetExecutions, _Mapping]] = ...) -> None: ...

class ExecuteFunctionRequest(_message.Message):
    __slots__ = ("function", "payload", "timeout")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    function: str
    payload: _struct_pb2.Struct
    timeout: _duration_pb2.Duration
    def __init__(self, function: _Optional[str] = ..., payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ExecuteFunctionResponse(_message.Message):
    __slots__ = ("payload", "executed")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_FIELD_NUMBER: _ClassVar[int]
    payload: _struct_pb2.Struct
    executed: bool
    def __init__(self, payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., executed: _Optional[bool] = ...) -> None: ...

class DryRunRequest(_message.Message):
    __slots__ = ("request", "response", "function")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    request: ExecuteRequestRequest
    response: ExecuteResponseRequest
    function: ExecuteFunctionRequest
    def __init__(self, request: _Optional[_Union[ExecuteRequestRequest, _Mapping]] = ..., response: _Optional[_Union[ExecuteResponseRequest, _Mapping]] = ..., function: _Optional[_Union[ExecuteFunctionRequest, _Mapping]] = ...) -> None: ...

class DryRunResponse(_message.Message):
    __slots__ = ("candidates", "steps", "body")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[_dry_run_pb2.DryRunCandidate]
    steps: _containers.RepeatedCompositeFieldContainer[_dry_run_pb2.DryRunStep]
    body: str
    def __init__(self, candidates: _Optional[_Iterable[_Union[_dry_run_pb2.DryRunCandidate, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[_dry_run_pb2.DryRunStep, _Mapping]]] = ..., body: _Optional[str] = ...) -> None: ...

class WatchExecutionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchExecutionsResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    def __init__(self, revision: _Optional[int] = ...) -> None: ...

class GetConditionRequest(_message.Message):
    __slots__ = ("condition",)
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    condition: _execution_pb2.Condition
    def __init__(self, condition: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ...) -> None: ...

class GetConditionResponse(_message.Message):
    __slots__ = ("match",)
    MATCH_FIELD_NUMBER: _ClassVar[int]
    match: str
    def __init__(self, match: _Optional[str] = ...) -> None: ...

class SetConditionRequest(_message.Message):
    __slots__ = ("condition", "match")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    condition: _execution_pb2.Condition
    match: str
    def __init__(self, condition: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ..., match: _Optional[str] = ...) -> None: ...

class SetConditionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
