"""What a fleet went through in a replay: state of charge, wear, energy stored, forecasts.

Noted while the replay runs, because none of it can be read off the end: a few numbers per interval, so that a
year of thousands of assets stays small.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.sim import SimulatedFleet
from vpp.domain.assets import AssetKind, Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.intervals import IntervalGrid
from vpp.domain.runs import DispatchPlan
from vpp.replay.reserve import ReserveMeter

Floats = NDArray[np.float64]
SOC_LEVELS = (0.05, 0.25, 0.50, 0.75, 0.95)
FANS_FOR_HOURS = 24
MAXIMUM_FAN_FEEDERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """One forecast as it was issued: the sum of all feeders (the first row), then of single feeders, kW.

    Matrices of shape (1 + K, T), T intervals from `grid.start` on. The quantiles of the sum are the sums of
    the feeders' quantiles, as if all feeders erred together: a wide band.
    """

    forecast_id: str
    available_at: datetime
    source: str
    verdict: str
    reason: str
    grid: IntervalGrid
    p10_kw: Floats
    p50_kw: Floats
    p90_kw: Floats
    pv_kw: Floats


@dataclass(slots=True, kw_only=True)
class Course:
    """Columns over the T + 1 boundaries of the replay's intervals; NaN until they are noted.

    soc (2, T + 1, 5): quantiles `SOC_LEVELS` over batteries and over vehicles that are connected;
    wear_cost, stored_kwh (T + 1,): totals since the start, energy at what can be got out of it, with what
    cars drove counted as if it were still there; cycle_s (T,): seconds on the wall for one interval.
    """

    fleet: Fleet
    grid: IntervalGrid
    reserve: ReserveMeter
    fan_feeders: tuple[int, ...] = ()
    stopwatch: Callable[[], float] = time.perf_counter
    soc: Floats = field(init=False)
    wear_cost: Floats = field(init=False)
    stored_kwh: Floats = field(init=False)
    cycle_s: Floats = field(init=False)
    fans: list[Fan] = field(default_factory=list)
    _kinds: tuple[NDArray[np.bool_], NDArray[np.bool_]] = field(init=False)
    _capacity_kwh: Floats = field(init=False)
    _efficiency: Floats = field(init=False)
    _wear: Floats = field(init=False)
    _began: float = 0.0

    def __post_init__(self) -> None:
        count = self.grid.count
        self.soc = np.full((2, count + 1, len(SOC_LEVELS)), np.nan)
        self.wear_cost, self.stored_kwh = np.full(count + 1, np.nan), np.full(count + 1, np.nan)
        self.cycle_s = np.full(count, np.nan)
        vehicles = np.array([asset.kind is AssetKind.EV_CHARGER for asset in self.fleet.assets])
        self._kinds = (~vehicles, vehicles)
        self._capacity_kwh = np.maximum(self.fleet.column("capacity_kwh"), 1e-9)
        self._efficiency = self.fleet.column("discharge_efficiency")
        self._wear = self.fleet.column("wear_cost_per_kwh")

    def note(self, boundary: int, devices: SimulatedFleet) -> None:
        """Note the devices' state at the start of an interval, `boundary` T at the end of the last."""
        soc = devices.energy_kwh / self._capacity_kwh
        for kind, members in enumerate(self._kinds):
            here = soc[members & devices.connected]
            if len(here):
                self.soc[kind, boundary] = np.quantile(here, SOC_LEVELS)
        if boundary:
            self.reserve.ended(boundary - 1, devices)
        books = devices.books
        self.wear_cost[boundary] = self._wear @ (books.charged_kwh + books.discharged_kwh)
        self.stored_kwh[boundary] = self._efficiency @ (devices.energy_kwh + books.driven_kwh)

    def ordered(self, plan: DispatchPlan | None, devices: SimulatedFleet) -> None:
        """Note what the plan of an interval that begins holds back."""
        self.reserve.begun(plan, devices)

    def began(self) -> None:
        """Start the stopwatch of one interval of the replay."""
        self._began = self.stopwatch()

    def ended(self, interval: int) -> None:
        """Stop it."""
        self.cycle_s[interval] = self.stopwatch() - self._began

    def forecast(self, issued: LoadForecast) -> None:
        """Keep the first forecast of every UTC day, a day ahead."""
        if self.fans and self.fans[-1].available_at.date() == issued.available_at.date():
            return
        ahead = min(issued.grid.count, max(1, round(FANS_FOR_HOURS / issued.grid.hours)))
        grid = IntervalGrid(start=issued.grid.start, length=issued.grid.length, count=ahead)
        single = list(self.fan_feeders)

        def rows(values: Floats) -> Floats:
            return np.vstack([values[:, :ahead].sum(axis=0), values[single, :ahead]])

        fan = Fan(
            forecast_id=issued.forecast_id,
            available_at=issued.available_at,
            source=str(issued.source),
            verdict=str(issued.verdict),
            reason=issued.reason,
            grid=grid,
            p10_kw=rows(issued.consumption_p10_kw),
            p50_kw=rows(issued.consumption_p50_kw),
            p90_kw=rows(issued.consumption_p90_kw),
            pv_kw=rows(issued.pv_kw),
        )
        self.fans.append(fan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """One fleet that went through the scenario, with its course."""

    fleet: SimulatedFleet
    course: Course


def fan_feeders(net_load_kw: Floats, import_limit_kw: Floats) -> tuple[int, ...]:
    """Return the feeders that come closest to their limits, whose forecasts are kept one by one.

    net_load_kw (F, T), import_limit_kw (F,).
    """
    if len(net_load_kw) == 1:
        return ()  # the sum is the feeder
    loading = np.abs(np.nan_to_num(net_load_kw)).max(axis=1, initial=0.0) / import_limit_kw
    return tuple(np.argsort(-loading, kind="stable")[:MAXIMUM_FAN_FEEDERS].tolist())
