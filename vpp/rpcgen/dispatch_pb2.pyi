import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import operator_pb2 as _operator_pb2
from vpp.rpcgen import runs_pb2 as _runs_pb2
from vpp.rpcgen import stops_pb2 as _stops_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OverrideKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERRIDE_KIND_UNSPECIFIED: _ClassVar[OverrideKind]
    OVERRIDE_KIND_POWER: _ClassVar[OverrideKind]
    OVERRIDE_KIND_ENVELOPE: _ClassVar[OverrideKind]
    OVERRIDE_KIND_HOLD: _ClassVar[OverrideKind]
OVERRIDE_KIND_UNSPECIFIED: OverrideKind
OVERRIDE_KIND_POWER: OverrideKind
OVERRIDE_KIND_ENVELOPE: OverrideKind
OVERRIDE_KIND_HOLD: OverrideKind

class DryRunRequest(_message.Message):
    __slots__ = ("request_id", "max_assets", "portfolio")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_ASSETS_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    max_assets: int
    portfolio: str
    def __init__(self, request_id: _Optional[str] = ..., max_assets: _Optional[int] = ..., portfolio: _Optional[str] = ...) -> None: ...

class DryRunResponse(_message.Message):
    __slots__ = ("run", "difference")
    RUN_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    run: _operator_pb2.Run
    difference: PlanDifference
    def __init__(self, run: _Optional[_Union[_operator_pb2.Run, _Mapping]] = ..., difference: _Optional[_Union[PlanDifference, _Mapping]] = ...) -> None: ...

class WhatIfRequest(_message.Message):
    __slots__ = ("request_id", "max_assets", "price_scale", "price_added_per_kwh", "load_scale", "feeders", "import_limit_kw", "export_limit_kw", "peak_price_per_kw", "excluded_assets", "portfolio")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_ASSETS_FIELD_NUMBER: _ClassVar[int]
    PRICE_SCALE_FIELD_NUMBER: _ClassVar[int]
    PRICE_ADDED_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    LOAD_SCALE_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    EXPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    PEAK_PRICE_PER_KW_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    max_assets: int
    price_scale: float
    price_added_per_kwh: float
    load_scale: float
    feeders: _containers.RepeatedCompositeFieldContainer[WhatIfFeeder]
    import_limit_kw: float
    export_limit_kw: float
    peak_price_per_kw: float
    excluded_assets: _containers.RepeatedScalarFieldContainer[str]
    portfolio: str
    def __init__(self, request_id: _Optional[str] = ..., max_assets: _Optional[int] = ..., price_scale: _Optional[float] = ..., price_added_per_kwh: _Optional[float] = ..., load_scale: _Optional[float] = ..., feeders: _Optional[_Iterable[_Union[WhatIfFeeder, _Mapping]]] = ..., import_limit_kw: _Optional[float] = ..., export_limit_kw: _Optional[float] = ..., peak_price_per_kw: _Optional[float] = ..., excluded_assets: _Optional[_Iterable[str]] = ..., portfolio: _Optional[str] = ...) -> None: ...

class WhatIfFeeder(_message.Message):
    __slots__ = ("feeder_id", "import_limit_kw", "export_limit_kw")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    IMPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    EXPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    import_limit_kw: float
    export_limit_kw: float
    def __init__(self, feeder_id: _Optional[str] = ..., import_limit_kw: _Optional[float] = ..., export_limit_kw: _Optional[float] = ...) -> None: ...

class WhatIfResponse(_message.Message):
    __slots__ = ("run", "difference")
    RUN_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    run: _operator_pb2.Run
    difference: PlanDifference
    def __init__(self, run: _Optional[_Union[_operator_pb2.Run, _Mapping]] = ..., difference: _Optional[_Union[PlanDifference, _Mapping]] = ...) -> None: ...

class PlanDifference(_message.Message):
    __slots__ = ("cost", "reference_cost", "bill", "reference_bill", "peak_kw", "reference_peak_kw", "intervals_at_limit", "reference_intervals_at_limit", "feeders", "assets", "changed_assets")
    class BillEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ReferenceBillEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    COST_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_COST_FIELD_NUMBER: _ClassVar[int]
    BILL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_BILL_FIELD_NUMBER: _ClassVar[int]
    PEAK_KW_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_PEAK_KW_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_AT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_INTERVALS_AT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    FEEDERS_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    cost: float
    reference_cost: float
    bill: _containers.ScalarMap[str, float]
    reference_bill: _containers.ScalarMap[str, float]
    peak_kw: float
    reference_peak_kw: float
    intervals_at_limit: int
    reference_intervals_at_limit: int
    feeders: _containers.RepeatedCompositeFieldContainer[FeederDifference]
    assets: _containers.RepeatedCompositeFieldContainer[AssetDifference]
    changed_assets: int
    def __init__(self, cost: _Optional[float] = ..., reference_cost: _Optional[float] = ..., bill: _Optional[_Mapping[str, float]] = ..., reference_bill: _Optional[_Mapping[str, float]] = ..., peak_kw: _Optional[float] = ..., reference_peak_kw: _Optional[float] = ..., intervals_at_limit: _Optional[int] = ..., reference_intervals_at_limit: _Optional[int] = ..., feeders: _Optional[_Iterable[_Union[FeederDifference, _Mapping]]] = ..., assets: _Optional[_Iterable[_Union[AssetDifference, _Mapping]]] = ..., changed_assets: _Optional[int] = ...) -> None: ...

class FeederDifference(_message.Message):
    __slots__ = ("feeder_id", "change_kw", "intervals_at_limit", "reference_intervals_at_limit", "marginal_price_per_kwh", "reference_marginal_price_per_kwh")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_KW_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_AT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_INTERVALS_AT_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MARGINAL_PRICE_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_MARGINAL_PRICE_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    change_kw: _containers.RepeatedScalarFieldContainer[float]
    intervals_at_limit: int
    reference_intervals_at_limit: int
    marginal_price_per_kwh: _containers.RepeatedScalarFieldContainer[float]
    reference_marginal_price_per_kwh: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, feeder_id: _Optional[str] = ..., change_kw: _Optional[_Iterable[float]] = ..., intervals_at_limit: _Optional[int] = ..., reference_intervals_at_limit: _Optional[int] = ..., marginal_price_per_kwh: _Optional[_Iterable[float]] = ..., reference_marginal_price_per_kwh: _Optional[_Iterable[float]] = ...) -> None: ...

class AssetDifference(_message.Message):
    __slots__ = ("asset_id", "moved_kwh", "change_kw")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    MOVED_KWH_FIELD_NUMBER: _ClassVar[int]
    CHANGE_KW_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    moved_kwh: float
    change_kw: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, asset_id: _Optional[str] = ..., moved_kwh: _Optional[float] = ..., change_kw: _Optional[_Iterable[float]] = ...) -> None: ...

class SetOverrideRequest(_message.Message):
    __slots__ = ("request_id", "asset_ids", "feeder_id", "kind", "power_kw", "min_kw", "max_kw", "valid_until", "duration_s", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    MIN_KW_FIELD_NUMBER: _ClassVar[int]
    MAX_KW_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: str
    kind: OverrideKind
    power_kw: float
    min_kw: float
    max_kw: float
    valid_until: _timestamp_pb2.Timestamp
    duration_s: float
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[str] = ..., kind: _Optional[_Union[OverrideKind, str]] = ..., power_kw: _Optional[float] = ..., min_kw: _Optional[float] = ..., max_kw: _Optional[float] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration_s: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class SetOverrideResponse(_message.Message):
    __slots__ = ("override",)
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    override: Override
    def __init__(self, override: _Optional[_Union[Override, _Mapping]] = ...) -> None: ...

class Override(_message.Message):
    __slots__ = ("override_id", "asset_ids", "feeder_id", "kind", "assets", "author", "reason", "created_at", "valid_until", "cleared_at", "cleared_by", "cost", "cost_least", "cost_most", "power_kw")
    OVERRIDE_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    CLEARED_AT_FIELD_NUMBER: _ClassVar[int]
    CLEARED_BY_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    COST_LEAST_FIELD_NUMBER: _ClassVar[int]
    COST_MOST_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    override_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: str
    kind: OverrideKind
    assets: _containers.RepeatedCompositeFieldContainer[OverriddenAsset]
    author: str
    reason: str
    created_at: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    cleared_at: _timestamp_pb2.Timestamp
    cleared_by: str
    cost: float
    cost_least: float
    cost_most: float
    power_kw: float
    def __init__(self, override_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[str] = ..., kind: _Optional[_Union[OverrideKind, str]] = ..., assets: _Optional[_Iterable[_Union[OverriddenAsset, _Mapping]]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cleared_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cleared_by: _Optional[str] = ..., cost: _Optional[float] = ..., cost_least: _Optional[float] = ..., cost_most: _Optional[float] = ..., power_kw: _Optional[float] = ...) -> None: ...

class OverriddenAsset(_message.Message):
    __slots__ = ("asset_id", "power_kw", "min_kw", "max_kw")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    MIN_KW_FIELD_NUMBER: _ClassVar[int]
    MAX_KW_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    power_kw: float
    min_kw: float
    max_kw: float
    def __init__(self, asset_id: _Optional[str] = ..., power_kw: _Optional[float] = ..., min_kw: _Optional[float] = ..., max_kw: _Optional[float] = ...) -> None: ...

class ClearOverrideRequest(_message.Message):
    __slots__ = ("override_id", "reason")
    OVERRIDE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    override_id: str
    reason: str
    def __init__(self, override_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClearOverrideResponse(_message.Message):
    __slots__ = ("override",)
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    override: Override
    def __init__(self, override: _Optional[_Union[Override, _Mapping]] = ...) -> None: ...

class ListOverridesRequest(_message.Message):
    __slots__ = ("include_over", "page_size", "page_token")
    INCLUDE_OVER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    include_over: bool
    page_size: int
    page_token: str
    def __init__(self, include_over: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListOverridesResponse(_message.Message):
    __slots__ = ("overrides", "next_page_token")
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    overrides: _containers.RepeatedCompositeFieldContainer[Override]
    next_page_token: str
    def __init__(self, overrides: _Optional[_Iterable[_Union[Override, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("told_assets", "away_assets", "confirmed_assets", "p50_s", "p99_s", "last_s")
    TOLD_ASSETS_FIELD_NUMBER: _ClassVar[int]
    AWAY_ASSETS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    P50_S_FIELD_NUMBER: _ClassVar[int]
    P99_S_FIELD_NUMBER: _ClassVar[int]
    LAST_S_FIELD_NUMBER: _ClassVar[int]
    told_assets: int
    away_assets: int
    confirmed_assets: int
    p50_s: float
    p99_s: float
    last_s: float
    def __init__(self, told_assets: _Optional[int] = ..., away_assets: _Optional[int] = ..., confirmed_assets: _Optional[int] = ..., p50_s: _Optional[float] = ..., p99_s: _Optional[float] = ..., last_s: _Optional[float] = ...) -> None: ...

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
    __slots__ = ("request_id", "portfolio")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    portfolio: str
    def __init__(self, request_id: _Optional[str] = ..., portfolio: _Optional[str] = ...) -> None: ...

class TriggerRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _operator_pb2.Run
    def __init__(self, run: _Optional[_Union[_operator_pb2.Run, _Mapping]] = ...) -> None: ...
