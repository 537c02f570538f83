"""The exact method: valid bounds, feasible schedules, the same bytes every time."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from optimizer import Problem, Windows, binding, solve, verify
from optimizer.solve import Method
from tests.unit.optimizer.fleets import operating_problem
from tests.unit.optimizer.problems import FEATURES, problems, small_problem

EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True, database=None)


@EXAMPLES
@pytest.mark.parametrize("method", ["exact", "auto"])
@given(problem=problems())
def test_the_verifier_accepts_plan_and_certificate(method: Method, problem: Problem) -> None:
    plan = solve(problem, method=method)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    assert verdict.violations == ()


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(problem=problems())
def test_bound_reference_and_plan_are_in_order(problem: Problem) -> None:
    """The bound is below the proven optimum, which is below what the product paths found."""
    plans = [solve(problem, method=method).certificate for method in ("exact", "auto")]
    reference_plan = solve(problem, method="milp", deadline_s=20.0)
    reference = reference_plan.certificate
    assert verify(problem, reference_plan.schedule, certificate=reference).violations == ()
    scale = max(1.0, abs(reference.objective))
    for plan in plans:
        assert plan.lower_bound <= reference.objective + 1e-6 * scale
        assert reference.objective <= plan.objective + 2e-6 * scale
        assert plan.objective <= reference.objective + 0.02 * scale


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_alone_reaches_the_optimum(feature: str) -> None:
    problem = small_problem(5, feature, intervals=8)
    plan, reference = solve(problem, method="exact"), solve(problem, method="milp", deadline_s=20.0)
    assert verify(problem, plan.schedule, certificate=plan.certificate).violations == ()
    assert plan.certificate.objective == pytest.approx(reference.certificate.objective, rel=5e-3, abs=5e-3)
    assert plan.certificate.lower_bound <= reference.certificate.objective + 1e-6


@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative"])
def test_an_operating_day_is_certified_far_below_one_percent(negative: bool) -> None:
    problem = operating_problem(1, homes=12, vehicles=8, grids=1, negative=negative)
    plan = solve(problem)
    assert plan.certificate.method == "combined"
    assert plan.certificate.gap < 0.005
    assert plan.certificate.objective < plan.certificate.reference_objective
    assert verify(problem, plan.schedule, certificate=plan.certificate).ok


def test_same_problem_and_seed_give_the_same_bytes() -> None:
    problem = small_problem(11, "minimum_powers", "windows", "negative_prices", "crossed_prices")
    first, second = solve(problem, seed=3), solve(problem, seed=3)
    for name in ("charge_kw", "discharge_kw", "energy_end_kwh"):
        assert getattr(first.schedule, name).tobytes() == getattr(second.schedule, name).tobytes()
    assert replace(first.certificate, seconds={}) == replace(second.certificate, seconds={})


def test_of_equal_plans_the_earlier_charge_wins() -> None:
    problem = small_problem(2, "windows")
    flat = np.full(problem.intervals, 0.2)
    problem = replace(
        problem,
        portfolio=replace(problem.portfolio, import_price_per_kwh=flat, export_price_per_kwh=flat.copy()),
        peak_price_per_kw=0.0,
        assets=replace(problem.assets, max_discharge_kw=np.zeros(3), min_discharge_kw=np.zeros(3)),
    )
    charge = solve(problem).schedule.charge_kw
    for asset in range(3):
        on = np.flatnonzero(charge[asset] > 0.0)
        window = problem.windows.from_interval[problem.windows.asset == asset]
        start = window[0] if len(window) else 0
        assert not len(on) or on[0] <= max(start, problem.intervals // 2)


def test_stability_cost_keeps_the_plan_in_force_when_prices_hardly_move() -> None:
    problem = small_problem(21)
    before = solve(problem).schedule
    nudged = replace(
        problem.portfolio,
        import_price_per_kwh=problem.portfolio.import_price_per_kwh + 1e-4 * np.arange(10) % 3e-4,
    )
    calm = replace(problem, portfolio=nudged, previous_power_kw=before.power_kw, stability_cost_per_kw=0.01)
    after = solve(calm).schedule
    assert np.abs(after.power_kw - before.power_kw).max() < 1e-6


def test_a_previous_schedule_is_a_floor_of_quality() -> None:
    problem = small_problem(3, "minimum_powers")
    plan = solve(problem)
    again = solve(problem, previous=plan.schedule)
    assert again.certificate.objective <= plan.certificate.objective + 1e-9


@pytest.mark.parametrize(
    ("seed", "features"),
    [
        (435, ("carbon", "previous", "reserve", "scenarios", "wear_segments", "windows")),
        (588, ("carbon", "events", "minimum_powers", "portfolio_limits", "reserve", "windows")),
    ],
)
def test_reserve_right_after_a_trip_counts_what_the_trip_left(seed: int, features: tuple[str, ...]) -> None:
    problem = small_problem(seed, *features)
    plan = solve(problem)
    assert verify(problem, plan.schedule, certificate=plan.certificate).violations == ()


def test_an_asset_below_its_minimum_holds_no_trace_of_reserve() -> None:
    problem = small_problem(1, "reserve")
    assets = problem.assets
    low_kwh = np.where(assets.energy_min_kwh > 0.0, assets.energy_min_kwh - 0.3, assets.energy_initial_kwh)
    problem = replace(problem, assets=replace(assets, energy_initial_kwh=np.maximum(low_kwh, 0.0)))
    plan = solve(problem, method="exact")
    assert verify(problem, plan.schedule, certificate=plan.certificate).violations == ()


def test_nothing_is_infeasible_and_what_is_missed_is_said() -> None:
    problem = small_problem(4)
    windows = Windows(
        asset=np.array([0]),
        from_interval=np.array([8]),
        to_interval=np.array([9]),
        departure_energy_kwh=np.array([float(problem.assets.energy_max_kwh[0])]),
        trip_energy_kwh=np.array([100.0]),
    )
    loaded = replace(problem.feeders, load_kw=problem.feeders.load_kw + 100.0)
    plan = solve(replace(problem, windows=windows, feeders=loaded))
    kinds = {item.kind for item in plan.certificate.unmet}
    assert {"departure", "trip", "feeder"} <= kinds
    assert verify(
        replace(problem, windows=windows, feeders=loaded), plan.schedule, certificate=plan.certificate
    ).ok
    reasons = {item.kind: item.reason for item in plan.certificate.unmet}
    assert reasons["departure"] == binding.WINDOW_OR_POWER
    assert reasons["trip"] == binding.WINDOW_OR_POWER  # tighter than its size, in one interval


def test_an_asset_below_its_minimum_recovers_before_it_discharges() -> None:
    problem = small_problem(8, "low_start", "negative_prices")
    schedule = solve(problem).schedule
    low = schedule.energy_end_kwh < problem.assets.energy_min_kwh[:, None] - 1e-6
    assert not ((schedule.discharge_kw > 0.0) & low).any()


def test_the_prices_of_an_event_are_in_the_balance() -> None:
    """Each asset against the prices alone proves what the relaxation's rows prove, events included."""
    for seed in range(3):
        problem = small_problem(seed, "events")
        relaxed = solve(problem, method="exact").certificate.lower_bound
        priced = solve(problem, method="auto").certificate.lower_bound
        assert priced >= relaxed - 1e-4 * max(1.0, abs(relaxed))


@pytest.mark.parametrize("method", ["exact", "auto"])
def test_another_process_and_hash_seed_give_the_same_bytes(method: str) -> None:
    code = (
        "import hashlib, sys\n"
        "from optimizer import solve\n"
        "from tests.unit.optimizer.problems import small_problem\n"
        "plan = solve(small_problem(7, 'minimum_powers', 'windows', 'events'), method=sys.argv[1])\n"
        "powers = plan.schedule.charge_kw.tobytes() + plan.schedule.discharge_kw.tobytes()\n"
        "print(hashlib.sha256(powers).hexdigest(), plan.certificate.lower_bound.hex())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, method],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
