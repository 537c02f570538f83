import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditRecord(_message.Message):
    __slots__ = ("number", "at", "kind", "subject", "actor", "payload_json", "payload_sha256", "chain_sha256")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_JSON_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SHA256_FIELD_NUMBER: _ClassVar[int]
    CHAIN_SHA256_FIELD_NUMBER: _ClassVar[int]
    number: int
    at: _timestamp_pb2.Timestamp
    kind: str
    subject: str
    actor: str
    payload_json: str
    payload_sha256: str
    chain_sha256: str
    def __init__(self, number: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., subject: _Optional[str] = ..., actor: _Optional[str] = ..., payload_json: _Optional[str] = ..., payload_sha256: _Optional[str] = ..., chain_sha256: _Optional[str] = ...) -> None: ...

class ListRecordsRequest(_message.Message):
    __slots__ = ("kind", "subject", "start", "end", "page_size", "page_token")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    kind: str
    subject: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, kind: _Optional[str] = ..., subject: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRecordsResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[AuditRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[AuditRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetHeadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetHeadResponse(_message.Message):
    __slots__ = ("number", "chain_sha256")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_SHA256_FIELD_NUMBER: _ClassVar[int]
    number: int
    chain_sha256: str
    def __init__(self, number: _Optional[int] = ..., chain_sha256: _Optional[str] = ...) -> None: ...

class VerifyRangeRequest(_message.Message):
    __slots__ = ("first", "last", "deep", "anchors")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    DEEP_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    deep: bool
    anchors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ..., deep: _Optional[bool] = ..., anchors: _Optional[_Iterable[str]] = ...) -> None: ...

class VerifyRangeResponse(_message.Message):
    __slots__ = ("done", "total", "verdict")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    verdict: AuditVerdict
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., verdict: _Optional[_Union[AuditVerdict, _Mapping]] = ...) -> None: ...

class AuditVerdict(_message.Message):
    __slots__ = ("whole", "fault_count", "faults", "records", "anchors")
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    FAULT_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    ANCHORS_FIELD_NUMBER: _ClassVar[int]
    whole: bool
    fault_count: int
    faults: _containers.RepeatedCompositeFieldContainer[AuditFault]
    records: int
    anchors: int
    def __init__(self, whole: _Optional[bool] = ..., fault_count: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[AuditFault, _Mapping]]] = ..., records: _Optional[int] = ..., anchors: _Optional[int] = ...) -> None: ...

class AuditFault(_message.Message):
    __slots__ = ("number", "field", "expected", "found")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    number: int
    field: str
    expected: str
    found: str
    def __init__(self, number: _Optional[int] = ..., field: _Optional[str] = ..., expected: _Optional[str] = ..., found: _Optional[str] = ...) -> None: ...

class ExplainSetpointRequest(_message.Message):
    __slots__ = ("asset_id", "epoch", "sequence", "at")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    epoch: int
    sequence: int
    at: _timestamp_pb2.Timestamp
    def __init__(self, asset_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExplainSetpointResponse(_message.Message):
    __slots__ = ("asset_id", "epoch", "sequence", "power_kw", "valid_from", "origin", "run_id", "rung", "input_sha256", "objective", "lower_bound", "gap", "reasons", "sentences", "forecast_id", "model_share", "model", "measured_kw", "readings", "followed", "record_numbers")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    INPUT_SHA256_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SENTENCES_FIELD_NUMBER: _ClassVar[int]
    FORECAST_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHARE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MEASURED_KW_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWED_FIELD_NUMBER: _ClassVar[int]
    RECORD_NUMBERS_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    epoch: int
    sequence: int
    power_kw: float
    valid_from: _timestamp_pb2.Timestamp
    origin: str
    run_id: str
    rung: str
    input_sha256: str
    objective: float
    lower_bound: float
    gap: float
    reasons: _containers.RepeatedCompositeFieldContainer[SetpointReason]
    sentences: _containers.RepeatedCompositeFieldContainer[ExplainedSentence]
    forecast_id: str
    model_share: float
    model: str
    measured_kw: float
    readings: int
    followed: bool
    record_numbers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, asset_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., power_kw: _Optional[float] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., origin: _Optional[str] = ..., run_id: _Optional[str] = ..., rung: _Optional[str] = ..., input_sha256: _Optional[str] = ..., objective: _Optional[float] = ..., lower_bound: _Optional[float] = ..., gap: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[SetpointReason, _Mapping]]] = ..., sentences: _Optional[_Iterable[_Union[ExplainedSentence, _Mapping]]] = ..., forecast_id: _Optional[str] = ..., model_share: _Optional[float] = ..., model: _Optional[str] = ..., measured_kw: _Optional[float] = ..., readings: _Optional[int] = ..., followed: _Optional[bool] = ..., record_numbers: _Optional[_Iterable[int]] = ...) -> None: ...

class SetpointReason(_message.Message):
    __slots__ = ("kind", "sentence", "limit", "unit", "marginal_per_kwh", "subject")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    MARGINAL_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    sentence: str
    limit: float
    unit: str
    marginal_per_kwh: float
    subject: str
    def __init__(self, kind: _Optional[str] = ..., sentence: _Optional[str] = ..., limit: _Optional[float] = ..., unit: _Optional[str] = ..., marginal_per_kwh: _Optional[float] = ..., subject: _Optional[str] = ...) -> None: ...

class ExplainedSentence(_message.Message):
    __slots__ = ("topic", "words")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    words: str
    def __init__(self, topic: _Optional[str] = ..., words: _Optional[str] = ...) -> None: ...
