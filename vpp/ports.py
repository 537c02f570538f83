"""What the core needs from the world. Adapters and fakes implement these; nothing else crosses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet
from vpp.domain.forecasts import ContextItem, LoadForecast, ModelCall, TokenPrices
from vpp.domain.identity import (
    CertificateRecord,
    DenyList,
    EnrolmentToken,
    IdentityEvent,
    Revocation,
)
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, FeederReading, ReadingColumns
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import Acknowledgement, SetpointColumns
from vpp.domain.state import FleetState

T = TypeVar("T")


class Clock(Protocol):
    """Time of the plant; runs faster than the wall in a demo."""

    def now(self) -> datetime:
        """Return the present time of the plant, UTC."""

    def wall_seconds(self, duration: timedelta) -> float:
        """Return how long `duration` of plant time takes on the wall, in seconds."""

    def wall_time(self, at: datetime) -> datetime:
        """Return when, on the wall, the time of the plant is `at`."""

    async def sleep_until(self, at: datetime) -> None:
        """Return when the plant's time has reached `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederHistory:
    """Metered load of F feeders over a grid, matrices of shape (F, T), kW; NaN where nothing is known."""

    feeder_ids: tuple[str, ...]
    grid: IntervalGrid
    consumption_kw: NDArray[np.float64]
    pv_kw: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """One sample of a reasoning model's answer, as it came."""

    content: str
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


class ReasoningModelError(Exception):
    """The endpoint gave no reply: dead, slow, over its limits. The message says which."""


class ReasoningModel(Protocol):
    """An OpenAI-compatible endpoint, or a scripted one in tests."""

    name: str
    endpoint: str
    prices: TokenPrices

    async def ask(self, *, system: str, user: str, schema: dict[str, object], sample: int) -> ModelReply:
        """Return one reply; raise ReasoningModelError when there is none in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a listing; `next_token` is empty on the last."""

    items: tuple[T, ...]
    next_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSetpoint:
    """One issued order as it lies in the database, with the last word of its node."""

    asset_id: str
    feeder_id: str
    run_id: str
    epoch: int
    sequence: int
    power_kw: float
    min_kw: float
    max_kw: float
    valid_from: datetime
    valid_until: datetime
    origin: str
    reason: str
    acknowledged: str  # last acknowledgement state; empty when there is none
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointTrail:
    """From one setpoint back to its readings."""

    setpoint: StoredSetpoint
    run: RunSummary
    forecast: LoadForecast | None
    model_call: ModelCall | None
    state_at: datetime
    energy_kwh: float  # what the cycle took the asset's energy to be
    reading_measured_at: datetime | None
    reading_soc: float | None
    reading_power_kw: float | None
    acknowledgements: tuple[Acknowledgement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingDays:
    """The days of readings that the database holds."""

    oldest: date | None
    overdue: tuple[date, ...]  # older than kept, and still there
    ahead: int | None  # days that are made ahead; None where nothing is


class CycleStore(Protocol):
    """What the loop and the forecast job need of a store; a replay brings its own."""

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid` as it was known at `known_at`, feeders in fleet order."""

    async def sessions_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ChargingSession]:
        """Return the sessions that overlap [start, end), as last announced by `known_at`."""

    async def prices_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[PricePoint]:
        """Return the prices that overlap [start, end), as last published by `known_at`, by start."""

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        """Return the items valid within [start, end) and available at `known_at`."""

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        """Store a forecast and the model call behind it, in one transaction."""

    async def newest_forecast(self, *, available_at: datetime) -> LoadForecast | None:
        """Return the forecast that became available last, not after `available_at`."""

    async def save_run(
        self,
        run: RunSummary,
        *,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
    ) -> None:
        """Store a run with its snapshot, plan and orders in one transaction, before anything is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPage:
    """One page of readings by time and slot; `next_token` is empty on the last."""

    readings: ReadingColumns
    next_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingUpkeep:
    """What one pass over the days of readings did; `problems` says in words what it could not do."""

    created: int  # days made ahead
    indexed: int  # days that are over
    archived: tuple[date, ...]
    archived_rows: int
    dropped: tuple[date, ...]
    problems: tuple[str, ...]
    seconds: float


class Store(CycleStore, Protocol):
    """The database. Every method is durable when it returns."""

    # fleet -------------------------------------------------------------------------------------
    async def save_fleet(self, fleet: Fleet) -> None:
        """Insert or replace assets and feeders; assets keep their slot for good."""

    async def load_fleet(self) -> Fleet:
        """Return the fleet in slot order."""

    async def next_epoch(self) -> int:
        """Take the writer's lock and return a new epoch, higher than every one before.

        Raises WriterLockError when another service holds the lock.
        """

    # what comes in -----------------------------------------------------------------------------
    async def append_readings(self, readings: ReadingColumns) -> None:
        """Store readings; one that is already there (same asset and measured_at) changes nothing."""

    async def latest_readings(self) -> ReadingColumns:
        """Return the newest GOOD reading of every asset that has one."""

    async def readings_between(
        self,
        *,
        start: datetime,
        end: datetime,
        slots: NDArray[np.int64] | None,
        page_size: int,
        page_token: str,
    ) -> ReadingPage:
        """Return readings measured in [start, end) by the nodes' clocks, of `slots` or of all assets.

        They come by time and slot, out of the database and the archive alike.
        """

    async def reading_days(self) -> ReadingDays:
        """Return which days of readings the database holds."""

    async def keep_readings(self) -> ReadingUpkeep:
        """Make days ahead, archive closed ones, drop those that are older than kept."""

    async def append_feeder_readings(self, readings: Sequence[FeederReading]) -> None:
        """Store feeder metering; repeated rows change nothing."""

    async def save_sessions(self, sessions: Sequence[ChargingSession]) -> None:
        """Store charging sessions; one with the same asset and connected_from supersedes the older."""

    async def save_prices(self, prices: Sequence[PricePoint]) -> None:
        """Store published prices; superseded, never overwritten."""

    async def save_context(self, items: Sequence[ContextItem]) -> None:
        """Store context items; a repeated id changes nothing."""

    async def get_context(self, item_id: str) -> ContextItem | None:
        """Return one context item."""

    # forecasts ---------------------------------------------------------------------------------
    async def get_forecast(self, forecast_id: str) -> LoadForecast | None:
        """Return one forecast."""

    async def get_model_call(self, call_id: str) -> ModelCall | None:
        """Return one model call."""

    async def list_forecasts(self, *, page_size: int, page_token: str) -> Page[LoadForecast]:
        """Return forecasts, newest first."""

    # runs, plans, orders -----------------------------------------------------------------------
    async def last_plan(self) -> DispatchPlan | None:
        """Return the plan of the newest run that has one."""

    async def get_run(self, run_id: str) -> RunSummary | None:
        """Return one run."""

    async def get_plan(self, run_id: str) -> DispatchPlan | None:
        """Return the plan of a run."""

    async def list_runs(self, *, page_size: int, page_token: str) -> Page[RunSummary]:
        """Return runs, newest first."""

    async def list_setpoints(
        self, *, run_id: str, asset_id: str, page_size: int, page_token: str
    ) -> Page[StoredSetpoint]:
        """Return orders, newest first; an empty run_id or asset_id means any."""

    async def append_acknowledgements(self, acknowledgements: Sequence[Acknowledgement]) -> None:
        """Store what nodes said of their orders."""

    async def trail(self, *, asset_id: str, epoch: int, sequence: int) -> SetpointTrail | None:
        """Return everything one order rests on."""

    async def close(self) -> None:
        """Let go of the database and of the writer's lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRound:
    """One UTC day: the weights it was forecast with, and what came of it once it is settled."""

    number: int  # days since 1970-01-01
    opened_at: datetime
    share: float
    weights: dict[str, float]
    settled: bool
    loss: float | None
    baseline_loss: float | None
    expert_losses: dict[str, float]
    excess: float | None  # since the first day, in shares of the scale
    bound: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterPause:
    """The last word of an operator on one forecaster."""

    forecaster: str
    paused: bool
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastVersion:
    """One fitted version of the statistical forecasters."""

    version: int
    trained_at: datetime
    summary: dict[str, Any]
    content: bytes


class ForecastMemory(Protocol):
    """What forecasting remembers from day to day. Every method is durable when it returns."""

    async def open_round(
        self, number: int, *, at: datetime, share: float, weights: Mapping[str, float]
    ) -> None:
        """Fix the weights of a day; a day that is open already is a StoreError."""

    async def settle_round(
        self,
        number: int,
        *,
        at: datetime,
        loss: float,
        baseline_loss: float,
        expert_losses: Mapping[str, float],
        excess: float,
        bound: float,
        state: Mapping[str, Any],
    ) -> None:
        """Store the outcome of a day and all that is known after it."""

    async def rounds(self, *, newest: int) -> list[ForecastRound]:
        """Return the newest days, oldest first."""

    async def newest_state(self) -> dict[str, Any] | None:
        """Return what was stored with the newest day that is settled."""

    async def forecasts_in_force(self, *, start: datetime, end: datetime) -> list[LoadForecast]:
        """Return the forecast in force at `start` and all that became available before `end`, in order."""

    async def pause(self, forecaster: str, *, paused: bool, at: datetime, reason: str) -> None:
        """Store an operator's word on a forecaster."""

    async def pauses(self) -> list[ForecasterPause]:
        """Return the last word on each forecaster that has one."""

    async def save_version(self, *, trained_at: datetime, summary: Mapping[str, Any], content: bytes) -> int:
        """Store a fitted version and return its number."""

    async def newest_version(self) -> ForecastVersion | None:
        """Return the version fitted last."""

    async def close(self) -> None:
        """Let go of the database."""


class StoreError(Exception):
    """The database did not do what was asked, and nothing of it was stored. One sentence says why."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, or gave up; the same call may succeed later."""


class WriterLockError(StoreError):
    """Another service writes to this database; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What became of a dispatch: orders handed to a stream, orders whose node is away, orders too late.

    An order is too late when its lease would be shorter than the minimum; it was not sent. Nor was one
    that is held back: its asset is stopped, or was given another power a moment ago.
    """

    sent: int
    unreachable_slots: tuple[int, ...]
    expired_slots: tuple[int, ...] = ()
    held_back_slots: tuple[int, ...] = ()


class NodeLink(Protocol):
    """The connections to the nodes."""

    async def send(self, setpoints: SetpointColumns) -> SendReport:
        """Hand orders to the nodes that are connected; never waits for a slow one."""

    def connected_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose node is connected."""

    async def renew(
        self, slots: NDArray[np.int64], sequences: NDArray[np.int64], lifetime: timedelta
    ) -> SendReport:
        """Give orders that nodes already hold a later end: `lifetime` from receipt."""

    def latest_readings(self) -> ReadingColumns:
        """Return the newest reading that may steer of every asset that has one, from memory."""

    def quarantined(self) -> NDArray[np.bool_]:
        """Return the assets whose readings are not trusted now, shape (N,)."""


class IdentityRegister(Protocol):
    """Tokens, issued certificates and revocations. Every method is durable when it returns."""

    async def save_token(self, token: EnrolmentToken, event: IdentityEvent) -> None:
        """Store a new token; raise InvalidValueError when too many are open."""

    async def token(self, token_id: str) -> EnrolmentToken | None:
        """Return one token."""

    async def certificate_of_token(self, token_id: str) -> CertificateRecord | None:
        """Return the certificate that a token was spent on."""

    async def save_certificate(self, record: CertificateRecord, event: IdentityEvent) -> bool:
        """Store an issued certificate; False, and nothing is stored, when its token was spent before."""

    async def newest_certificates(self) -> list[CertificateRecord]:
        """Return the newest certificate of every node that was given one, by node id."""

    async def revoke(self, revocation: Revocation) -> None:
        """Store a revocation and its event."""

    async def token_revoked(self, token_id: str) -> bool:
        """Return whether the node of a token was revoked after the token was made."""

    async def deny_list(self) -> DenyList:
        """Return who is refused now."""

    async def append_event(self, event: IdentityEvent) -> None:
        """Store a row of the audit."""

    async def events(self, *, page_size: int, page_token: str) -> Page[IdentityEvent]:
        """Return the audit, newest first."""

    async def close(self) -> None:
        """Let go of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCertificate:
    """A certificate as it leaves the authority; `serial` and hash are lower-case hexadecimal."""

    serial: str
    chain_pem: str
    public_key_sha256: str
    not_after: datetime


class CertificateAuthority(Protocol):
    """Who signs nodes' certificates."""

    def key_of(self, signing_request: bytes) -> str:
        """Return the SHA-256 of the public key in a request; raise InvalidValueError when it is no good."""

    def issue(self, signing_request: bytes, *, node_id: str, now: datetime) -> IssuedCertificate:
        """Return a certificate for the request's key that names the node and nobody else."""
