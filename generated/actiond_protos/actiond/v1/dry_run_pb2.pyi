import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from ...zitadel.action.v3alpha import execution_pb2 as _execution_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_RUNS: _ClassVar[Verdict]
    VERDICT_EMPTY: _ClassVar[Verdict]
    VERDICT_NOT_SET: _ClassVar[Verdict]
    VERDICT_NOT_MATCHED: _ClassVar[Verdict]
    VERDICT_OVERRIDDEN: _ClassVar[Verdict]

class TargetKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TARGET_KIND_UNSPECIFIED: _ClassVar[TargetKind]
    TARGET_KIND_REST_WEBHOOK: _ClassVar[TargetKind]
    TARGET_KIND_REST_CALL: _ClassVar[TargetKind]
    TARGET_KIND_REST_ASYNC: _ClassVar[TargetKind]
VERDICT_UNSPECIFIED: Verdict
VERDICT_RUNS: Verdict
VERDICT_EMPTY: Verdict
VERDICT_NOT_SET: Verdict
VERDICT_NOT_MATCHED: Verdict
VERDICT_OVERRIDDEN: Verdict
TARGET_KIND_UNSPECIFIED: TargetKind
TARGET_KIND_REST_WEBHOOK: TargetKind
TARGET_KIND_REST_CALL: TargetKind
TARGET_KIND_REST_ASYNC: TargetKind

class DryRunCandidate(_message.Message):
    __slots__ = ("condition", "verdict", "match", "match_error")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    MATCH_ERROR_FIELD_NUMBER: _ClassVar[int]
    condition: _execution_pb2.Condition
    verdict: Verdict
    match: str
    match_error: str
    def __init__(self, condition: _Optional[_Union[_execution_pb2.Condition, _Mapping]] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., match: _Optional[str] = ..., match_error: _Optional[str] = ...) -> None: ...

class DryRunStep(_message.Message):
    __slots__ = ("target_id", "name", "endpoint", "kind", "timeout", "interrupt_on_error", "includes", "obstacles")
    TARGET_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    INTERRUPT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    INCLUDES_FIELD_NUMBER: _ClassVar[int]
    OBSTACLES_FIELD_NUMBER: _ClassVar[int]
    target_id: str
    name: str
    endpoint: str
    kind: TargetKind
    timeout: _duration_pb2.Duration
    interrupt_on_error: bool
    includes: _containers.RepeatedCompositeFieldContainer[_execution_pb2.Condition]
    obstacles: _containers.RepeatedCompositeFieldContainer[Obstacle]
    def __init__(self, target_id: _Optional[str] = ..., name: _Optional[str] = ..., endpoint: _Optional[str] = ..., kind: _Optional[_Union[TargetKind, str]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., interrupt_on_error: _Optional[bool] = ..., includes: _Optional[_Iterable[_Union[_execution_pb2.Condition, _Mapping]]] = ..., obstacles: _Optional[_Iterable[_Union[Obstacle, _Mapping]]] = ...) -> None: ...

class Obstacle(_message.Message):
    __slots__ = ("kind", "text")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Obstacle.Kind]
        KIND_TARGET_PAUSED: _ClassVar[Obstacle.Kind]
        KIND_ADDRESS_DENIED: _ClassVar[Obstacle.Kind]
        KIND_KEY_UNREADABLE: _ClassVar[Obstacle.Kind]
        KIND_PUBLIC_KEY_MISSING: _ClassVar[Obstacle.Kind]
    KIND_UNSPECIFIED: Obstacle.Kind
    KIND_TARGET_PAUSED: Obstacle.Kind
    KIND_ADDRESS_DENIED: Obstacle.Kind
    KIND_KEY_UNREADABLE: Obstacle.Kind
    KIND_PUBLIC_KEY_MISSING: Obstacle.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: Obstacle.Kind
    text: str
    def __init__(self, kind: _Optional[_Union[Obstacle.Kind, str]] = ..., text: _Optional[str] = ...) -> None: ...
