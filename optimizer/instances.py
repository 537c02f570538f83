"""Families of dispatch problems for benches, tests and warm-up: synthetic, seeded, of any size.

Four families that stress different parts of a method; all start at noon and span 24 hours:

* `homes`: home batteries and some cars, ordinary feeders;
* `cars`: mostly EVs with minimum powers, a third of them close to the maximum, some vehicle-to-grid;
* `solar`: PV-heavy feeders with reverse flow, large batteries, export limits, a bill near zero;
* `storage`: nothing but batteries, two thirds of them large, on feeders with tight export limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from optimizer.instances_extra import EXTRAS, Extra, with_extras
from optimizer.problem import Assets, Feeders, Floats, Ints, Portfolio, Problem, Windows

__all__ = ["EXTRAS", "FAMILIES", "Extra", "Family", "generate", "small_mixed_problem"]

Family = Literal["homes", "cars", "solar", "storage"]
FAMILIES: tuple[Family, ...] = ("homes", "cars", "solar", "storage")

HOME, CAR, CAR_TO_GRID, LARGE = 0, 1, 2, 3
_KINDS = np.array(["home", "ev", "v2g", "large"], dtype=object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What distinguishes a family: shares of kinds, share of high minimum powers, PV per asset."""

    shares: tuple[float, float, float, float]
    high_minimum: float
    solar_kw: tuple[float, float]
    export_share: float  # export limit of a feeder as a share of its import limit
    large_kwh: tuple[float, float]


_SHAPES: dict[Family, Shape] = {
    "homes": Shape(
        shares=(0.72, 0.2, 0.03, 0.05), high_minimum=0.0, solar_kw=(0.2, 0.9), export_share=1.0,
        large_kwh=(40.0, 200.0),
    ),
    "cars": Shape(
        shares=(0.2, 0.62, 0.12, 0.06), high_minimum=0.33, solar_kw=(0.1, 0.5), export_share=1.0,
        large_kwh=(50.0, 300.0),
    ),
    "solar": Shape(
        shares=(0.5, 0.25, 0.05, 0.2), high_minimum=0.33, solar_kw=(2.0, 3.2), export_share=0.6,
        large_kwh=(100.0, 900.0),
    ),
    "storage": Shape(
        shares=(0.35, 0.0, 0.0, 0.65), high_minimum=0.0, solar_kw=(0.5, 1.5), export_share=0.5,
        large_kwh=(100.0, 1000.0),
    ),
}  # fmt: skip


def generate(
    family: Family,
    count: int,
    feeders: int,
    *,
    seed: int = 0,
    intervals: int = 96,
    negative: bool = False,
    peak_price_per_kw: float = 0.22,
    extras: tuple[Extra, ...] = (),
) -> Problem:
    """Return one problem of a family; `negative` lowers midday prices to about -0.5 money per kWh.

    extras: what the problem has on top, see `instances_extra.with_extras`.
    """
    generator = np.random.default_rng((seed, count, feeders, FAMILIES.index(family)))
    shape, interval_h = _SHAPES[family], 24.0 / intervals
    hour: Floats = np.mod(12.0 + (np.arange(intervals, dtype=np.float64) + 0.5) * interval_h, 24.0)
    kind = generator.choice(4, count, p=shape.shares)
    feeder = generator.integers(0, feeders, count)
    assets, windows = _assets(generator, shape, kind, feeder, interval_h)
    wave = 0.1 + 0.13 * _bump(hour, 19.5, 2.0) + 0.07 * _bump(hour, 8.0, 1.5)
    wave = (
        wave
        - (0.6 if negative else 0.09) * _bump(hour, 13.5, 2.0)
        + 0.006 * generator.standard_normal(intervals)
    )
    problem = Problem(
        start=datetime(2026, 1, 1, 12, tzinfo=UTC),
        interval_h=interval_h,
        intervals=intervals,
        assets=assets,
        windows=windows,
        feeders=_feeders(generator, shape, assets, hour, feeders),
        portfolio=Portfolio(
            import_price_per_kwh=wave + 0.12,
            export_price_per_kwh=wave - 0.01,
            carbon_kg_per_kwh=np.zeros(intervals),
        ),
        peak_price_per_kw=peak_price_per_kw,
        feeder_penalty_per_kwh=5.0,
        unmet_energy_penalty_per_kwh=3.0,
    )
    return with_extras(problem, extras, seed=seed)


def small_mixed_problem() -> Problem:
    """Return a problem of 60 assets with every kind, for warm-up and tests."""
    return generate("cars", 60, 3, seed=1, intervals=24)


def _bump(hour: Floats, middle: float, width: float) -> Floats:
    """A bell around an hour of the day, cyclic over midnight."""
    away = np.mod(hour - middle + 12.0, 24.0) - 12.0
    return np.asarray(np.exp(-0.5 * (away / width) ** 2), dtype=np.float64)


def _assets(
    generator: np.random.Generator, shape: Shape, kind: Ints, feeder: Ints, interval_h: float
) -> tuple[Assets, Windows]:
    count = len(kind)
    car = (kind == CAR) | (kind == CAR_TO_GRID)

    def between(low: float, high: float) -> Floats:
        return generator.uniform(low, high, count)

    capacity = np.select(
        [kind == HOME, kind == LARGE], [between(5, 16), between(*shape.large_kwh)], between(40, 85)
    )
    charger = generator.choice([3.7, 7.4, 11.0, 22.0], count, p=[0.15, 0.4, 0.35, 0.1])
    charge = np.where(car, charger, capacity * between(0.25, 0.7))
    discharge = np.where(kind == CAR, 0.0, charge * np.where(car, 1.0, between(0.85, 1.1)))
    high = generator.random(count) < shape.high_minimum
    least = np.where(car, 1.4, 0.0) + np.where(high & (kind != LARGE), charge * between(0.7, 0.95), 0.0)
    least = np.minimum(least, 0.95 * charge)
    initial = capacity * np.where(car, between(0.25, 0.65), between(0.15, 0.8))
    windows, initial = _windows(generator, car, capacity, charge, initial, interval_h)
    return Assets(
        asset_id=np.array([f"a{i}" for i in range(count)], dtype=object),
        feeder=feeder.astype(np.int64),
        kind=_KINDS[kind],
        capacity_kwh=capacity,
        energy_min_kwh=np.where(car, 0.12, 0.06) * capacity,
        energy_max_kwh=0.98 * capacity,
        energy_initial_kwh=initial,
        max_charge_kw=charge,
        max_discharge_kw=discharge,
        min_charge_kw=least,
        min_discharge_kw=np.minimum(np.where(discharge > 0.0, least, 0.0), 0.95 * discharge),
        charge_efficiency=between(0.91, 0.985),
        discharge_efficiency=between(0.91, 0.985),
        wear_cost_per_kwh=np.where(kind == CAR, 0.0, between(0.008, 0.045)),
        energy_final_min_kwh=np.where(car, 0.0, np.minimum(initial, 0.5 * capacity)),
        energy_final_value_per_kwh=np.zeros(count),
        discharge_budget_kwh=np.full(count, np.inf),
    ), windows


def _windows(
    generator: np.random.Generator,
    car: Ints,
    capacity: Floats,
    charge: Floats,
    initial: Floats,
    interval_h: float,
) -> tuple[Windows, Floats]:
    """Home from about 18:00 to about 7:20, with a target that is mostly within reach."""
    row, last = np.flatnonzero(car), round(24.0 / interval_h)
    arrive = np.round((generator.normal(18.0, 2.0, len(row)) - 12.0) / interval_h)
    leave = np.round((generator.normal(31.3, 1.2, len(row)) - 12.0) / interval_h)
    start = np.clip(arrive, 0, round(11.0 / interval_h)).astype(np.int64)
    end = np.clip(leave, round(15.5 / interval_h), last).astype(np.int64)
    reach = initial[row] + 0.8 * (end - start) * interval_h * charge[row]
    wish = capacity[row] * generator.uniform(0.65, 0.9, len(row))
    return Windows(
        asset=row,
        from_interval=start,
        to_interval=end,
        departure_energy_kwh=np.minimum(wish, reach),
        trip_energy_kwh=np.zeros(len(row)),
    ), initial


def _feeders(
    generator: np.random.Generator, shape: Shape, assets: Assets, hour: Floats, feeders: int
) -> Feeders:
    """Load by household, PV per feeder, and a limit somewhat above what the load alone needs."""
    count = np.bincount(assets.feeder, minlength=feeders)[:, None]
    car_kw = np.bincount(assets.feeder, assets.max_charge_kw * (assets.kind != "large"), feeders)[:, None]
    large_kw = np.bincount(assets.feeder, assets.max_charge_kw * (assets.kind == "large"), feeders)[:, None]
    household = 0.45 + 0.9 * _bump(hour, 19.0, 2.2) + 0.35 * _bump(hour, 8.0, 1.5)
    household = household * (1.0 + 0.05 * generator.standard_normal((feeders, len(hour))))
    solar = generator.uniform(*shape.solar_kw, (feeders, 1)) * _bump(hour, 13.0, 2.4)
    load = count * (household - solar) + 0.3 * large_kw * (0.4 + 0.6 * _bump(hour, 13.0, 4.0))
    limit = np.abs(load).max(axis=1, keepdims=True) * 1.02 + 0.06 * car_kw + 0.05 * large_kw + 1.0
    limit = np.repeat(limit, len(hour), axis=1)
    export = np.maximum(shape.export_share * limit, -load.min(axis=1, keepdims=True) * 0.9)
    return Feeders(
        feeder_id=np.array([f"f{f}" for f in range(feeders)], dtype=object),
        load_kw=load,
        import_limit_kw=limit,
        export_limit_kw=export,
    )
