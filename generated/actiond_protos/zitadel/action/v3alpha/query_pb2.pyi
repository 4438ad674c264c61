from ....buf.validate import validate_pb2 as _validate_pb2
from ....zitadel.action.v3alpha import execution_pb2 as _execution_pb2
from ....zitadel.object.v2 import object_pb2 as _object_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExecutionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_TYPE_UNSPECIFIED: _ClassVar[ExecutionType]
    EXECUTION_TYPE_REQUEST: _ClassVar[ExecutionType]
    EXECUTION_TYPE_RESPONSE: _ClassVar[ExecutionType]
    EXECUTION_TYPE_EVENT: _ClassVar[ExecutionType]
    EXECUTION_TYPE_FUNCTION: _ClassVar[ExecutionType]

class TargetFieldName(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIELD_NAME_UNSPECIFIED: _ClassVar[TargetFieldName]
    FIELD_NAME_ID: _ClassVar[TargetFieldName]
    FIELD_NAME_CREATION_DATE: _ClassVar[TargetFieldName]
    FIELD_NAME_CHANGE_DATE: _ClassVar[TargetFieldName]
    FIELD_NAME_NAME: _ClassVar[TargetFieldName]
    FIELD_NAME_TARGET_TYPE: _ClassVar[TargetFieldName]
    FIELD_NAME_URL: _ClassVar[TargetFieldName]
    FIELD_NAME_TIMEOUT: _ClassVar[TargetFieldName]
    FIELD_NAME_ASYNC: _ClassVar[TargetFieldName]
    FIELD_NAME_INTERRUPT_ON_ERROR: _ClassVar[TargetFieldName]
EXECUTION_TYPE_UNSPECIFIED: ExecutionType
EXECUTION_TYPE_REQUEST: ExecutionType
EXECUTION_TYPE_RESPONSE: ExecutionType
EXECUTION_TYPE_EVENT: ExecutionType
EXECUTION_TYPE_FUNCTION: ExecutionType
FIELD_NAME_UNSPECIFIED: TargetFieldName
FIELD_NAME_ID: TargetFieldName
FIELD_NAME_CREATION_DATE: TargetFieldName
FIELD_NAME_CHANGE_DATE: TargetFieldName
FIELD_NAME_NAME: TargetFieldName
FIELD_NAME_TARGET_TYPE: TargetFieldName
FIELD_NAME_URL: TargetFieldName
FIELD_NAME_TIMEOUT: TargetFieldName
FIELD_NAME_ASYNC: TargetFieldName
FIELD_NAME_INTERRUPT_ON_ERROR: TargetFieldName

class SearchQuery(_message.Message):
    __slots__ = ("in_conditions_query", "execution_type_query", "target_query", "include_query")
    IN_CONDITIONS_QUERY_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TYPE_QUERY_FIELD_NUMBER: _ClassVar[int]
    TARGET_QUERY_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_QUERY_FIELD_NUMBER: _ClassVar[int]
    in_conditions_query: InConditionsQuery
    execution_type_query: ExecutionTypeQuery
    target_query: TargetQuery
    include_query: IncludeQuery
    def __init__(self, in_conditions_query: _Optional[_Union[InConditionsQuery, _Mapping]] = ..., execution_type_query: _Optional[_Union[ExecutionTypeQuery, _Mapping]] = ..., target_query: _Optional[_Union[TargetQuery, _Mapping]] = ..., include_query: _Optional[_Union[IncludeQuery, _Mapping]] = ...) -> None: ...

class InConditionsQuery(_message.Message):
    __slots__ = ("conditions",)
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    conditions: _containers.RepeatedCompositeFieldContainer[_execution_pb2.Condition]
    def __init__(self, conditions: _Optional[_Iterable[_Union[_execution_pb2.Condition, _Mapping]]] = ...) -> None: ...

class ExecutionTypeQuery(_message.Message):
    __slots__ = ("execution_type",)
    EXECUTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    execution_type: ExecutionType
    def __init__(self, execution_type: _Optional[_Union[ExecutionType, str]] = ...) -> None: ...

class TargetQuery(_message.Message):
    __slots__ = ("target_id",)
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    def __init__(self, target_id: _Optional[str] = ...) -> None: ...

class IncludeQuery(_message.Message):
    __slots__ = ("include",)
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    include: _execution_pb2.Condition
    def __init__(self, include: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ...) -> None: ...

class TargetSearchQuery(_message.Message):
    __slots__ = ("target_name_query", "in_target_ids_query")
    TARGET_NAME_QUERY_FIELD_NUMBER: _ClassVar[int]
    IN_TARGET_IDS_QUERY_FIELD_NUMBER: _ClassVar[int]
    target_name_query: TargetNameQuery
    in_target_ids_query: InTargetIDsQuery
    def __init__(self, target_name_query: _Optional[_Union[TargetNameQuery, _Mapping]] = ..., in_target_ids_query: _Optional[_Union[InTargetIDsQuery, _Mapping]] = ...) -> None: ...

class TargetNameQuery(_message.Message):
    __slots__ = ("target_name", "method")
    TARGET_NAME_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    target_name: str
    method: _object_pb2.TextQueryMethod
    def __init__(self, target_name: _Optional[str] = ..., method: _Optional[_Union[_object_pb2.TextQueryMethod, str]] = ...) -> None: ...

class InTargetIDsQuery(_message.Message):
    __slots__ = ("target_ids",)
    TARGET_IDS_FIELD_NUMBER: _ClassVar[int]
    target_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, target_ids: _Optional[_Iterable[str]] = ...) -> None: ...
