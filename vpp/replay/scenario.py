"""What happens in a replay, each value with the time it became known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, ConfigDict, Field, field_validator

from vpp.domain.assets import Feeder, Fleet
from vpp.domain.forecasts import ContextItem, LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession
from vpp.domain.signals import Signal
from vpp.replay.devices import DeviceSettings
from vpp.replay.weather import Weather
from vpp.service.model_settings import ModelSettings
from vpp.service.settings import PolicySettings

Floats = NDArray[np.float64]


class ScenarioHeader(DeviceSettings):
    """`scenario.toml`. Powers in kW, money in `currency`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    start: AwareDatetime
    days: float = Field(gt=0, le=3660)
    interval_minutes: float = Field(default=15.0, gt=0, le=1440)
    horizon_intervals: int = Field(default=96, ge=1, le=2000)
    currency: str = "EUR"
    timezone: str = "UTC"
    holidays: tuple[date, ...] = ()
    meter_delay_minutes: float = Field(default=0.0, ge=0, le=10_080)
    import_limit_kw: float = Field(default=float("inf"), gt=0)
    export_limit_kw: float = Field(default=float("inf"), gt=0)
    peak_price_per_kw: float = Field(default=0.0, ge=0)
    feeder_penalty_per_kwh: float = Field(default=20.0, gt=0)
    unmet_energy_penalty_per_kwh: float = Field(default=5.0, gt=0)
    stability_cost_per_kw: float = Field(default=0.0, ge=0)
    carbon_kg_per_kwh: float | None = Field(default=None, ge=0)  # of imports; None: not counted
    forecast_every_minutes: float = Field(default=60.0, gt=0)
    forecast_scenarios: int = Field(default=0, ge=0, le=64)
    history_days: int = Field(default=28, ge=1, le=730)
    training_days: int = Field(default=0, ge=0, le=1500)  # for ridge and LightGBM; 0: similar days alone
    training_every_hours: float = Field(default=24.0, ge=1)
    policy_table: dict[str, Any] = Field(default_factory=dict, alias="policy")  # as in the service's settings
    reasoning: ModelSettings = Field(default=ModelSettings(), alias="model")  # how a model is asked

    @field_validator("policy_table")
    @classmethod
    def _known_policy(cls, table: dict[str, Any]) -> dict[str, Any]:
        PolicySettings.model_validate(table)
        return table

    @property
    def interval(self) -> timedelta:
        return timedelta(minutes=self.interval_minutes)

    def grid(self) -> IntervalGrid:
        """Return the intervals to replay."""
        return IntervalGrid(
            start=self.start, length=self.interval, count=round(timedelta(days=self.days) / self.interval)
        )

    def policy(self) -> DispatchPolicy:
        """Return the rules that the loop plans by; orders are renewed until the next cycle."""
        policy = DispatchPolicy(
            interval=self.interval,
            horizon_intervals=self.horizon_intervals,
            lead=timedelta(0),
            setpoint_lifetime=min(self.interval, timedelta(minutes=15)),
            renewal_period=min(self.interval, timedelta(minutes=15)) / 3,
            reading_max_age=max(self.interval, timedelta(minutes=15)),
            peak_price_per_kw=self.peak_price_per_kw,
            import_limit_kw=self.import_limit_kw,
            export_limit_kw=self.export_limit_kw,
            feeder_penalty_per_kwh=self.feeder_penalty_per_kwh,
            unmet_energy_penalty_per_kwh=self.unmet_energy_penalty_per_kwh,
            stability_cost_per_kw=self.stability_cost_per_kw,
            currency=self.currency,
            envelopes_may_widen=True,  # the feeders table says what a feeder can carry, and when
        )
        asked = PolicySettings.model_validate(self.policy_table)
        return replace(policy, **asked.changes()) if self.policy_table else policy


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederLimits:
    """One row of `feeders`: limits that hold from `valid_from` on, known since `available_at`, kW."""

    feeder: int
    valid_from_us: int
    import_limit_kw: float
    export_limit_kw: float
    available_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSeries:
    """Metered load of F feeders over a grid, (F, T), kW; NaN where there is no row."""

    grid: IntervalGrid
    consumption_kw: Floats
    pv_kw: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that happens, and when it becomes known."""

    header: ScenarioHeader
    fleet: Fleet  # feeders with the limits of the start
    initial_energy_kwh: Floats
    limits: tuple[FeederLimits, ...]
    load: LoadSeries
    prices: tuple[PricePoint, ...]
    sessions: tuple[ChargingSession, ...]
    context: tuple[ContextItem, ...]
    weather: Weather | None = None
    events: tuple[Signal, ...] = ()  # requests for power, by start, all announcements
    reserve: tuple[Signal, ...] = ()  # products, by start, all announcements
    forecasts: tuple[LoadForecast, ...] = ()  # as they were issued in recorded operation, by time


def limits_at(limits: tuple[FeederLimits, ...], feeders: int, at_us: int, known_at_us: int) -> Floats:
    """Return the limits that hold at a time as far as known, shape (2, F): import, export, kW."""
    found = np.full((2, feeders), np.inf)
    for row in limits:  # in order of valid_from, then of available_at: the last that counts wins
        if row.valid_from_us <= at_us and row.available_at_us <= known_at_us:
            found[:, row.feeder] = row.import_limit_kw, row.export_limit_kw
    return found


def feeders_at(limits: tuple[FeederLimits, ...], names: list[str], at_us: int) -> tuple[Feeder, ...]:
    """Return the feeders with the limits that hold at a time, as known then."""
    imports, exports = limits_at(limits, len(names), at_us, at_us)
    return tuple(
        Feeder(feeder_id=name, import_limit_kw=float(imports[k]), export_limit_kw=float(exports[k]))
        for k, name in enumerate(names)
    )
