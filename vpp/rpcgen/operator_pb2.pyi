import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import fleet_view_pb2 as _fleet_view_pb2
from vpp.rpcgen import signals_pb2 as _signals_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rung(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUNG_UNSPECIFIED: _ClassVar[Rung]
    RUNG_OPTIMAL: _ClassVar[Rung]
    RUNG_INCUMBENT: _ClassVar[Rung]
    RUNG_SHIFTED: _ClassVar[Rung]
    RUNG_GREEDY: _ClassVar[Rung]
    RUNG_NOTHING: _ClassVar[Rung]

class RunKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_KIND_UNSPECIFIED: _ClassVar[RunKind]
    RUN_KIND_DISPATCH: _ClassVar[RunKind]
    RUN_KIND_OVERRIDE: _ClassVar[RunKind]
    RUN_KIND_DRY_RUN: _ClassVar[RunKind]
    RUN_KIND_WHAT_IF: _ClassVar[RunKind]
RUNG_UNSPECIFIED: Rung
RUNG_OPTIMAL: Rung
RUNG_INCUMBENT: Rung
RUNG_SHIFTED: Rung
RUNG_GREEDY: Rung
RUNG_NOTHING: Rung
RUN_KIND_UNSPECIFIED: RunKind
RUN_KIND_DISPATCH: RunKind
RUN_KIND_OVERRIDE: RunKind
RUN_KIND_DRY_RUN: RunKind
RUN_KIND_WHAT_IF: RunKind

class GetFleetStateRequest(_message.Message):
    __slots__ = ("feeder_id", "page_size", "page_token")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    page_size: int
    page_token: str
    def __init__(self, feeder_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetFleetStateResponse(_message.Message):
    __slots__ = ("assets", "next_page_token", "connected_assets", "total_assets")
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_ASSETS_FIELD_NUMBER: _ClassVar[int]
    assets: _containers.RepeatedCompositeFieldContainer[AssetState]
    next_page_token: str
    connected_assets: int
    total_assets: int
    def __init__(self, assets: _Optional[_Iterable[_Union[AssetState, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., connected_assets: _Optional[int] = ..., total_assets: _Optional[int] = ...) -> None: ...

class AssetState(_message.Message):
    __slots__ = ("asset_id", "feeder_id", "measured_at", "soc", "power_kw", "node_connected", "setpoint_kw", "setpoint_valid_until", "quarantined", "reading_flags")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURED_AT_FIELD_NUMBER: _ClassVar[int]
    SOC_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    NODE_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    SETPOINT_KW_FIELD_NUMBER: _ClassVar[int]
    SETPOINT_VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    READING_FLAGS_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    feeder_id: str
    measured_at: _timestamp_pb2.Timestamp
    soc: float
    power_kw: float
    node_connected: bool
    setpoint_kw: float
    setpoint_valid_until: _timestamp_pb2.Timestamp
    quarantined: bool
    reading_flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, asset_id: _Optional[str] = ..., feeder_id: _Optional[str] = ..., measured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., soc: _Optional[float] = ..., power_kw: _Optional[float] = ..., node_connected: _Optional[bool] = ..., setpoint_kw: _Optional[float] = ..., setpoint_valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., quarantined: _Optional[bool] = ..., reading_flags: _Optional[_Iterable[str]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "cycle_start", "started_at", "finished_at", "trigger", "rung", "reason", "forecast_id", "input_sha256", "objective", "lower_bound", "gap", "setpoints", "solve_s", "killed", "epoch", "kind", "portfolio")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CYCLE_START_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_SHA256_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    SETPOINTS_FIELD_NUMBER: _ClassVar[int]
    SOLVE_S_FIELD_NUMBER: _ClassVar[int]
    KILLED_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    cycle_start: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    trigger: str
    rung: Rung
    reason: str
    forecast_id: str
    input_sha256: str
    objective: float
    lower_bound: float
    gap: float
    setpoints: int
    solve_s: float
    killed: bool
    epoch: int
    kind: RunKind
    portfolio: str
    def __init__(self, run_id: _Optional[str] = ..., cycle_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trigger: _Optional[str] = ..., rung: _Optional[_Union[Rung, str]] = ..., reason: _Optional[str] = ..., forecast_id: _Optional[str] = ..., input_sha256: _Optional[str] = ..., objective: _Optional[float] = ..., lower_bound: _Optional[float] = ..., gap: _Optional[float] = ..., setpoints: _Optional[int] = ..., solve_s: _Optional[float] = ..., killed: _Optional[bool] = ..., epoch: _Optional[int] = ..., kind: _Optional[_Union[RunKind, str]] = ..., portfolio: _Optional[str] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "started_from", "started_before", "trigger", "rungs", "kinds", "portfolio")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STARTED_FROM_FIELD_NUMBER: _ClassVar[int]
    STARTED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    RUNGS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    started_from: _timestamp_pb2.Timestamp
    started_before: _timestamp_pb2.Timestamp
    trigger: str
    rungs: _containers.RepeatedScalarFieldContainer[Rung]
    kinds: _containers.RepeatedScalarFieldContainer[RunKind]
    portfolio: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., started_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trigger: _Optional[str] = ..., rungs: _Optional[_Iterable[_Union[Rung, str]]] = ..., kinds: _Optional[_Iterable[_Union[RunKind, str]]] = ..., portfolio: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class GetPlanRequest(_message.Message):
    __slots__ = ("run_id", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetPlanResponse(_message.Message):
    __slots__ = ("run_id", "start", "interval_s", "schedules", "certificate_json", "feeders", "next_page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_JSON_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    start: _timestamp_pb2.Timestamp
    interval_s: float
    schedules: _containers.RepeatedCompositeFieldContainer[AssetSchedule]
    certificate_json: str
    feeders: _containers.RepeatedCompositeFieldContainer[PlannedFeeder]
    next_page_token: str
    def __init__(self, run_id: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., interval_s: _Optional[float] = ..., schedules: _Optional[_Iterable[_Union[AssetSchedule, _Mapping]]] = ..., certificate_json: _Optional[str] = ..., feeders: _Optional[_Iterable[_Union[PlannedFeeder, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PlannedFeeder(_message.Message):
    __slots__ = ("feeder_id", "net_load_kw", "import_limit_kw", "export_limit_kw")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    NET_LOAD_KW_FIELD_NUMBER: _ClassVar[int]
    IMPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    EXPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    net_load_kw: _containers.RepeatedScalarFieldContainer[float]
    import_limit_kw: float
    export_limit_kw: float
    def __init__(self, feeder_id: _Optional[str] = ..., net_load_kw: _Optional[_Iterable[float]] = ..., import_limit_kw: _Optional[float] = ..., export_limit_kw: _Optional[float] = ...) -> None: ...

class AssetSchedule(_message.Message):
    __slots__ = ("asset_id", "power_kw", "energy_end_kwh")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    ENERGY_END_KWH_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    power_kw: _containers.RepeatedScalarFieldContainer[float]
    energy_end_kwh: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, asset_id: _Optional[str] = ..., power_kw: _Optional[_Iterable[float]] = ..., energy_end_kwh: _Optional[_Iterable[float]] = ...) -> None: ...

class ListSetpointsRequest(_message.Message):
    __slots__ = ("run_id", "asset_id", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    asset_id: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., asset_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSetpointsResponse(_message.Message):
    __slots__ = ("setpoints", "next_page_token")
    SETPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    setpoints: _containers.RepeatedCompositeFieldContainer[Setpoint]
    next_page_token: str
    def __init__(self, setpoints: _Optional[_Iterable[_Union[Setpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Setpoint(_message.Message):
    __slots__ = ("asset_id", "feeder_id", "run_id", "epoch", "sequence", "power_kw", "min_kw", "max_kw", "valid_from", "valid_until", "origin", "reason", "acknowledged", "acknowledged_at")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    MIN_KW_FIELD_NUMBER: _ClassVar[int]
    MAX_KW_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_AT_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    feeder_id: str
    run_id: str
    epoch: int
    sequence: int
    power_kw: float
    min_kw: float
    max_kw: float
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    origin: str
    reason: str
    acknowledged: str
    acknowledged_at: _timestamp_pb2.Timestamp
    def __init__(self, asset_id: _Optional[str] = ..., feeder_id: _Optional[str] = ..., run_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., power_kw: _Optional[float] = ..., min_kw: _Optional[float] = ..., max_kw: _Optional[float] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., origin: _Optional[str] = ..., reason: _Optional[str] = ..., acknowledged: _Optional[str] = ..., acknowledged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListForecastsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "feeder_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    feeder_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., feeder_id: _Optional[str] = ...) -> None: ...

class ListForecastsResponse(_message.Message):
    __slots__ = ("forecasts", "next_page_token")
    FORECASTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    forecasts: _containers.RepeatedCompositeFieldContainer[Forecast]
    next_page_token: str
    def __init__(self, forecasts: _Optional[_Iterable[_Union[Forecast, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("forecast_id", "available_at", "start", "interval_s", "source", "verdict", "reason", "feeders", "feeders_left_out")
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_AT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    forecast_id: str
    available_at: _timestamp_pb2.Timestamp
    start: _timestamp_pb2.Timestamp
    interval_s: float
    source: str
    verdict: str
    reason: str
    feeders: _containers.RepeatedCompositeFieldContainer[FeederForecast]
    feeders_left_out: int
    def __init__(self, forecast_id: _Optional[str] = ..., available_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., interval_s: _Optional[float] = ..., source: _Optional[str] = ..., verdict: _Optional[str] = ..., reason: _Optional[str] = ..., feeders: _Optional[_Iterable[_Union[FeederForecast, _Mapping]]] = ..., feeders_left_out: _Optional[int] = ...) -> None: ...

class FeederForecast(_message.Message):
    __slots__ = ("feeder_id", "consumption_p10_kw", "consumption_p50_kw", "consumption_p90_kw", "pv_kw")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMPTION_P10_KW_FIELD_NUMBER: _ClassVar[int]
    CONSUMPTION_P50_KW_FIELD_NUMBER: _ClassVar[int]
    CONSUMPTION_P90_KW_FIELD_NUMBER: _ClassVar[int]
    PV_KW_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    consumption_p10_kw: _containers.RepeatedScalarFieldContainer[float]
    consumption_p50_kw: _containers.RepeatedScalarFieldContainer[float]
    consumption_p90_kw: _containers.RepeatedScalarFieldContainer[float]
    pv_kw: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, feeder_id: _Optional[str] = ..., consumption_p10_kw: _Optional[_Iterable[float]] = ..., consumption_p50_kw: _Optional[_Iterable[float]] = ..., consumption_p90_kw: _Optional[_Iterable[float]] = ..., pv_kw: _Optional[_Iterable[float]] = ...) -> None: ...

class GetTrailRequest(_message.Message):
    __slots__ = ("asset_id", "epoch", "sequence")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    epoch: int
    sequence: int
    def __init__(self, asset_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class GetTrailResponse(_message.Message):
    __slots__ = ("setpoint", "run", "forecast", "reading_measured_at", "reading_soc", "reading_power_kw", "energy_kwh", "acknowledgements", "model_words")
    SETPOINT_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    READING_MEASURED_AT_FIELD_NUMBER: _ClassVar[int]
    READING_SOC_FIELD_NUMBER: _ClassVar[int]
    READING_POWER_KW_FIELD_NUMBER: _ClassVar[int]
    ENERGY_KWH_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_WORDS_FIELD_NUMBER: _ClassVar[int]
    setpoint: Setpoint
    run: Run
    forecast: Forecast
    reading_measured_at: _timestamp_pb2.Timestamp
    reading_soc: float
    reading_power_kw: float
    energy_kwh: float
    acknowledgements: _containers.RepeatedCompositeFieldContainer[TrailAcknowledgement]
    model_words: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, setpoint: _Optional[_Union[Setpoint, _Mapping]] = ..., run: _Optional[_Union[Run, _Mapping]] = ..., forecast: _Optional[_Union[Forecast, _Mapping]] = ..., reading_measured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reading_soc: _Optional[float] = ..., reading_power_kw: _Optional[float] = ..., energy_kwh: _Optional[float] = ..., acknowledgements: _Optional[_Iterable[_Union[TrailAcknowledgement, _Mapping]]] = ..., model_words: _Optional[_Iterable[str]] = ...) -> None: ...

class TrailAcknowledgement(_message.Message):
    __slots__ = ("state", "at", "detail")
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    state: str
    at: _timestamp_pb2.Timestamp
    detail: str
    def __init__(self, state: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., detail: _Optional[str] = ...) -> None: ...
