"""A scenario folder, read and checked: what a replay may know, each value with the time it became known.

    scenario.toml  assets  feeders  load  prices
    [trips]  [weather]  [events]  [reserve]  [forecasts]  [context.jsonl]

Each table is .csv or .parquet. The load table may begin before `start`: what lies before is the history
that forecasts are made from.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AwareDatetime, ConfigDict, Field, ValidationError, field_validator

from optimizer.files.problems import ASSET_COLUMNS
from optimizer.files.tables import Table, find_table, read_table
from optimizer.problem import ProblemError
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.forecasts import ContextItem, LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, from_microseconds, to_microseconds
from vpp.domain.signals import Signal
from vpp.replay.columns import table_of, times_us
from vpp.replay.devices import DeviceSettings
from vpp.replay.events import read_events
from vpp.replay.recorded_forecasts import read_recorded_forecasts
from vpp.replay.reserve import read_reserve
from vpp.replay.weather import Weather, read_weather
from vpp.service.files import FileError, read_context
from vpp.service.model_settings import ModelSettings
from vpp.service.settings import PolicySettings

Floats = NDArray[np.float64]
LARGEST_KW = 1e9


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


def read_scenario(folder: Path) -> Scenario:
    """Read and check a scenario folder; raise FileError naming file, row, column and what was expected."""
    header = _header(folder / "scenario.toml")
    try:
        limits, feeder_ids = _limits(table_of(folder, "feeders", FEEDER_COLUMNS))
        feeders = feeders_at(limits, feeder_ids, to_microseconds(header.start))
        fleet, energy = _fleet(folder, feeders)
        slots = fleet.slots()
        trips = find_table(folder, "trips", needed=False)
        context = folder / "context.jsonl"
        return Scenario(
            header=header,
            fleet=fleet,
            initial_energy_kwh=energy,
            limits=limits,
            load=_load(table_of(folder, "load", LOAD_COLUMNS), feeder_ids, header.interval),
            prices=_prices(table_of(folder, "prices", PRICE_COLUMNS), header.interval),
            sessions=() if trips is None else _sessions(read_table(trips, TRIP_COLUMNS), slots),
            context=tuple(read_context(context)) if context.exists() else (),
            weather=read_weather(folder),
            events=read_events(folder),
            reserve=read_reserve(folder),
            forecasts=read_recorded_forecasts(folder, tuple(feeder_ids), header.interval),
        )
    except (ProblemError, InvalidValueError) as error:
        raise FileError(f"{folder}: {error}") from error


FEEDER_COLUMNS = ("feeder_id", "valid_from", "import_limit_kw", "export_limit_kw", "available_at")
LOAD_COLUMNS = ("feeder_id", "start", "consumption_kw", "pv_kw")
PRICE_COLUMNS = ("start", "import_price_per_kwh", "export_price_per_kwh", "available_at")
TRIP_COLUMNS = (
    "asset_id",
    "connected_from",
    "connected_until",
    "required_energy_kwh",
    "trip_energy_kwh",
    "announced_at",
)


def limits_at(limits: tuple[FeederLimits, ...], feeders: int, at_us: int, known_at_us: int) -> Floats:
    """Return the limits that hold at a time as far as known, shape (2, F): import, export, kW."""
    found = np.full((2, feeders), np.inf)
    for row in limits:  # in order of valid_from, then of available_at: the last that counts wins
        if row.valid_from_us <= at_us and row.available_at_us <= known_at_us:
            found[:, row.feeder] = row.import_limit_kw, row.export_limit_kw
    return found


def _header(path: Path) -> ScenarioHeader:
    try:
        with path.open("rb") as file:
            return ScenarioHeader.model_validate(tomllib.load(file))
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path}: not a TOML file: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise FileError(f"{path}: {name}: got {first['input']!r}, expected: {first['msg']}") from None


def _limits(table: Table) -> tuple[tuple[FeederLimits, ...], list[str]]:
    code, names = pd.factorize(table.ids("feeder_id"))
    rows = zip(
        code.tolist(),
        times_us(table, "valid_from").tolist(),
        table.numbers("import_limit_kw", low=0.0, low_open=True, infinite=True).tolist(),
        table.numbers("export_limit_kw", low=0.0, low_open=True, infinite=True).tolist(),
        times_us(table, "available_at").tolist(),
        strict=True,
    )
    limits = [
        FeederLimits(
            feeder=feeder,
            valid_from_us=valid,
            import_limit_kw=imports,
            export_limit_kw=exports,
            available_at_us=known,
        )
        for feeder, valid, imports, exports, known in rows
    ]
    limits.sort(key=lambda row: (row.valid_from_us, row.available_at_us))
    return tuple(limits), [str(name) for name in names]


def feeders_at(limits: tuple[FeederLimits, ...], names: list[str], at_us: int) -> tuple[Feeder, ...]:
    """Return the feeders with the limits that hold at a time, as known then."""
    imports, exports = limits_at(limits, len(names), at_us, at_us)
    return tuple(
        Feeder(feeder_id=name, import_limit_kw=float(imports[k]), export_limit_kw=float(exports[k]))
        for k, name in enumerate(names)
    )


def _fleet(folder: Path, feeders: tuple[Feeder, ...]) -> tuple[Fleet, Floats]:
    table = table_of(folder, "assets", ASSET_COLUMNS)
    known = {feeder.feeder_id for feeder in feeders}
    asset_ids, feeder_ids, kinds = table.ids("asset_id"), table.ids("feeder_id"), table.text("kind")
    table.require("feeder_id", np.isin(feeder_ids, list(known)), "a feeder of the feeders table")
    names = [name for name in ASSET_COLUMNS[3:] if not name.startswith("energy_final")]
    columns = {name: table.numbers(name, low=0.0, high=LARGEST_KW) for name in names}
    initial = columns.pop("energy_initial_kwh")
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows: list[dict[str, Any]] = [dict(zip(columns, sizes, strict=True)) for sizes in values]
    assets = tuple(
        Asset(
            asset_id=asset_id,
            node_id=asset_id,
            feeder_id=feeder_id,
            kind=_kind(str(kind)),
            **row,
        )
        for asset_id, feeder_id, kind, row in zip(asset_ids, feeder_ids, kinds, rows, strict=True)
    )
    return Fleet(assets=assets, feeders=feeders), initial


def _kind(label: str) -> AssetKind:
    """Return the kind of a free label: what names a car is a charger, everything else a home battery."""
    if label in {str(kind) for kind in AssetKind}:
        return AssetKind(label)
    return AssetKind.EV_CHARGER if label.lower().startswith(("ev", "car")) else AssetKind.HOME_BATTERY


def _load(table: Table, feeder_ids: list[str], interval: timedelta) -> LoadSeries:
    start_us, length_us = times_us(table, "start"), interval // timedelta(microseconds=1)
    feeder = pd.Index(feeder_ids).get_indexer(pd.Index(table.ids("feeder_id")))
    table.require("feeder_id", feeder >= 0, "a feeder of the feeders table")
    first = int(start_us.min())
    position = (start_us - first) // length_us
    table.require(
        "start", (start_us - first) % length_us == 0, f"a multiple of {interval} after the first row"
    )
    shape = (len(feeder_ids), int(position.max()) + 1)
    consumption, pv = np.full(shape, np.nan), np.full(shape, np.nan)
    consumption[feeder, position] = table.numbers("consumption_kw", low=0.0, high=LARGEST_KW)
    pv[feeder, position] = table.numbers("pv_kw", low=0.0, high=LARGEST_KW)
    grid = IntervalGrid(start=from_microseconds(first), length=interval, count=shape[1])
    return LoadSeries(grid=grid, consumption_kw=consumption, pv_kw=pv)


def _prices(table: Table, interval: timedelta) -> tuple[PricePoint, ...]:
    starts, known = times_us(table, "start"), times_us(table, "available_at")
    imports = table.numbers("import_price_per_kwh", low=-1e4, high=1e4)
    exports = table.numbers("export_price_per_kwh", low=-1e4, high=1e4)
    order = np.lexsort((known, starts))
    following = np.unique(starts)
    step_us = int(np.diff(following).min()) if len(following) > 1 else interval // timedelta(microseconds=1)
    return tuple(
        PricePoint(
            start=from_microseconds(int(starts[k])),
            end=from_microseconds(int(starts[k]) + step_us),
            import_price_per_kwh=float(imports[k]),
            export_price_per_kwh=float(exports[k]),
            available_at=from_microseconds(int(known[k])),
        )
        for k in order
    )


def _sessions(table: Table, slots: dict[str, int]) -> tuple[ChargingSession, ...]:
    ids = table.ids("asset_id")
    table.require("asset_id", np.array([name in slots for name in ids], dtype=np.bool_), "a known asset")
    begin, end = times_us(table, "connected_from"), times_us(table, "connected_until")
    table.require("connected_until", end > begin, "a time after connected_from")
    known = times_us(table, "announced_at")
    asked = table.numbers("required_energy_kwh", low=0.0, high=LARGEST_KW)
    used = table.numbers("trip_energy_kwh", low=0.0, high=LARGEST_KW)
    return tuple(
        ChargingSession(
            asset_id=str(ids[k]),
            connected_from=from_microseconds(int(begin[k])),
            connected_until=from_microseconds(int(end[k])),
            departure_energy_kwh=float(asked[k]),
            trip_energy_kwh=float(used[k]),
            announced_at=from_microseconds(int(known[k])),
        )
        for k in np.argsort(begin, kind="stable")
    )
