"""The single-asset recursion against HiGHS."""

from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from optimizer import Assets, Feeders, Portfolio, Problem, Windows
from optimizer.decomposed.fleet import compile_fleet
from optimizer.decomposed.oracle import asset_values

INTERVALS, HOURS, PENALTY = 8, 0.5, 3.0


def one_asset(generator: np.random.Generator, *, charge_only: bool, minimum: bool, trip: bool) -> Problem:
    """One asset on one feeder, with a window and a target if it only charges or travels."""

    def column(value: float) -> np.ndarray:
        return np.array([value])

    charge = generator.uniform(2.0, 8.0)
    start = generator.uniform(3.0, 6.0)
    windowed = charge_only or trip
    none = Windows.none()
    windows = none
    if windowed:
        split = [0, 3, 4, 8] if trip else [1, 7]
        windows = Windows(
            asset=np.zeros(len(split) // 2, np.int64),
            from_interval=np.array(split[::2]),
            to_interval=np.array(split[1::2]),
            departure_energy_kwh=generator.uniform(3.0, 9.5, len(split) // 2),
            trip_energy_kwh=np.array([2.0, 0.0]) if trip else np.zeros(1),
        )
    return Problem(
        start=datetime(2026, 1, 1, tzinfo=UTC),
        interval_h=HOURS,
        intervals=INTERVALS,
        unmet_energy_penalty_per_kwh=PENALTY,
        windows=windows,
        feeders=Feeders(
            feeder_id=np.array(["f"], dtype=object),
            load_kw=np.zeros((1, INTERVALS)),
            import_limit_kw=np.full((1, INTERVALS), np.inf),
            export_limit_kw=np.full((1, INTERVALS), np.inf),
        ),
        portfolio=Portfolio(
            import_price_per_kwh=np.ones(INTERVALS),
            export_price_per_kwh=np.ones(INTERVALS),
            carbon_kg_per_kwh=np.zeros(INTERVALS),
        ),
        assets=Assets(
            asset_id=np.array(["a"], dtype=object),
            feeder=np.zeros(1, np.int64),
            kind=np.array(["x"], dtype=object),
            capacity_kwh=column(10.0),
            energy_min_kwh=column(0.0 if trip else 1.0),
            energy_max_kwh=column(9.8),
            energy_initial_kwh=column(start),
            max_charge_kw=column(charge),
            max_discharge_kw=column(0.0 if charge_only else generator.uniform(2.0, 8.0)),
            min_charge_kw=column(charge * generator.uniform(0.2, 0.9) if minimum else 0.0),
            min_discharge_kw=column(0.0),
            charge_efficiency=column(0.95),
            discharge_efficiency=column(0.92),
            wear_cost_per_kwh=column(0.01),
            energy_final_min_kwh=column(0.0 if windowed else generator.uniform(1.0, 9.0)),
            # with a value, the MILP would rather not drive and keep the energy: a trip is no choice
            energy_final_value_per_kwh=column(0.0 if trip else generator.uniform(0.0, 0.1)),
            discharge_budget_kwh=column(np.inf),
        ),
    )


def milp_value(problem: Problem, price: np.ndarray) -> float:
    """The same single-asset problem as a MILP: charge, discharge, energy, shortfalls, on, direction."""
    a, n = problem.assets, INTERVALS
    c, d, e, short, trip_short, on = (slice(k * n, (k + 1) * n) for k in range(6))
    size = 6 * n
    cost, upper, lower = np.zeros(size), np.full(size, np.inf), np.zeros(size)
    cost[c] = HOURS * (price + a.wear_cost_per_kwh[0])
    cost[d] = HOURS * (a.wear_cost_per_kwh[0] - price)
    cost[short] = cost[trip_short] = PENALTY
    cost[e][-1:] = 0.0
    connected, trip, target = np.ones(n, bool), np.zeros(n + 1), np.zeros(n)
    windows = problem.windows
    if len(windows):
        connected[:] = False
        for w in range(len(windows)):
            connected[windows.from_interval[w] : windows.to_interval[w]] = True
            trip[windows.to_interval[w]] = windows.trip_energy_kwh[w]
            target[windows.to_interval[w] - 1] = windows.departure_energy_kwh[w]
    final = np.zeros(n)
    final[-1] = a.energy_final_min_kwh[0]
    upper[c] = np.where(connected, a.max_charge_kw[0], 0.0)
    upper[d] = np.where(connected, a.max_discharge_kw[0], 0.0)
    lower[e], upper[e], upper[on] = a.energy_min_kwh[0], a.energy_max_kwh[0], 1.0
    cost[e.stop - 1] = -a.energy_final_value_per_kwh[0]
    rows, low, high = [], [], []

    def add(low_side: float, high_side: float, **terms: float) -> None:
        row = np.zeros(size)
        for key, value in terms.items():
            name, index = key.split("_")
            row[{"c": c, "d": d, "e": e, "s": short, "t": trip_short, "o": on}[name].start + int(index)] += (
                value
            )
        rows.append(row)
        low.append(low_side)
        high.append(high_side)

    for t in range(n):
        terms = {
            f"e_{t}": 1.0,
            f"c_{t}": -HOURS * a.charge_efficiency[0],
            f"d_{t}": HOURS / a.discharge_efficiency[0],
        }
        terms[f"t_{t}"] = -1.0
        before = a.energy_initial_kwh[0] if t == 0 else 0.0
        if t:
            terms[f"e_{t - 1}"] = -1.0
        add(before - trip[t], before - trip[t], **terms)
        upper[trip_short][t] = trip[t]
        upper[trip_short.start + t] = trip[t]
        add(max(target[t], final[t]), np.inf, **{f"e_{t}": 1.0, f"s_{t}": 1.0})
        add(-np.inf, 0.0, **{f"c_{t}": 1.0, f"o_{t}": -a.max_charge_kw[0]})
        add(0.0, np.inf, **{f"c_{t}": 1.0, f"o_{t}": -a.min_charge_kw[0]})
        add(-np.inf, a.max_discharge_kw[0], **{f"d_{t}": 1.0, f"o_{t}": a.max_discharge_kw[0]})
    integer = np.zeros(size)
    integer[on] = 1
    matrix = np.array(rows)
    result = milp(
        cost, constraints=LinearConstraint(matrix, low, high), bounds=Bounds(lower, upper),
        integrality=integer, options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    assert result.status == 0

    def fixed(switches: np.ndarray) -> float:
        """The optimum with the switches at whole numbers, to the last digits."""
        lower[on] = upper[on] = switches
        return linear_value(cost, matrix, np.array(low), np.array(high), np.stack([lower, upper], axis=1))

    best = fixed(np.round(result.x[on]))
    if result.fun < best - 1e-10:  # a switch a millionth off zero may hide a better choice: try all
        best = min(fixed(np.array(choice)) for choice in product((0.0, 1.0), repeat=n))
    return best


def linear_value(
    cost: np.ndarray, matrix: np.ndarray, low: np.ndarray, high: np.ndarray, sides: np.ndarray
) -> float:
    """Optimum of a linear program by HiGHS' simplex with tolerances of 1e-10; inf: there is none."""
    above, below = np.isfinite(high), np.isfinite(low)
    result = linprog(
        cost, A_ub=np.vstack([matrix[above], -matrix[below]]), b_ub=np.append(high[above], -low[below]),
        bounds=sides, method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    return float(result.fun) if result.status == 0 else np.inf


@pytest.mark.parametrize(
    ("charge_only", "minimum", "trip"),
    [
        (False, False, False),
        (True, True, False),
        (True, False, False),
        (True, False, True),
        (False, False, True),
    ],
    ids=["battery", "stepped charger", "charger", "car with a trip", "vehicle to grid with a trip"],
)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_value_is_the_optimum_of_the_milp(charge_only: bool, minimum: bool, trip: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    problem = one_asset(generator, charge_only=charge_only, minimum=minimum, trip=trip)
    price = generator.uniform(-0.05 if charge_only else 0.02, 0.4, INTERVALS)
    value = asset_values(compile_fleet(problem), price[None])[0]
    assert value == pytest.approx(milp_value(problem, price), abs=1e-9)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_value_at_negative_prices_never_exceeds_the_milp(seed: int) -> None:
    generator = np.random.default_rng(seed)
    problem = one_asset(generator, charge_only=False, minimum=True, trip=False)
    price = generator.uniform(-0.5, 0.4, INTERVALS)
    value = asset_values(compile_fleet(problem), price[None])[0]
    assert value <= milp_value(problem, price) + 1e-8
