import datetime

from ....buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import field_behavior_pb2 as _field_behavior_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from ....zitadel.action.v3alpha import execution_pb2 as _execution_pb2
from ....zitadel.action.v3alpha import query_pb2 as _query_pb2
from ....zitadel.action.v3alpha import target_pb2 as _target_pb2
from ....zitadel.object.v2 import object_pb2 as _object_pb2
from ....zitadel.protoc_gen_zitadel.v2 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
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

class UpdateTargetRequest(_message.Message):
    __slots__ = ("target_id", "name", "rest_webhook", "rest_call", "rest_async", "timeout", "endpoint")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REST_WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    REST_CALL_FIELD_NUMBER: _ClassVar[int]
    REST_ASYNC_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    name: str
    rest_webhook: _target_pb2.SetRESTWebhook
    rest_call: _target_pb2.SetRESTCall
    rest_async: _target_pb2.SetRESTAsync
    timeout: _duration_pb2.Duration
    endpoint: str
    def __init__(self, target_id: _Optional[str] = ..., name: _Optional[str] = ..., rest_webhook: _Optional[_Union[_target_pb2.SetRESTWebhook, _Mapping]] = ..., rest_call: _Optional[_Union[_target_pb2.SetRESTCall, _Mapping]] = ..., rest_async: _Optional[_Union[_target_pb2.SetRESTAsync, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., endpoint: _Optional[str] = ...) -> None: ...

class UpdateTargetResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.Details
    def __init__(self, details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ...) -> None: ...

class DeleteTargetRequest(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class DeleteTargetResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.Details
    def __init__(self, details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ...) -> None: ...

class ListTargetsRequest(_message.Message):
    __slots__ = ("query", "sorting_column", "queries")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    SORTING_COLUMN_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    query: _object_pb2.ListQuery
    sorting_column: _query_pb2.TargetFieldName
    queries: _containers.RepeatedCompositeFieldContainer[_query_pb2.TargetSearchQuery]
    def __init__(self, query: _Optional[_Union[_object_pb2.ListQuery, _Mapping]] = ..., sorting_column: _Optional[_Union[_query_pb2.TargetFieldName, str]] = ..., queries: _Optional[_Iterable[_Union[_query_pb2.TargetSearchQuery, _Mapping]]] = ...) -> None: ...

class ListTargetsResponse(_message.Message):
    __slots__ = ("details", "sorting_column", "result")
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    SORTING_COLUMN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ListDetails
    sorting_column: _query_pb2.TargetFieldName
    result: _containers.RepeatedCompositeFieldContainer[_target_pb2.Target]
    def __init__(self, details: _Optional[_Union[_object_pb2.ListDetails, _Mapping]] = ..., sorting_column: _Optional[_Union[_query_pb2.TargetFieldName, str]] = ..., result: _Optional[_Iterable[_Union[_target_pb2.Target, _Mapping]]] = ...) -> None: ...

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

class SetExecutionRequest(_message.Message):
    __slots__ = ("condition", "targets")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    condition: _execution_pb2.Condition
    targets: _containers.RepeatedCompositeFieldContainer[_execution_pb2.ExecutionTargetType]
    def __init__(self, condition: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[_execution_pb2.ExecutionTargetType, _Mapping]]] = ...) -> None: ...

class SetExecutionResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.Details
    def __init__(self, details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ...) -> None: ...

class DeleteExecutionRequest(_message.Message):
    __slots__ = ("condition",)
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    condition: _execution_pb2.Condition
    def __init__(self, condition: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ...) -> None: ...

class DeleteExecutionResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.Details
    def __init__(self, details: _Optional[_Union[_object_pb2.Details, _Mapping]] = ...) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("query", "queries")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    query: _object_pb2.ListQuery
    queries: _containers.RepeatedCompositeFieldContainer[_query_pb2.SearchQuery]
    def __init__(self, query: _Optional[_Union[_object_pb2.ListQuery, _Mapping]] = ..., queries: _Optional[_Iterable[_Union[_query_pb2.SearchQuery, _Mapping]]] = ...) -> None: ...

class ListExecutionsResponse(_message.Message):
    __slots__ = ("details", "result")
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ListDetails
    result: _containers.RepeatedCompositeFieldContainer[_execution_pb2.Execution]
    def __init__(self, details: _Optional[_Union[_object_pb2.ListDetails, _Mapping]] = ..., result: _Optional[_Iterable[_Union[_execution_pb2.Execution, _Mapping]]] = ...) -> None: ...

class ListExecutionFunctionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExecutionFunctionsResponse(_message.Message):
    __slots__ = ("functions",)
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    functions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, functions: _Optional[_Iterable[str]] = ...) -> None: ...

class ListExecutionMethodsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExecutionMethodsResponse(_message.Message):
    __slots__ = ("methods",)
    METHODS_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, methods: _Optional[_Iterable[str]] = ...) -> None: ...

class ListExecutionServicesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExecutionServicesResponse(_message.Message):
    __slots__ = ("services",)
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    services: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, services: _Optional[_Iterable[str]] = ...) -> None: ...
