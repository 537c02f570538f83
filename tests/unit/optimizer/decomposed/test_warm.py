"""Re-planning from a previous plan, and progress on the way."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer import Problem, Replanner, Warm, solve
from optimizer.decomposed import solve_decomposed
from optimizer.instances import generate
from optimizer.plan import Plan
from optimizer.verify import verify


def test_a_warm_replan_after_noise_is_close_to_its_own_bound_and_verified() -> None:
    problem = generate("homes", 1000, 4, seed=4, intervals=24)
    before = solve_decomposed(problem)
    generator = np.random.default_rng(1)
    load = problem.feeders.load_kw * (1.0 + 0.01 * generator.standard_normal(problem.feeders.load_kw.shape))
    noisy = replace(problem, feeders=replace(problem.feeders, load_kw=load))
    after = solve_decomposed(noisy, warm=Warm(plan=before))
    verdict = verify(noisy, after.schedule, certificate=after.certificate, prices=after.prices)
    assert verdict.ok, verdict.violations[:3]
    assert after.certificate.gap < 0.005


def test_a_shifted_plan_is_a_start_too() -> None:
    problem = generate("cars", 400, 4, seed=4, intervals=24)
    before = solve_decomposed(problem)
    after = solve_decomposed(problem, warm=Warm(plan=before, elapsed_intervals=2))
    assert verify(problem, after.schedule, certificate=after.certificate).ok


def test_progress_reports_plans_that_can_be_issued() -> None:
    problem = generate("cars", 60, 3, seed=2, intervals=24)
    seen: list[Plan] = []
    solve_decomposed(problem, progress=seen.append)
    assert seen
    assert all(
        verify(problem, plan.schedule, certificate=plan.certificate).ok for plan in (seen[0], seen[-1])
    )


def later(problem: Problem, plan: Plan, generator: np.random.Generator) -> Problem:
    """Return the problem an interval on: data moved on, a new load forecast, the fleet at its end."""
    windows, portfolio, feeders = problem.windows, problem.portfolio, problem.feeders
    load = np.roll(feeders.load_kw, -1, axis=1)
    return replace(
        problem,
        start=problem.start + timedelta(hours=problem.interval_h),
        assets=replace(problem.assets, energy_initial_kwh=plan.schedule.energy_end_kwh[:, 0]),
        windows=replace(
            windows,
            from_interval=np.maximum(windows.from_interval - 1, 0),
            to_interval=windows.to_interval - 1,
        ),
        feeders=replace(feeders, load_kw=load * (1.0 + 0.01 * generator.standard_normal(load.shape))),
        portfolio=replace(
            portfolio,
            import_price_per_kwh=np.roll(portfolio.import_price_per_kwh, -1),
            export_price_per_kwh=np.roll(portfolio.export_price_per_kwh, -1),
        ),
    )


@pytest.mark.parametrize("count", [60, 400])
def test_a_replanner_stays_close_to_the_bound_cycle_after_cycle(count: int) -> None:
    problem, replanner = generate("homes", count, 3, seed=4, intervals=48), Replanner()
    generator = np.random.default_rng(2)
    plan = replanner.solve(problem)
    for _ in range(4):
        problem = later(problem, plan, generator)
        plan = replanner.solve(problem)
        assert plan.certificate.method == "decomposed"
        assert plan.certificate.gap < 0.005
        assert verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok


def test_a_replanner_finds_its_assets_and_feeders_by_their_ids() -> None:
    problem, replanner = generate("homes", 60, 3, seed=4, intervals=48), Replanner()
    replanner.solve(problem)
    names = problem.assets.asset_id.copy()
    names[:2] = names[1::-1]  # the first two change places, and a feeder is new
    renamed = replace(
        problem,
        assets=replace(problem.assets, asset_id=names),
        feeders=replace(problem.feeders, feeder_id=np.array(["new", "f1", "f0"], dtype=object)),
    )
    plan = replanner.solve(renamed)
    assert verify(renamed, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok


def test_a_replan_that_is_not_close_enough_is_solved_from_scratch() -> None:
    problem = generate("homes", 40, 2, seed=4, intervals=48)
    cold = solve(problem)
    other = generate("homes", 40, 2, seed=9, intervals=48, negative=True)
    again = solve(other, warm=Warm(plan=cold), accepted_gap=1e-9)
    assert again.certificate.method == "combined"
    assert again.certificate.objective == solve(other).certificate.objective


def test_a_replanner_starts_from_scratch_where_the_last_plan_says_nothing() -> None:
    problem, replanner = generate("homes", 40, 2, seed=4, intervals=48), Replanner()
    first = replanner.solve(problem)
    days = replace(problem, start=problem.start + timedelta(days=3))
    assert replanner.solve(days).certificate.method == first.certificate.method == "combined"
