import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DefaultControl(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_CONTROL_UNSPECIFIED: _ClassVar[DefaultControl]
    DEFAULT_CONTROL_ZERO: _ClassVar[DefaultControl]
    DEFAULT_CONTROL_HOLD: _ClassVar[DefaultControl]
    DEFAULT_CONTROL_SELF_CONSUMPTION: _ClassVar[DefaultControl]

class SetpointOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SETPOINT_ORIGIN_UNSPECIFIED: _ClassVar[SetpointOrigin]
    SETPOINT_ORIGIN_OPTIMIZER: _ClassVar[SetpointOrigin]
    SETPOINT_ORIGIN_TRACKING: _ClassVar[SetpointOrigin]
    SETPOINT_ORIGIN_EVENT: _ClassVar[SetpointOrigin]
    SETPOINT_ORIGIN_OPERATOR: _ClassVar[SetpointOrigin]
    SETPOINT_ORIGIN_SAFETY: _ClassVar[SetpointOrigin]

class AcknowledgementState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACKNOWLEDGEMENT_STATE_UNSPECIFIED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_RECEIVED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_STARTED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_COMPLETED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_REJECTED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_SUPERSEDED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_EXPIRED: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_OPTED_OUT: _ClassVar[AcknowledgementState]
    ACKNOWLEDGEMENT_STATE_CANCELLED: _ClassVar[AcknowledgementState]
DEFAULT_CONTROL_UNSPECIFIED: DefaultControl
DEFAULT_CONTROL_ZERO: DefaultControl
DEFAULT_CONTROL_HOLD: DefaultControl
DEFAULT_CONTROL_SELF_CONSUMPTION: DefaultControl
SETPOINT_ORIGIN_UNSPECIFIED: SetpointOrigin
SETPOINT_ORIGIN_OPTIMIZER: SetpointOrigin
SETPOINT_ORIGIN_TRACKING: SetpointOrigin
SETPOINT_ORIGIN_EVENT: SetpointOrigin
SETPOINT_ORIGIN_OPERATOR: SetpointOrigin
SETPOINT_ORIGIN_SAFETY: SetpointOrigin
ACKNOWLEDGEMENT_STATE_UNSPECIFIED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_RECEIVED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_STARTED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_COMPLETED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_REJECTED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_SUPERSEDED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_EXPIRED: AcknowledgementState
ACKNOWLEDGEMENT_STATE_OPTED_OUT: AcknowledgementState
ACKNOWLEDGEMENT_STATE_CANCELLED: AcknowledgementState

class NodeMessage(_message.Message):
    __slots__ = ("hello", "reading", "reading_batch", "acknowledgement", "charging_sessions", "feeder_reading", "pong")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    READING_FIELD_NUMBER: _ClassVar[int]
    READING_BATCH_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    CHARGING_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    FEEDER_READING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    reading: Reading
    reading_batch: ReadingBatch
    acknowledgement: Acknowledgement
    charging_sessions: ChargingSessions
    feeder_reading: FeederReading
    pong: Pong
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., reading: _Optional[_Union[Reading, _Mapping]] = ..., reading_batch: _Optional[_Union[ReadingBatch, _Mapping]] = ..., acknowledgement: _Optional[_Union[Acknowledgement, _Mapping]] = ..., charging_sessions: _Optional[_Union[ChargingSessions, _Mapping]] = ..., feeder_reading: _Optional[_Union[FeederReading, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ...) -> None: ...

class ServerMessage(_message.Message):
    __slots__ = ("welcome", "setpoints", "renewal", "stop", "refusal", "readings_stored", "ping", "release", "goodbye")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    SETPOINTS_FIELD_NUMBER: _ClassVar[int]
    RENEWAL_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    READINGS_STORED_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    setpoints: Setpoints
    renewal: Renewal
    stop: Stop
    refusal: Refusal
    readings_stored: ReadingsStored
    ping: Ping
    release: Release
    goodbye: Goodbye
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., setpoints: _Optional[_Union[Setpoints, _Mapping]] = ..., renewal: _Optional[_Union[Renewal, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., readings_stored: _Optional[_Union[ReadingsStored, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., release: _Optional[_Union[Release, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol_version", "asset_ids", "agent", "min_protocol_version", "buffer_id", "resume_from")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    ASSET_IDS_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    MIN_PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUFFER_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_FROM_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    asset_ids: _containers.RepeatedScalarFieldContainer[str]
    agent: str
    min_protocol_version: int
    buffer_id: str
    resume_from: int
    def __init__(self, protocol_version: _Optional[int] = ..., asset_ids: _Optional[_Iterable[str]] = ..., agent: _Optional[str] = ..., min_protocol_version: _Optional[int] = ..., buffer_id: _Optional[str] = ..., resume_from: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("epoch", "assets", "report_period_s", "max_order_age_s", "protocol_version", "sent_at", "stored_reading_number")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    REPORT_PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    MAX_ORDER_AGE_S_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    STORED_READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    assets: _containers.RepeatedCompositeFieldContainer[AssetTerms]
    report_period_s: float
    max_order_age_s: float
    protocol_version: int
    sent_at: _timestamp_pb2.Timestamp
    stored_reading_number: int
    def __init__(self, epoch: _Optional[int] = ..., assets: _Optional[_Iterable[_Union[AssetTerms, _Mapping]]] = ..., report_period_s: _Optional[float] = ..., max_order_age_s: _Optional[float] = ..., protocol_version: _Optional[int] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stored_reading_number: _Optional[int] = ...) -> None: ...

class AssetTerms(_message.Message):
    __slots__ = ("asset_id", "slot", "default_control", "max_charge_kw", "max_discharge_kw")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_CONTROL_FIELD_NUMBER: _ClassVar[int]
    MAX_CHARGE_KW_FIELD_NUMBER: _ClassVar[int]
    MAX_DISCHARGE_KW_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    slot: int
    default_control: DefaultControl
    max_charge_kw: float
    max_discharge_kw: float
    def __init__(self, asset_id: _Optional[str] = ..., slot: _Optional[int] = ..., default_control: _Optional[_Union[DefaultControl, str]] = ..., max_charge_kw: _Optional[float] = ..., max_discharge_kw: _Optional[float] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("slot", "measured_at", "soc", "power_kw", "connected", "reading_number")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    MEASURED_AT_FIELD_NUMBER: _ClassVar[int]
    SOC_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    slot: int
    measured_at: _timestamp_pb2.Timestamp
    soc: float
    power_kw: float
    connected: bool
    reading_number: int
    def __init__(self, slot: _Optional[int] = ..., measured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., soc: _Optional[float] = ..., power_kw: _Optional[float] = ..., connected: _Optional[bool] = ..., reading_number: _Optional[int] = ...) -> None: ...

class ReadingBatch(_message.Message):
    __slots__ = ("slot", "base_time", "offset_ms", "soc", "power_kw", "connected", "reading_number")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    BASE_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    SOC_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    slot: _containers.RepeatedScalarFieldContainer[int]
    base_time: _timestamp_pb2.Timestamp
    offset_ms: _containers.RepeatedScalarFieldContainer[int]
    soc: _containers.RepeatedScalarFieldContainer[float]
    power_kw: _containers.RepeatedScalarFieldContainer[float]
    connected: _containers.RepeatedScalarFieldContainer[bool]
    reading_number: int
    def __init__(self, slot: _Optional[_Iterable[int]] = ..., base_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., offset_ms: _Optional[_Iterable[int]] = ..., soc: _Optional[_Iterable[float]] = ..., power_kw: _Optional[_Iterable[float]] = ..., connected: _Optional[_Iterable[bool]] = ..., reading_number: _Optional[int] = ...) -> None: ...

class ReadingsStored(_message.Message):
    __slots__ = ("reading_number",)
    READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    reading_number: int
    def __init__(self, reading_number: _Optional[int] = ...) -> None: ...

class FeederReading(_message.Message):
    __slots__ = ("feeder_id", "start", "consumption_kw", "pv_kw", "reading_number")
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    CONSUMPTION_KW_FIELD_NUMBER: _ClassVar[int]
    PV_KW_FIELD_NUMBER: _ClassVar[int]
    READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    feeder_id: str
    start: _timestamp_pb2.Timestamp
    consumption_kw: float
    pv_kw: float
    reading_number: int
    def __init__(self, feeder_id: _Optional[str] = ..., start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., consumption_kw: _Optional[float] = ..., pv_kw: _Optional[float] = ..., reading_number: _Optional[int] = ...) -> None: ...

class ChargingSessions(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[ChargingSession]
    def __init__(self, sessions: _Optional[_Iterable[_Union[ChargingSession, _Mapping]]] = ...) -> None: ...

class ChargingSession(_message.Message):
    __slots__ = ("slot", "connected_from", "connected_until", "departure_energy_kwh", "trip_energy_kwh")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FROM_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_ENERGY_KWH_FIELD_NUMBER: _ClassVar[int]
    TRIP_ENERGY_KWH_FIELD_NUMBER: _ClassVar[int]
    slot: int
    connected_from: _timestamp_pb2.Timestamp
    connected_until: _timestamp_pb2.Timestamp
    departure_energy_kwh: float
    trip_energy_kwh: float
    def __init__(self, slot: _Optional[int] = ..., connected_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., connected_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., departure_energy_kwh: _Optional[float] = ..., trip_energy_kwh: _Optional[float] = ...) -> None: ...

class Setpoints(_message.Message):
    __slots__ = ("epoch", "run_id", "sent_at", "valid_from", "lifetime_s", "origin", "reason", "slot", "sequence", "power_kw", "min_kw", "max_kw", "ramp_kw_per_s", "start_window_s", "valid_until", "droop")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POWER_KW_FIELD_NUMBER: _ClassVar[int]
    MIN_KW_FIELD_NUMBER: _ClassVar[int]
    MAX_KW_FIELD_NUMBER: _ClassVar[int]
    RAMP_KW_PER_S_FIELD_NUMBER: _ClassVar[int]
    START_WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    DROOP_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    run_id: str
    sent_at: _timestamp_pb2.Timestamp
    valid_from: _timestamp_pb2.Timestamp
    lifetime_s: float
    origin: SetpointOrigin
    reason: str
    slot: _containers.RepeatedScalarFieldContainer[int]
    sequence: _containers.RepeatedScalarFieldContainer[int]
    power_kw: _containers.RepeatedScalarFieldContainer[float]
    min_kw: _containers.RepeatedScalarFieldContainer[float]
    max_kw: _containers.RepeatedScalarFieldContainer[float]
    ramp_kw_per_s: float
    start_window_s: float
    valid_until: _timestamp_pb2.Timestamp
    droop: Droop
    def __init__(self, epoch: _Optional[int] = ..., run_id: _Optional[str] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lifetime_s: _Optional[float] = ..., origin: _Optional[_Union[SetpointOrigin, str]] = ..., reason: _Optional[str] = ..., slot: _Optional[_Iterable[int]] = ..., sequence: _Optional[_Iterable[int]] = ..., power_kw: _Optional[_Iterable[float]] = ..., min_kw: _Optional[_Iterable[float]] = ..., max_kw: _Optional[_Iterable[float]] = ..., ramp_kw_per_s: _Optional[float] = ..., start_window_s: _Optional[float] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., droop: _Optional[_Union[Droop, _Mapping]] = ...) -> None: ...

class Droop(_message.Message):
    __slots__ = ("nominal_hz", "deadband_hz", "kw_per_hz")
    NOMINAL_HZ_FIELD_NUMBER: _ClassVar[int]
    DEADBAND_HZ_FIELD_NUMBER: _ClassVar[int]
    KW_PER_HZ_FIELD_NUMBER: _ClassVar[int]
    nominal_hz: float
    deadband_hz: float
    kw_per_hz: float
    def __init__(self, nominal_hz: _Optional[float] = ..., deadband_hz: _Optional[float] = ..., kw_per_hz: _Optional[float] = ...) -> None: ...

class Renewal(_message.Message):
    __slots__ = ("epoch", "sent_at", "lifetime_s", "slot", "sequence")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sent_at: _timestamp_pb2.Timestamp
    lifetime_s: float
    slot: _containers.RepeatedScalarFieldContainer[int]
    sequence: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, epoch: _Optional[int] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lifetime_s: _Optional[float] = ..., slot: _Optional[_Iterable[int]] = ..., sequence: _Optional[_Iterable[int]] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ("slot", "reason", "sent_at", "until_released")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_RELEASED_FIELD_NUMBER: _ClassVar[int]
    slot: _containers.RepeatedScalarFieldContainer[int]
    reason: str
    sent_at: _timestamp_pb2.Timestamp
    until_released: bool
    def __init__(self, slot: _Optional[_Iterable[int]] = ..., reason: _Optional[str] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_released: _Optional[bool] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("epoch", "slot", "reason", "sent_at")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    slot: _containers.RepeatedScalarFieldContainer[int]
    reason: str
    sent_at: _timestamp_pb2.Timestamp
    def __init__(self, epoch: _Optional[int] = ..., slot: _Optional[_Iterable[int]] = ..., reason: _Optional[str] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reason", "reconnect_within_s")
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECONNECT_WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    reason: str
    reconnect_within_s: float
    def __init__(self, reason: _Optional[str] = ..., reconnect_within_s: _Optional[float] = ...) -> None: ...

class Acknowledgement(_message.Message):
    __slots__ = ("epoch", "at", "state", "detail", "slot", "sequence")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    at: _timestamp_pb2.Timestamp
    state: AcknowledgementState
    detail: str
    slot: _containers.RepeatedScalarFieldContainer[int]
    sequence: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, epoch: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[AcknowledgementState, str]] = ..., detail: _Optional[str] = ..., slot: _Optional[_Iterable[int]] = ..., sequence: _Optional[_Iterable[int]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("field", "value", "expected", "reading_number")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    READING_NUMBER_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    expected: str
    reading_number: int
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., expected: _Optional[str] = ..., reading_number: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("sent_at",)
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    sent_at: _timestamp_pb2.Timestamp
    def __init__(self, sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("ping_sent_at", "node_time")
    PING_SENT_AT_FIELD_NUMBER: _ClassVar[int]
    NODE_TIME_FIELD_NUMBER: _ClassVar[int]
    ping_sent_at: _timestamp_pb2.Timestamp
    node_time: _timestamp_pb2.Timestamp
    def __init__(self, ping_sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., node_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
