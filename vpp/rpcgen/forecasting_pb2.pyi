import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContextItem(_message.Message):
    __slots__ = ("item_id", "text", "valid_from", "valid_until", "available_at")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_AT_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    text: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    available_at: _timestamp_pb2.Timestamp
    def __init__(self, item_id: _Optional[str] = ..., text: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., available_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AddContextItemRequest(_message.Message):
    __slots__ = ("item_id", "text", "valid_from", "valid_until")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    text: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    def __init__(self, item_id: _Optional[str] = ..., text: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AddContextItemResponse(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: ContextItem
    def __init__(self, item: _Optional[_Union[ContextItem, _Mapping]] = ...) -> None: ...

class ListContextItemsRequest(_message.Message):
    __slots__ = ("start", "end", "page_size", "page_token")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListContextItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ContextItem]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[ContextItem, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExplainForecastRequest(_message.Message):
    __slots__ = ("run_id", "forecast_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    forecast_id: str
    def __init__(self, run_id: _Optional[str] = ..., forecast_id: _Optional[str] = ...) -> None: ...

class ExplainForecastResponse(_message.Message):
    __slots__ = ("forecast_id", "available_at", "source", "verdict", "reason", "start", "block_s", "consumption_kw", "pv_kw", "exchange")
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    BLOCK_S_FIELD_NUMBER: _ClassVar[int]
    CONSUMPTION_KW_FIELD_NUMBER: _ClassVar[int]
    PV_KW_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    forecast_id: str
    available_at: _timestamp_pb2.Timestamp
    source: str
    verdict: str
    reason: str
    start: _timestamp_pb2.Timestamp
    block_s: float
    consumption_kw: _containers.RepeatedScalarFieldContainer[float]
    pv_kw: _containers.RepeatedScalarFieldContainer[float]
    exchange: ModelExchange
    def __init__(self, forecast_id: _Optional[str] = ..., available_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., verdict: _Optional[str] = ..., reason: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., block_s: _Optional[float] = ..., consumption_kw: _Optional[_Iterable[float]] = ..., pv_kw: _Optional[_Iterable[float]] = ..., exchange: _Optional[_Union[ModelExchange, _Mapping]] = ...) -> None: ...

class ModelExchange(_message.Message):
    __slots__ = ("call_id", "asked_at", "model", "endpoint", "verdict", "reason", "evidence", "proposals", "prompt_tokens", "cached_tokens", "completion_tokens", "cost", "currency", "seconds")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    asked_at: _timestamp_pb2.Timestamp
    model: str
    endpoint: str
    verdict: str
    reason: str
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost: float
    currency: str
    seconds: float
    def __init__(self, call_id: _Optional[str] = ..., asked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., model: _Optional[str] = ..., endpoint: _Optional[str] = ..., verdict: _Optional[str] = ..., reason: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., prompt_tokens: _Optional[int] = ..., cached_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., cost: _Optional[float] = ..., currency: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("evidence_id", "text")
    EVIDENCE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    evidence_id: str
    text: str
    def __init__(self, evidence_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("sample", "start_block", "end_block", "multiplier_p10", "multiplier_p50", "multiplier_p90", "cause", "evidence_id", "model_words")
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    START_BLOCK_FIELD_NUMBER: _ClassVar[int]
    END_BLOCK_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_P10_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_P50_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_P90_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_WORDS_FIELD_NUMBER: _ClassVar[int]
    sample: int
    start_block: int
    end_block: int
    multiplier_p10: float
    multiplier_p50: float
    multiplier_p90: float
    cause: str
    evidence_id: str
    model_words: str
    def __init__(self, sample: _Optional[int] = ..., start_block: _Optional[int] = ..., end_block: _Optional[int] = ..., multiplier_p10: _Optional[float] = ..., multiplier_p50: _Optional[float] = ..., multiplier_p90: _Optional[float] = ..., cause: _Optional[str] = ..., evidence_id: _Optional[str] = ..., model_words: _Optional[str] = ...) -> None: ...
