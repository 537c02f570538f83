import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import operator_pb2 as _operator_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STAGE_UNSPECIFIED: _ClassVar[RunStage]
    RUN_STAGE_BEGUN: _ClassVar[RunStage]
    RUN_STAGE_PREPARED: _ClassVar[RunStage]
    RUN_STAGE_SOLVING: _ClassVar[RunStage]
    RUN_STAGE_DECIDED: _ClassVar[RunStage]
    RUN_STAGE_WAITING: _ClassVar[RunStage]
    RUN_STAGE_STORED: _ClassVar[RunStage]
    RUN_STAGE_SENT: _ClassVar[RunStage]
    RUN_STAGE_ACKNOWLEDGED: _ClassVar[RunStage]
    RUN_STAGE_DONE: _ClassVar[RunStage]
    RUN_STAGE_FAILED: _ClassVar[RunStage]
RUN_STAGE_UNSPECIFIED: RunStage
RUN_STAGE_BEGUN: RunStage
RUN_STAGE_PREPARED: RunStage
RUN_STAGE_SOLVING: RunStage
RUN_STAGE_DECIDED: RunStage
RUN_STAGE_WAITING: RunStage
RUN_STAGE_STORED: RunStage
RUN_STAGE_SENT: RunStage
RUN_STAGE_ACKNOWLEDGED: RunStage
RUN_STAGE_DONE: RunStage
RUN_STAGE_FAILED: RunStage

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "request_id", "after")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    request_id: str
    after: int
    def __init__(self, run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("run_id", "position", "stage", "at", "cost", "lower_bound", "gap", "rung", "detail", "approval_id", "orders", "sent", "acknowledged", "run")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    position: int
    stage: RunStage
    at: _timestamp_pb2.Timestamp
    cost: float
    lower_bound: float
    gap: float
    rung: _operator_pb2.Rung
    detail: str
    approval_id: str
    orders: int
    sent: int
    acknowledged: int
    run: _operator_pb2.Run
    def __init__(self, run_id: _Optional[str] = ..., position: _Optional[int] = ..., stage: _Optional[_Union[RunStage, str]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cost: _Optional[float] = ..., lower_bound: _Optional[float] = ..., gap: _Optional[float] = ..., rung: _Optional[_Union[_operator_pb2.Rung, str]] = ..., detail: _Optional[str] = ..., approval_id: _Optional[str] = ..., orders: _Optional[int] = ..., sent: _Optional[int] = ..., acknowledged: _Optional[int] = ..., run: _Optional[_Union[_operator_pb2.Run, _Mapping]] = ...) -> None: ...
