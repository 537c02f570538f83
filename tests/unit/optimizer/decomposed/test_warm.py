"""Re-planning from a previous plan, and progress on the way."""

from dataclasses import replace

import numpy as np

from optimizer.decomposed import Warm, solve_decomposed
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
