import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListStopsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListStopsResponse(_message.Message):
    __slots__ = ("stops", "next_page_token")
    STOPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    stops: _containers.RepeatedCompositeFieldContainer[StopOrder]
    next_page_token: str
    def __init__(self, stops: _Optional[_Iterable[_Union[StopOrder, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StopOrder(_message.Message):
    __slots__ = ("request_id", "release", "asset_ids", "feeder_id", "author", "reason", "at", "told_assets", "away_assets", "confirmed_assets", "p50_s", "p99_s", "last_s")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    TOLD_ASSETS_FIELD_NUMBER: _ClassVar[int]
    AWAY_ASSETS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    P50_S_FIELD_NUMBER: _ClassVar[int]
    P99_S_FIELD_NUMBER: _ClassVar[int]
    LAST_S_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    release: bool
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    feeder_id: str
    author: str
    reason: str
    at: _timestamp_pb2.Timestamp
    told_assets: int
    away_assets: int
    confirmed_assets: int
    p50_s: float
    p99_s: float
    last_s: float
    def __init__(self, request_id: _Optional[str] = ..., release: _Optional[bool] = ..., asset_ids: _Optional[_Iterable[str]] = ..., feeder_id: _Optional[str] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., told_assets: _Optional[int] = ..., away_assets: _Optional[int] = ..., confirmed_assets: _Optional[int] = ..., p50_s: _Optional[float] = ..., p99_s: _Optional[float] = ..., last_s: _Optional[float] = ...) -> None: ...
