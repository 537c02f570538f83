import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import approvals_pb2 as _approvals_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Shadow(_message.Message):
    __slots__ = ("shadow_id", "change", "policy", "weights", "model", "every_cycles", "days", "cycles", "settled", "first", "newest")
    class PolicyEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVERY_CYCLES_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    shadow_id: str
    change: str
    policy: _containers.ScalarMap[str, float]
    weights: _containers.ScalarMap[str, float]
    model: str
    every_cycles: int
    days: int
    cycles: int
    settled: int
    first: _timestamp_pb2.Timestamp
    newest: _timestamp_pb2.Timestamp
    def __init__(self, shadow_id: _Optional[str] = ..., change: _Optional[str] = ..., policy: _Optional[_Mapping[str, float]] = ..., weights: _Optional[_Mapping[str, float]] = ..., model: _Optional[str] = ..., every_cycles: _Optional[int] = ..., days: _Optional[int] = ..., cycles: _Optional[int] = ..., settled: _Optional[int] = ..., first: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., newest: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListShadowsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListShadowsResponse(_message.Message):
    __slots__ = ("shadows", "next_page_token")
    SHADOWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    shadows: _containers.RepeatedCompositeFieldContainer[Shadow]
    next_page_token: str
    def __init__(self, shadows: _Optional[_Iterable[_Union[Shadow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PlannedSide(_message.Message):
    __slots__ = ("rung", "cost", "horizon_intervals", "refused", "overload_kwh", "change_kw", "seconds", "forecast_id", "metered_cost")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    HORIZON_INTERVALS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    OVERLOAD_KWH_FIELD_NUMBER: _ClassVar[int]
    CHANGE_KW_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    METERED_COST_FIELD_NUMBER: _ClassVar[int]
    rung: str
    cost: float
    horizon_intervals: int
    refused: int
    overload_kwh: float
    change_kw: float
    seconds: float
    forecast_id: str
    metered_cost: float
    def __init__(self, rung: _Optional[str] = ..., cost: _Optional[float] = ..., horizon_intervals: _Optional[int] = ..., refused: _Optional[int] = ..., overload_kwh: _Optional[float] = ..., change_kw: _Optional[float] = ..., seconds: _Optional[float] = ..., forecast_id: _Optional[str] = ..., metered_cost: _Optional[float] = ...) -> None: ...

class ShadowCycle(_message.Message):
    __slots__ = ("run_id", "cycle_start", "in_force", "shadow")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CYCLE_START_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    cycle_start: _timestamp_pb2.Timestamp
    in_force: PlannedSide
    shadow: PlannedSide
    def __init__(self, run_id: _Optional[str] = ..., cycle_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_force: _Optional[_Union[PlannedSide, _Mapping]] = ..., shadow: _Optional[_Union[PlannedSide, _Mapping]] = ...) -> None: ...

class ListShadowCyclesRequest(_message.Message):
    __slots__ = ("shadow_id", "page_size", "page_token")
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    shadow_id: str
    page_size: int
    page_token: str
    def __init__(self, shadow_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListShadowCyclesResponse(_message.Message):
    __slots__ = ("cycles", "next_page_token")
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cycles: _containers.RepeatedCompositeFieldContainer[ShadowCycle]
    next_page_token: str
    def __init__(self, cycles: _Optional[_Iterable[_Union[ShadowCycle, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReportShadowRequest(_message.Message):
    __slots__ = ("shadow_id", "start", "end", "seed")
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    shadow_id: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    seed: int
    def __init__(self, shadow_id: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class ReportFigure(_message.Message):
    __slots__ = ("name", "unit", "in_force", "shadow")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    in_force: float
    shadow: float
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., in_force: _Optional[float] = ..., shadow: _Optional[float] = ...) -> None: ...

class ForecastQuality(_message.Message):
    __slots__ = ("source", "values", "mae_kw", "wape", "pinball_kw")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MAE_KW_FIELD_NUMBER: _ClassVar[int]
    WAPE_FIELD_NUMBER: _ClassVar[int]
    PINBALL_KW_FIELD_NUMBER: _ClassVar[int]
    source: str
    values: int
    mae_kw: float
    wape: float
    pinball_kw: float
    def __init__(self, source: _Optional[str] = ..., values: _Optional[int] = ..., mae_kw: _Optional[float] = ..., wape: _Optional[float] = ..., pinball_kw: _Optional[float] = ...) -> None: ...

class ShadowReport(_message.Message):
    __slots__ = ("shadow_id", "change", "start", "end", "cycles", "settled", "days", "saved_per_day", "saved_low_per_day", "saved_high_per_day", "figures", "forecasts", "against", "sentences")
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    SAVED_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    SAVED_LOW_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    SAVED_HIGH_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    FORECASTS_FIELD_NUMBER: _ClassVar[int]
    AGAINST_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    shadow_id: str
    change: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    cycles: int
    settled: int
    days: int
    saved_per_day: float
    saved_low_per_day: float
    saved_high_per_day: float
    figures: _containers.RepeatedCompositeFieldContainer[ReportFigure]
    forecasts: _containers.RepeatedCompositeFieldContainer[ForecastQuality]
    against: _containers.RepeatedScalarFieldContainer[str]
    sentences: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, shadow_id: _Optional[str] = ..., change: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cycles: _Optional[int] = ..., settled: _Optional[int] = ..., days: _Optional[int] = ..., saved_per_day: _Optional[float] = ..., saved_low_per_day: _Optional[float] = ..., saved_high_per_day: _Optional[float] = ..., figures: _Optional[_Iterable[_Union[ReportFigure, _Mapping]]] = ..., forecasts: _Optional[_Iterable[_Union[ForecastQuality, _Mapping]]] = ..., against: _Optional[_Iterable[str]] = ..., sentences: _Optional[_Iterable[str]] = ...) -> None: ...

class ReportShadowResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: ShadowReport
    def __init__(self, report: _Optional[_Union[ShadowReport, _Mapping]] = ...) -> None: ...

class ProposePromotionRequest(_message.Message):
    __slots__ = ("request_id", "shadow_id", "start", "end", "seed", "comment")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    shadow_id: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    seed: int
    comment: str
    def __init__(self, request_id: _Optional[str] = ..., shadow_id: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seed: _Optional[int] = ..., comment: _Optional[str] = ...) -> None: ...

class ProposePromotionResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: _approvals_pb2.Approval
    def __init__(self, approval: _Optional[_Union[_approvals_pb2.Approval, _Mapping]] = ...) -> None: ...

class Promotion(_message.Message):
    __slots__ = ("promotion_id", "kind", "shadow_id", "in_force", "at", "people", "reason", "approval_id")
    PROMOTION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SHADOW_ID_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    promotion_id: str
    kind: str
    shadow_id: str
    in_force: str
    at: _timestamp_pb2.Timestamp
    people: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    approval_id: str
    def __init__(self, promotion_id: _Optional[str] = ..., kind: _Optional[str] = ..., shadow_id: _Optional[str] = ..., in_force: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., people: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., approval_id: _Optional[str] = ...) -> None: ...

class RevertPromotionRequest(_message.Message):
    __slots__ = ("request_id", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevertPromotionResponse(_message.Message):
    __slots__ = ("promotion",)
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    promotion: Promotion
    def __init__(self, promotion: _Optional[_Union[Promotion, _Mapping]] = ...) -> None: ...

class ListPromotionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPromotionsResponse(_message.Message):
    __slots__ = ("promotions", "next_page_token", "in_force")
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    promotions: _containers.RepeatedCompositeFieldContainer[Promotion]
    next_page_token: str
    in_force: str
    def __init__(self, promotions: _Optional[_Iterable[_Union[Promotion, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., in_force: _Optional[str] = ...) -> None: ...
