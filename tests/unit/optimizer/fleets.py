"""Seeded fleets of realistic size: home batteries, EVs behind 1.4 kW chargers, grid batteries."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from optimizer import Assets, Feeders, Portfolio, Problem, Windows

INTERVALS = 96
INTERVAL_H = 0.25


def _day_shape(hour: np.ndarray, centre: float, width: float) -> np.ndarray:
    distance = (hour - centre + 12.0) % 24.0 - 12.0
    return np.exp(-0.5 * (distance / width) ** 2)


def operating_assets(rng: np.random.Generator, homes: int, vehicles: int, grids: int, feeders: int) -> Assets:
    """Draw a fleet in the order home batteries, EVs, grid batteries."""
    n = homes + vehicles + grids
    kind = np.array(["home_battery"] * homes + ["ev"] * vehicles + ["grid_battery"] * grids, dtype=object)
    vehicle, grid = kind == "ev", kind == "grid_battery"
    capacity = np.where(
        vehicle, rng.uniform(40, 85, n), np.where(grid, rng.uniform(200, 500, n), rng.uniform(5, 16, n))
    )
    charge = np.where(vehicle, rng.choice([3.7, 7.4, 11.0, 22.0], n), capacity * rng.uniform(0.25, 0.6, n))
    initial = capacity * np.where(vehicle, rng.uniform(0.2, 0.6, n), rng.uniform(0.15, 0.8, n))
    return Assets(
        asset_id=np.array([f"a-{i:04d}" for i in range(n)], dtype=object),
        feeder=rng.integers(0, feeders, n),
        kind=kind,
        capacity_kwh=capacity,
        energy_min_kwh=0.06 * capacity,
        energy_max_kwh=0.98 * capacity,
        energy_initial_kwh=initial,
        max_charge_kw=charge,
        max_discharge_kw=np.where(vehicle, 0.0, charge * rng.uniform(0.85, 1.1, n)),
        min_charge_kw=np.where(vehicle, 1.4, 0.0),
        min_discharge_kw=np.zeros(n),
        charge_efficiency=rng.uniform(0.91, 0.985, n),
        discharge_efficiency=rng.uniform(0.91, 0.985, n),
        wear_cost_per_kwh=np.where(vehicle, 0.0, rng.uniform(0.008, 0.04, n)),
        energy_final_min_kwh=np.where(vehicle, 0.0, np.minimum(initial, 0.5 * capacity)),
        energy_final_value_per_kwh=np.where(vehicle, 0.0, 0.08),
        discharge_budget_kwh=np.full(n, np.inf),
    )


def operating_windows(rng: np.random.Generator, assets: Assets) -> Windows:
    """Connect each EV from its arrival in the evening to its departure next morning; noon is interval 0."""
    asset = np.flatnonzero(assets.kind == "ev")
    count = len(asset)
    start = np.clip(np.round((rng.normal(18.0, 2.0, count) - 12.0) / INTERVAL_H), 2, 44).astype(np.int64)
    end = np.clip(np.round((rng.normal(31.3, 1.2, count) - 12.0) / INTERVAL_H), 62, 94).astype(np.int64)
    power = assets.max_charge_kw[asset] * assets.charge_efficiency[asset]
    reach = assets.energy_initial_kwh[asset] + 0.85 * (end - start) * INTERVAL_H * power
    wish = assets.capacity_kwh[asset] * rng.uniform(0.7, 0.9, count)
    return Windows(
        asset=asset,
        from_interval=start,
        to_interval=end,
        departure_energy_kwh=np.minimum(wish, reach),
        trip_energy_kwh=rng.uniform(4.0, 12.0, count),
    )


def operating_problem(
    seed: int,
    *,
    homes: int = 40,
    vehicles: int = 20,
    grids: int = 3,
    feeders: int = 3,
    negative: bool = False,
) -> Problem:
    """Make an operating day of about sixty assets; `negative` adds deeply negative midday prices."""
    rng = np.random.default_rng(seed)
    assets = operating_assets(rng, homes, vehicles, grids, feeders)
    hour = (12.0 + (np.arange(INTERVALS) + 0.5) * INTERVAL_H) % 24.0
    share = np.bincount(assets.feeder[: homes + vehicles], minlength=feeders).astype(float)
    shape = 0.45 + 0.9 * _day_shape(hour, 19.0, 2.2) + 0.35 * _day_shape(hour, 8.0, 1.5)
    noise = 1.0 + 0.05 * rng.standard_normal((feeders, INTERVALS))
    solar = rng.uniform(0.1, 0.5, feeders)[:, None] * 1.6 * _day_shape(hour, 13.0, 2.4)
    load = 2.0 * share[:, None] * (shape * noise - solar)
    chargers = np.bincount(
        assets.feeder, weights=(assets.kind == "ev") * assets.max_charge_kw, minlength=feeders
    )
    limit = np.repeat((load.max(axis=1) * 1.02 + 0.06 * chargers + 10.0)[:, None], INTERVALS, axis=1)
    midday = 0.55 if negative else 0.09
    market = 0.10 + 0.13 * _day_shape(hour, 19.5, 2.0) + 0.07 * _day_shape(hour, 8.0, 1.5)
    market = market - midday * _day_shape(hour, 13.5, 2.0) + 0.006 * rng.standard_normal(INTERVALS)
    return Problem(
        start=datetime(2025, 6, 1, 12, 0, tzinfo=UTC),
        interval_h=INTERVAL_H,
        intervals=INTERVALS,
        assets=assets,
        feeders=Feeders(
            feeder_id=np.array([f"f-{k}" for k in range(feeders)], dtype=object),
            load_kw=load,
            import_limit_kw=limit,
            export_limit_kw=limit.copy(),
        ),
        portfolio=Portfolio(
            import_price_per_kwh=market + 0.11,
            export_price_per_kwh=market - 0.01,
            carbon_kg_per_kwh=np.zeros(INTERVALS),
        ),
        windows=operating_windows(rng, assets),
        peak_price_per_kw=0.22,
    )
