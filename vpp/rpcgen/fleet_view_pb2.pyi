import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SummarizeFleetRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SummarizeFleetResponse(_message.Message):
    __slots__ = ("at", "feeders")
    AT_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    feeders: _containers.RepeatedCompositeFieldContainer[FeederSummary]
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., feeders: _Optional[_Iterable[_Union[FeederSummary, _Mapping]]] = ...) -> None: ...

class FeederSummary(_message.Message):
    __slots__ = ("feeder_id", "assets", "connected_assets", "stopped_assets", "quarantined_assets", "ordered_assets", "power_kw", "setpoint_kw", "energy_kwh", "capacity_kwh", "import_limit_kw", "export_limit_kw")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    STOPPED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    ORDERED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    SETPOINT_KW_FIELD_NUMBER: _ClassVar[int]
    ENERGY_KWH_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_KWH_FIELD_NUMBER: _ClassVar[int]
    IMPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    EXPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    assets: int
    connected_assets: int
    stopped_assets: int
    quarantined_assets: int
    ordered_assets: int
    power_kw: float
    setpoint_kw: float
    energy_kwh: float
    capacity_kwh: float
    import_limit_kw: float
    export_limit_kw: float
    def __init__(self, feeder_id: _Optional[str] = ..., assets: _Optional[int] = ..., connected_assets: _Optional[int] = ..., stopped_assets: _Optional[int] = ..., quarantined_assets: _Optional[int] = ..., ordered_assets: _Optional[int] = ..., power_kw: _Optional[float] = ..., setpoint_kw: _Optional[float] = ..., energy_kwh: _Optional[float] = ..., capacity_kwh: _Optional[float] = ..., import_limit_kw: _Optional[float] = ..., export_limit_kw: _Optional[float] = ...) -> None: ...

class WatchFleetRequest(_message.Message):
    __slots__ = ("feeder_id", "period_s")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    period_s: float
    def __init__(self, feeder_id: _Optional[str] = ..., period_s: _Optional[float] = ...) -> None: ...

class WatchFleetResponse(_message.Message):
    __slots__ = ("at", "slot", "asset_id", "feeder_id", "measured_at_ms", "soc", "power_kw", "setpoint_kw", "setpoint_until_ms", "flags", "whole")
    AT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SOC_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    SETPOINT_KW_FIELD_NUMBER: _ClassVar[int]
    SETPOINT_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    slot: _containers.RepeatedScalarFieldContainer[int]
    asset_id: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: _containers.RepeatedScalarFieldContainer[str]
    measured_at_ms: _containers.RepeatedScalarFieldContainer[int]
    soc: _containers.RepeatedScalarFieldContainer[float]
    power_kw: _containers.RepeatedScalarFieldContainer[float]
    setpoint_kw: _containers.RepeatedScalarFieldContainer[float]
    setpoint_until_ms: _containers.RepeatedScalarFieldContainer[int]
    flags: _containers.RepeatedScalarFieldContainer[int]
    whole: bool
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., slot: _Optional[_Iterable[int]] = ..., asset_id: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[_Iterable[str]] = ..., measured_at_ms: _Optional[_Iterable[int]] = ..., soc: _Optional[_Iterable[float]] = ..., power_kw: _Optional[_Iterable[float]] = ..., setpoint_kw: _Optional[_Iterable[float]] = ..., setpoint_until_ms: _Optional[_Iterable[int]] = ..., flags: _Optional[_Iterable[int]] = ..., whole: _Optional[bool] = ...) -> None: ...
