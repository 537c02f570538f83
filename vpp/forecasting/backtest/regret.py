"""What forecast errors cost: the same small fleet is planned on each forecast and billed on what came.

The fleet is an example, the same for every series: five batteries of 20 kW and 40 kWh behind one feeder
whose typical peak is scaled to 100 kW and whose limit is 100 kW. Consumption is bought at a price with an
evening peak, surplus is sold for less, and each day's highest import costs extra.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

import optimizer
from optimizer.evaluate import bill
from vpp.forecasting.backtest.rolling import Rolling

Floats = NDArray[np.float64]

PERFECT = "perfect"
BATTERIES = 5
POWER_KW, CAPACITY_KWH, EFFICIENCY = 20.0, 40.0, 0.95
WEAR_PER_KWH = 0.01
FEEDER_KW = 100.0
IMPORT_PER_KWH, EVENING_PER_KWH, EXPORT_PER_KWH = 0.20, 0.12, 0.05
PEAK_PER_KW = 0.30


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """Money per day of the example fleet, on average over `days` days."""

    cost: dict[str, float]
    days: int

    def of(self, name: str) -> float:
        """Return how much more a day costs than with perfect foresight."""
        return self.cost[name] - self.cost[PERFECT]


def regret(
    rolling: Rolling,
    medians: Mapping[str, Floats],
    *,
    days: int,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Regret | None:
    """Return what planning on each of `medians` ((D, K) each) costs on `days` days spread over the backtest.

    None where no day is known in full.
    """
    whole = np.isfinite(rolling.actual).all(axis=1) & (rolling.actual >= 0.0).all(axis=1)
    candidates = np.flatnonzero(whole & (np.arange(len(rolling)) >= rolling.first))
    if len(candidates) == 0 or days < 1:
        return None
    chosen = candidates[np.unique(np.linspace(0, len(candidates) - 1, days).round().astype(int))]
    cost = dict.fromkeys((*medians, PERFECT), 0.0)
    for number, day in enumerate(chosen):
        progress("money", number, len(chosen))
        scale = FEEDER_KW / max(float(rolling.peak[day]), 1e-9)
        actual = _problem(
            rolling.starts[day], rolling.length.total_seconds() / 3600, rolling.actual[day] * scale
        )
        for name in cost:
            said = rolling.actual[day] if name == PERFECT else np.nan_to_num(medians[name][day])
            planned = _with_load(actual, said * scale)
            schedule = optimizer.solve(planned, method="exact", seed=0).schedule
            cost[name] += bill(actual, schedule).total
    progress("money", len(chosen), len(chosen))
    return Regret(cost={name: total / len(chosen) for name, total in cost.items()}, days=len(chosen))


def _problem(start: datetime, interval_h: float, load_kw: Floats) -> optimizer.Problem:
    count = len(load_kw)
    hour = np.arange(count) * interval_h
    price = IMPORT_PER_KWH + EVENING_PER_KWH * np.exp(-(((hour - 18.5) / 2.5) ** 2))
    limit = np.full((1, count), FEEDER_KW)
    return optimizer.Problem(
        start=start,
        interval_h=interval_h,
        intervals=count,
        assets=_batteries(float(np.median(price))),
        feeders=optimizer.Feeders(
            feeder_id=np.array(["feeder"], dtype=object),
            load_kw=load_kw[None],
            import_limit_kw=limit,
            export_limit_kw=limit.copy(),
        ),
        portfolio=optimizer.Portfolio(
            import_price_per_kwh=price,
            export_price_per_kwh=np.full(count, EXPORT_PER_KWH),
            carbon_kg_per_kwh=np.zeros(count),
        ),
        peak_price_per_kw=PEAK_PER_KW,
        feeder_penalty_per_kwh=5.0,
        unmet_energy_penalty_per_kwh=2.0,
    )


def _batteries(price_per_kwh: float) -> optimizer.Assets:
    def column(value: float) -> Floats:
        return np.full(BATTERIES, value)

    return optimizer.Assets(
        asset_id=np.array([f"battery-{number}" for number in range(BATTERIES)], dtype=object),
        feeder=np.zeros(BATTERIES, dtype=np.int64),
        kind=np.array(["grid_battery"] * BATTERIES, dtype=object),
        capacity_kwh=column(CAPACITY_KWH),
        energy_min_kwh=column(0.0),
        energy_max_kwh=column(CAPACITY_KWH),
        energy_initial_kwh=column(CAPACITY_KWH / 2),
        max_charge_kw=column(POWER_KW),
        max_discharge_kw=column(POWER_KW),
        min_charge_kw=column(0.0),
        min_discharge_kw=column(0.0),
        charge_efficiency=column(EFFICIENCY),
        discharge_efficiency=column(EFFICIENCY),
        wear_cost_per_kwh=column(WEAR_PER_KWH),
        energy_final_min_kwh=column(0.0),
        energy_final_value_per_kwh=column(price_per_kwh * EFFICIENCY),
        discharge_budget_kwh=column(np.inf),
    )


def _with_load(problem: optimizer.Problem, load_kw: Floats) -> optimizer.Problem:
    return replace(problem, feeders=replace(problem.feeders, load_kw=load_kw[None]))
