"""Small random problems for property tests: every feature of the problem, alone and together."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from optimizer import Assets, Events, Feeders, Portfolio, Problem, Reserve, Scenarios, Wear, Windows

FEATURES = (
    "budget",
    "carbon",
    "crossed_prices",
    "events",
    "low_start",
    "minimum_powers",
    "negative_prices",
    "portfolio_limits",
    "previous",
    "reserve",
    "scenarios",
    "tight_feeders",
    "wear_segments",
    "windows",
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw a seed and a set of features."""
    features = draw(st.sets(st.sampled_from(FEATURES), max_size=6))
    return small_problem(draw(st.integers(0, 10_000)), *sorted(features))


def small_problem(seed: int, *features: str, assets: int = 3, intervals: int = 10) -> Problem:
    """Make a problem of a few assets on two feeders."""
    rng = np.random.default_rng(seed)
    fleet = _assets(rng, assets, features)
    load = rng.uniform(-2.0, 6.0, (2, intervals))
    limit = (
        rng.uniform(3.0, 6.0, (2, intervals))
        if "tight_feeders" in features
        else np.full((2, intervals), 50.0)
    )
    market = rng.uniform(-0.3 if "negative_prices" in features else 0.05, 0.4, intervals)
    spread = (
        rng.uniform(-0.15, 0.1, intervals)
        if "crossed_prices" in features
        else rng.uniform(0.0, 0.15, intervals)
    )
    carbon = rng.uniform(0.0, 0.5, intervals) if "carbon" in features else np.zeros(intervals)
    limits = {"import_limit_kw": 7.0, "export_limit_kw": 3.0} if "portfolio_limits" in features else {}
    scenarios = _scenarios(rng, load) if "scenarios" in features else None
    previous = np.round(rng.uniform(-3.0, 3.0, (assets, intervals)), 3) if "previous" in features else None
    return Problem(
        start=datetime(2025, 3, 1, tzinfo=UTC),
        interval_h=0.5,
        intervals=intervals,
        assets=fleet,
        feeders=Feeders(
            feeder_id=np.array(["f-0", "f-1"], dtype=object),
            load_kw=load,
            import_limit_kw=limit,
            export_limit_kw=limit.copy(),
        ),
        portfolio=Portfolio(
            import_price_per_kwh=market + spread, export_price_per_kwh=market, carbon_kg_per_kwh=carbon
        ),
        windows=_windows(rng, fleet, intervals) if "windows" in features else Windows.none(),
        peak_price_per_kw=float(rng.choice([0.0, 0.4])),
        peak_so_far_kw=float(rng.choice([0.0, 3.0])),
        carbon_price_per_kg=0.1 if "carbon" in features else 0.0,
        stability_cost_per_kw=0.003 if previous is not None else 0.0,
        cvar_alpha=0.7,
        cvar_weight=0.4 if scenarios is not None else 0.0,
        events=_events(rng, intervals) if "events" in features else None,
        reserve=_reserve(rng, intervals) if "reserve" in features else None,
        scenarios=scenarios,
        wear=_wear(rng, assets) if "wear_segments" in features else None,
        previous_power_kw=previous,
        **limits,
    )


def _assets(rng: np.random.Generator, count: int, features: tuple[str, ...]) -> Assets:
    capacity = rng.uniform(4.0, 12.0, count)
    charge, discharge = rng.uniform(2.0, 5.0, count), rng.uniform(2.0, 5.0, count)
    discharge[rng.random(count) < 0.3] = 0.0
    least = "minimum_powers" in features
    initial = capacity * rng.uniform(0.12, 0.9, count)
    if "low_start" in features:
        initial[0] = 0.03 * capacity[0]
    return Assets(
        asset_id=np.array([f"a-{i}" for i in range(count)], dtype=object),
        feeder=rng.integers(0, 2, count),
        kind=np.array(["battery"] * count, dtype=object),
        capacity_kwh=capacity,
        energy_min_kwh=0.1 * capacity,
        energy_max_kwh=0.95 * capacity,
        energy_initial_kwh=initial,
        max_charge_kw=charge,
        max_discharge_kw=discharge,
        min_charge_kw=charge * rng.uniform(0.2, 0.9, count) if least else np.zeros(count),
        min_discharge_kw=discharge * rng.uniform(0.2, 0.9, count) if least else np.zeros(count),
        charge_efficiency=rng.uniform(0.85, 1.0, count),
        discharge_efficiency=rng.uniform(0.85, 1.0, count),
        wear_cost_per_kwh=rng.uniform(0.0, 0.03, count),
        energy_final_min_kwh=capacity * rng.uniform(0.0, 1.0, count),
        energy_final_value_per_kwh=rng.choice([0.0, 0.15], count),
        discharge_budget_kwh=rng.uniform(0.5, 4.0, count) if "budget" in features else np.full(count, np.inf),
    )


def _windows(rng: np.random.Generator, assets: Assets, intervals: int) -> Windows:
    """Give the first asset two windows with a trip between, the second one window, some to the very end."""
    middle = intervals // 2
    end = int(rng.choice([intervals - 1, intervals]))
    return Windows(
        asset=np.array([0, 0, 1]),
        from_interval=np.array([int(rng.integers(0, 2)), middle, 1]),
        to_interval=np.array([middle - int(rng.integers(0, 2)), end, intervals - 2]),
        departure_energy_kwh=assets.capacity_kwh[[0, 0, 1]] * rng.uniform(0.0, 1.0, 3),
        trip_energy_kwh=assets.capacity_kwh[[0, 0, 1]] * rng.choice([0.0, 0.4, 1.1], 3),
    )


def _events(rng: np.random.Generator, intervals: int) -> Events:
    return Events(
        event_id=np.array(["reduce", "increase"], dtype=object),
        from_interval=np.array([1, intervals - 3]),
        to_interval=np.array([4, intervals]),
        target_kw=rng.uniform(-3.0, 5.0, 2),
        up=np.array([True, False]),
        penalty_per_kwh=rng.uniform(0.1, 1.0, 2),
    )


def _reserve(rng: np.random.Generator, intervals: int) -> Reserve:
    return Reserve(
        product_id=np.array(["up-1", "up-2", "down"], dtype=object),
        up=np.array([True, True, False]),
        from_interval=np.array([0, 3, 2]),
        to_interval=np.array([5, 6, intervals]),
        price_per_kw_h=rng.uniform(0.0, 0.1, 3),
        max_kw=rng.uniform(1.0, 6.0, 3),
        sustain_h=rng.uniform(0.1, 1.5, 3),
    )


def _scenarios(rng: np.random.Generator, load: np.ndarray) -> Scenarios:
    chance = rng.dirichlet(np.ones(3))
    return Scenarios(probability=chance, load_kw=load[None] + rng.normal(0.0, 1.5, (3, *load.shape)))


def _wear(rng: np.random.Generator, assets: int) -> Wear:
    """Four segments, for which kernels are compiled at installation."""
    listed = np.arange(0, assets, 2)
    cost_per_kwh = np.sort(rng.uniform(0.0, 0.08, (len(listed), 3)), axis=1)
    return Wear(asset=listed, cost_per_kwh=np.column_stack((cost_per_kwh, 1.5 * cost_per_kwh[:, -1])))
