"""What a replay knows at each time: a scenario behind the loop's store, with nothing known too early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from vpp.control.record import CycleRecord
from vpp.domain.forecasts import ContextItem, ForecastSource, LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.prices import PricePoint
from vpp.domain.readings import ChargingSession, to_microseconds
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports import FeederHistory
from vpp.replay.scenario import LoadSeries, Scenario

T = TypeVar("T")
RunSink = Callable[[RunSummary, DispatchPlan | None, SetpointColumns | None], None]
ForecastSink = Callable[[LoadForecast], None]


@dataclass(slots=True)
class Timeline:
    """Items with a validity [start, end) and the time they became known, found by time without a scan."""

    items: Sequence[object]
    start_us: np.ndarray[tuple[int], np.dtype[np.int64]]
    end_us: np.ndarray[tuple[int], np.dtype[np.int64]]
    known_us: np.ndarray[tuple[int], np.dtype[np.int64]]

    @classmethod
    def of(cls, items: Sequence[T], times: Callable[[T], tuple[datetime, datetime, datetime]]) -> Timeline:
        """Return the items in order of their start."""
        stamped = sorted(((*map(to_microseconds, times(item)), k) for k, item in enumerate(items)))
        columns = np.array([row[:3] for row in stamped], dtype=np.int64).reshape(-1, 3)
        return cls([items[row[3]] for row in stamped], *columns.T)

    def between(self, start: datetime, end: datetime, known_at: datetime) -> list[object]:
        """Return what overlaps [start, end) and was known, by start, then by when it became known."""
        last = int(np.searchsorted(self.start_us, to_microseconds(end)))
        fits = (self.end_us[:last] > to_microseconds(start)) & (
            self.known_us[:last] <= to_microseconds(known_at)
        )
        return [self.items[k] for k in np.flatnonzero(fits).tolist()]


@dataclass(slots=True)
class ReplayStore:
    """A scenario as the loop's store. `on_run` gets every run as it is decided, before it is sent."""

    scenario: Scenario
    on_run: RunSink
    on_forecast: ForecastSink
    forecasts: list[LoadForecast] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    plan: DispatchPlan | None = None  # of the newest run, None where it sent nothing
    _prices: Timeline = field(init=False)
    _sessions: Timeline = field(init=False)
    _context: Timeline = field(init=False)

    def __post_init__(self) -> None:
        self._prices = Timeline.of(
            self.scenario.prices, lambda price: (price.start, price.end, price.available_at)
        )
        self._sessions = Timeline.of(
            self.scenario.sessions,
            lambda stay: (stay.connected_from, stay.connected_until, stay.announced_at),
        )
        self._context = Timeline.of(
            self.scenario.context, lambda item: (item.valid_from, item.valid_until, item.available_at)
        )

    async def feeder_history(self, *, grid: IntervalGrid, known_at: datetime) -> FeederHistory:
        """Return the metering over `grid`; a value is known at its interval's end plus the meter delay."""
        delay = timedelta(minutes=self.scenario.header.meter_delay_minutes)
        known = (known_at - delay - grid.start) // grid.length  # intervals of `grid` that have ended by then
        consumption, pv = over_grid(self.scenario.load, grid)
        consumption[:, max(0, known) :] = np.nan
        pv[:, max(0, known) :] = np.nan
        return FeederHistory(
            feeder_ids=tuple(feeder.feeder_id for feeder in self.scenario.fleet.feeders),
            grid=grid,
            consumption_kw=consumption,
            pv_kw=pv,
        )

    async def sessions_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ChargingSession]:
        """Return the stays; of several announcements of one stay the last counts."""
        found: dict[tuple[str, datetime], ChargingSession] = {}
        for item in self._sessions.between(start, end, known_at):
            assert isinstance(item, ChargingSession)
            found[item.asset_id, item.connected_from] = item
        return list(found.values())

    async def prices_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[PricePoint]:
        """Return the prices; of several for one interval the last counts."""
        found: dict[datetime, PricePoint] = {}
        for item in self._prices.between(start, end, known_at):
            assert isinstance(item, PricePoint)
            found[item.start] = item
        return list(found.values())

    async def context_between(
        self, *, start: datetime, end: datetime, known_at: datetime
    ) -> list[ContextItem]:
        """Return the context items."""
        items = self._context.between(start, end, known_at)
        return [item for item in items if isinstance(item, ContextItem)]

    async def save_forecast(self, forecast: LoadForecast, call: ModelCall | None) -> None:
        """Keep the newest forecast, and every model call."""
        self.forecasts = [*self.forecasts[-1:], forecast]
        self.on_forecast(forecast)
        if call is not None:
            self.calls.append(call)

    async def newest_forecast(self, *, available_at: datetime) -> LoadForecast | None:
        """Return the forecast that became available last."""
        known = [forecast for forecast in self.forecasts if forecast.available_at <= available_at]
        return known[-1] if known else None

    async def save_run(
        self,
        run: RunSummary,
        *,
        plan: DispatchPlan | None,
        state: FleetState,
        setpoints: SetpointColumns | None,
        record: CycleRecord | None = None,
    ) -> None:
        """Hand the run on, before it is sent; a scenario is its own record."""
        self.plan = plan
        self.on_run(run, plan, setpoints)


def over_grid(load: LoadSeries, grid: IntervalGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return consumption and PV on `grid`, (F, T), kW, NaN outside what the series covers."""
    first = load.grid.index_of(grid.start)
    index = np.arange(first, first + grid.count)
    inside = (index >= 0) & (index < load.grid.count)
    shape = (len(load.consumption_kw), grid.count)
    consumption, pv = np.full(shape, np.nan), np.full(shape, np.nan)
    consumption[:, inside] = load.consumption_kw[:, index[inside]]
    pv[:, inside] = load.pv_kw[:, index[inside]]
    return consumption, pv


def perfect_forecast(scenario: Scenario, grid: IntervalGrid, now: datetime, number: int) -> LoadForecast:
    """Return what will come, as a forecast; beyond the end of the series its last day repeats."""
    consumption, pv = over_grid(scenario.load, grid)
    for series in (consumption, pv):
        _repeat_last_day(series, max(1, round(24 / grid.hours)))
    return LoadForecast(
        forecast_id=f"perfect-{number}",
        feeder_ids=tuple(feeder.feeder_id for feeder in scenario.fleet.feeders),
        grid=grid,
        available_at=now,
        consumption_p10_kw=consumption,
        consumption_p50_kw=consumption,
        consumption_p90_kw=consumption,
        pv_kw=pv,
        source=ForecastSource.BASELINE,
        verdict=ReplyVerdict.NOT_ASKED,
        reason="perfect foresight",
    )


def last_value_forecast(
    history: FeederHistory, grid: IntervalGrid, now: datetime, number: int
) -> LoadForecast:
    """Return the last metered value of each feeder, for ever: what a controller without a forecast knows."""
    rows = []
    for series in (history.consumption_kw, history.pv_kw):
        known = np.isfinite(series)
        last = np.where(known.any(axis=1), series.shape[1] - 1 - known[:, ::-1].argmax(axis=1), 0)
        value = np.nan_to_num(series[np.arange(len(series)), last])
        rows.append(np.repeat(value[:, None], grid.count, axis=1))
    return LoadForecast(
        forecast_id=f"none-{number}",
        feeder_ids=history.feeder_ids,
        grid=grid,
        available_at=now,
        consumption_p10_kw=rows[0],
        consumption_p50_kw=rows[0],
        consumption_p90_kw=rows[0],
        pv_kw=rows[1],
        source=ForecastSource.BASELINE,
        verdict=ReplyVerdict.NOT_ASKED,
        reason="no forecast: the last metered value stands",
    )


def _repeat_last_day(series: np.ndarray, per_day: int) -> None:
    """Fill what is missing with the value a day before, in place; zero where there is none."""
    for column in range(series.shape[1]):
        missing = np.isnan(series[:, column])
        if missing.any():
            series[missing, column] = series[missing, column - per_day] if column >= per_day else 0.0
