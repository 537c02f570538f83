import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import operator_pb2 as _operator_pb2
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
