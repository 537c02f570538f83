from vpp.rpcgen import operator_pb2 as _operator_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StopRequest(_message.Message):
    __slots__ = ("request_id", "asset_ids", "feeder_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("told_assets", "away_assets")
    TOLD_ASSETS_FIELD_NUMBER: _ClassVar[int]
    AWAY_ASSETS_FIELD_NUMBER: _ClassVar[int]
    told_assets: int
    away_assets: int
    def __init__(self, told_assets: _Optional[int] = ..., away_assets: _Optional[int] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("request_id", "asset_ids", "feeder_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("told_assets", "away_assets")
    TOLD_ASSETS_FIELD_NUMBER: _ClassVar[int]
    AWAY_ASSETS_FIELD_NUMBER: _ClassVar[int]
    told_assets: int
    away_assets: int
    def __init__(self, told_assets: _Optional[int] = ..., away_assets: _Optional[int] = ...) -> None: ...

class TriggerRunRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class TriggerRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _operator_pb2.Run
    def __init__(self, run: _Optional[_Union[_operator_pb2.Run, _Mapping]] = ...) -> None: ...
