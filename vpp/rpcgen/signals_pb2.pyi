import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_KIND_UNSPECIFIED: _ClassVar[SignalKind]
    SIGNAL_KIND_PRICE: _ClassVar[SignalKind]
    SIGNAL_KIND_ENVELOPE: _ClassVar[SignalKind]
    SIGNAL_KIND_EVENT: _ClassVar[SignalKind]
    SIGNAL_KIND_RESERVE: _ClassVar[SignalKind]
    SIGNAL_KIND_MAINTENANCE: _ClassVar[SignalKind]
    SIGNAL_KIND_OPT_OUT: _ClassVar[SignalKind]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_UP: _ClassVar[Direction]
    DIRECTION_DOWN: _ClassVar[Direction]

class BaselineMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BASELINE_METHOD_UNSPECIFIED: _ClassVar[BaselineMethod]
    BASELINE_METHOD_NONE: _ClassVar[BaselineMethod]
    BASELINE_METHOD_TEN_OF_TEN: _ClassVar[BaselineMethod]
SIGNAL_KIND_UNSPECIFIED: SignalKind
SIGNAL_KIND_PRICE: SignalKind
SIGNAL_KIND_ENVELOPE: SignalKind
SIGNAL_KIND_EVENT: SignalKind
SIGNAL_KIND_RESERVE: SignalKind
SIGNAL_KIND_MAINTENANCE: SignalKind
SIGNAL_KIND_OPT_OUT: SignalKind
DIRECTION_UNSPECIFIED: Direction
DIRECTION_UP: Direction
DIRECTION_DOWN: Direction
BASELINE_METHOD_UNSPECIFIED: BaselineMethod
BASELINE_METHOD_NONE: BaselineMethod
BASELINE_METHOD_TEN_OF_TEN: BaselineMethod

class PriceSignal(_message.Message):
    __slots__ = ("import_price_per_kwh", "export_price_per_kwh")
    IMPORT_PRICE_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    EXPORT_PRICE_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    import_price_per_kwh: float
    export_price_per_kwh: float
    def __init__(self, import_price_per_kwh: _Optional[float] = ..., export_price_per_kwh: _Optional[float] = ...) -> None: ...

class OperatingEnvelope(_message.Message):
    __slots__ = ("feeder_id", "asset_ids", "import_limit_kw", "export_limit_kw", "may_widen")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    EXPORT_LIMIT_KW_FIELD_NUMBER: _ClassVar[int]
    MAY_WIDEN_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    import_limit_kw: float
    export_limit_kw: float
    may_widen: bool
    def __init__(self, feeder_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ..., import_limit_kw: _Optional[float] = ..., export_limit_kw: _Optional[float] = ..., may_widen: _Optional[bool] = ...) -> None: ...

class DispatchEvent(_message.Message):
    __slots__ = ("direction", "target_kw", "payment_per_kwh", "penalty_per_kwh", "baseline")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    TARGET_KW_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    PENALTY_PER_KWH_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    direction: Direction
    target_kw: float
    payment_per_kwh: float
    penalty_per_kwh: float
    baseline: BaselineMethod
    def __init__(self, direction: _Optional[_Union[Direction, str]] = ..., target_kw: _Optional[float] = ..., payment_per_kwh: _Optional[float] = ..., penalty_per_kwh: _Optional[float] = ..., baseline: _Optional[_Union[BaselineMethod, str]] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ("product_id", "up_kw", "down_kw", "price_per_kw_h", "sustain_s")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    UP_KW_FIELD_NUMBER: _ClassVar[int]
    DOWN_KW_FIELD_NUMBER: _ClassVar[int]
    PRICE_PER_KW_H_FIELD_NUMBER: _ClassVar[int]
    SUSTAIN_S_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    up_kw: float
    down_kw: float
    price_per_kw_h: float
    sustain_s: float
    def __init__(self, product_id: _Optional[str] = ..., up_kw: _Optional[float] = ..., down_kw: _Optional[float] = ..., price_per_kw_h: _Optional[float] = ..., sustain_s: _Optional[float] = ...) -> None: ...

class MaintenanceWindow(_message.Message):
    __slots__ = ("feeder_id", "asset_ids")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, feeder_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class OptOutNotice(_message.Message):
    __slots__ = ("event_id", "asset_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    asset_id: str
    def __init__(self, event_id: _Optional[str] = ..., asset_id: _Optional[str] = ...) -> None: ...

class SignalDraft(_message.Message):
    __slots__ = ("signal_id", "valid_from", "valid_until", "primacy", "price", "envelope", "event", "reserve", "maintenance")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    PRIMACY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    primacy: int
    price: PriceSignal
    envelope: OperatingEnvelope
    event: DispatchEvent
    reserve: ReserveRequest
    maintenance: MaintenanceWindow
    def __init__(self, signal_id: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., primacy: _Optional[int] = ..., price: _Optional[_Union[PriceSignal, _Mapping]] = ..., envelope: _Optional[_Union[OperatingEnvelope, _Mapping]] = ..., event: _Optional[_Union[DispatchEvent, _Mapping]] = ..., reserve: _Optional[_Union[ReserveRequest, _Mapping]] = ..., maintenance: _Optional[_Union[MaintenanceWindow, _Mapping]] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("signal_id", "valid_from", "valid_until", "primacy", "request_id", "author", "available_at", "withdrawn", "superseded_by", "price", "envelope", "event", "reserve", "maintenance", "opt_out")
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    PRIMACY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_AT_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESERVE_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    OPT_OUT_FIELD_NUMBER: _ClassVar[int]
    signal_id: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    primacy: int
    request_id: str
    author: str
    available_at: _timestamp_pb2.Timestamp
    withdrawn: bool
    superseded_by: str
    price: PriceSignal
    envelope: OperatingEnvelope
    event: DispatchEvent
    reserve: ReserveRequest
    maintenance: MaintenanceWindow
    opt_out: OptOutNotice
    def __init__(self, signal_id: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., primacy: _Optional[int] = ..., request_id: _Optional[str] = ..., author: _Optional[str] = ..., available_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., withdrawn: _Optional[bool] = ..., superseded_by: _Optional[str] = ..., price: _Optional[_Union[PriceSignal, _Mapping]] = ..., envelope: _Optional[_Union[OperatingEnvelope, _Mapping]] = ..., event: _Optional[_Union[DispatchEvent, _Mapping]] = ..., reserve: _Optional[_Union[ReserveRequest, _Mapping]] = ..., maintenance: _Optional[_Union[MaintenanceWindow, _Mapping]] = ..., opt_out: _Optional[_Union[OptOutNotice, _Mapping]] = ...) -> None: ...

class PutSignalsRequest(_message.Message):
    __slots__ = ("request_id", "signals")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    signals: _containers.RepeatedCompositeFieldContainer[SignalDraft]
    def __init__(self, request_id: _Optional[str] = ..., signals: _Optional[_Iterable[_Union[SignalDraft, _Mapping]]] = ...) -> None: ...

class PutSignalsResponse(_message.Message):
    __slots__ = ("signals",)
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    def __init__(self, signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ...) -> None: ...

class WithdrawSignalRequest(_message.Message):
    __slots__ = ("request_id", "signal_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    signal_id: str
    def __init__(self, request_id: _Optional[str] = ..., signal_id: _Optional[str] = ...) -> None: ...

class WithdrawSignalResponse(_message.Message):
    __slots__ = ("signal",)
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ...) -> None: ...

class OptOutRequest(_message.Message):
    __slots__ = ("request_id", "event_id", "asset_ids")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    event_id: str
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, request_id: _Optional[str] = ..., event_id: _Optional[str] = ..., asset_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class OptOutResponse(_message.Message):
    __slots__ = ("signals",)
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    def __init__(self, signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ...) -> None: ...

class ListSignalsRequest(_message.Message):
    __slots__ = ("as_of", "kind", "with_superseded", "page_size", "page_token")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WITH_SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    kind: SignalKind
    with_superseded: bool
    page_size: int
    page_token: str
    def __init__(self, as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[SignalKind, str]] = ..., with_superseded: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSignalsResponse(_message.Message):
    __slots__ = ("signals", "next_page_token")
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    next_page_token: str
    def __init__(self, signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
