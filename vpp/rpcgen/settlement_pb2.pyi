import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SettleEventRequest(_message.Message):
    __slots__ = ("event_id", "page_size", "page_token")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    page_size: int
    page_token: str
    def __init__(self, event_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SettleEventResponse(_message.Message):
    __slots__ = ("totals", "assets", "next_page_token", "settled_at")
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SETTLED_AT_FIELD_NUMBER: _ClassVar[int]
    totals: EventTotals
    assets: _containers.RepeatedCompositeFieldContainer[AssetSettlement]
    next_page_token: str
    settled_at: _timestamp_pb2.Timestamp
    def __init__(self, totals: _Optional[_Union[EventTotals, _Mapping]] = ..., assets: _Optional[_Iterable[_Union[AssetSettlement, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., settled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EventTotals(_message.Message):
    __slots__ = ("requested_kwh", "settled_kwh", "missing_kwh", "payment", "penalty", "income", "portfolio")
    REQUESTED_KWH_FIELD_NUMBER: _ClassVar[int]
    SETTLED_KWH_FIELD_NUMBER: _ClassVar[int]
    MISSING_KWH_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    PENALTY_FIELD_NUMBER: _ClassVar[int]
    INCOME_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    requested_kwh: float
    settled_kwh: float
    missing_kwh: float
    payment: float
    penalty: float
    income: float
    portfolio: float
    def __init__(self, requested_kwh: _Optional[float] = ..., settled_kwh: _Optional[float] = ..., missing_kwh: _Optional[float] = ..., payment: _Optional[float] = ..., penalty: _Optional[float] = ..., income: _Optional[float] = ..., portfolio: _Optional[float] = ...) -> None: ...

class AssetSettlement(_message.Message):
    __slots__ = ("asset_id", "requested_kwh", "ordered_kwh", "delivered_kwh", "missing_kwh", "reason", "baseline_days", "wear", "share")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_KWH_FIELD_NUMBER: _ClassVar[int]
    ORDERED_KWH_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_KWH_FIELD_NUMBER: _ClassVar[int]
    MISSING_KWH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BASELINE_DAYS_FIELD_NUMBER: _ClassVar[int]
    WEAR_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    requested_kwh: float
    ordered_kwh: float
    delivered_kwh: float
    missing_kwh: float
    reason: str
    baseline_days: int
    wear: float
    share: float
    def __init__(self, asset_id: _Optional[str] = ..., requested_kwh: _Optional[float] = ..., ordered_kwh: _Optional[float] = ..., delivered_kwh: _Optional[float] = ..., missing_kwh: _Optional[float] = ..., reason: _Optional[str] = ..., baseline_days: _Optional[int] = ..., wear: _Optional[float] = ..., share: _Optional[float] = ...) -> None: ...
