"""Re-plans of large fleets: whose schedule can stay, and what it costs."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import Warm
from optimizer.decomposed import solve_decomposed
from optimizer.decomposed.fleet import compile_fleet
from optimizer.decomposed.kept import own_costs
from optimizer.decomposed.warm import warm_powers
from optimizer.instances import generate
from optimizer.verify import verify


def test_own_costs_are_what_the_certificate_calls_wear_unmet_and_final_energy() -> None:
    problem = generate("cars", 150, 3, seed=5, intervals=48, negative=True)
    plan = solve_decomposed(problem)
    fleet = compile_fleet(problem)
    parts = plan.certificate.objective_parts
    expected = parts.wear + parts.unmet_energy + parts.final_energy
    assert own_costs(fleet, warm_powers(fleet, Warm(plan=plan))).sum() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("column", "share"),
    [("energy_initial_kwh", 0.3), ("max_charge_kw", 0.5), ("energy_max_kwh", 0.6), ("min_charge_kw", 1.2)],
)
def test_a_schedule_that_breaks_a_limit_of_today_is_not_kept(column: str, share: float) -> None:
    problem = generate("cars", 150, 3, seed=5, intervals=48)
    plan = solve_decomposed(problem)
    assets = replace(problem.assets, **{column: getattr(problem.assets, column) * share})
    changed = replace(problem, assets=assets)
    fleet = compile_fleet(changed)
    kept = np.isfinite(own_costs(fleet, warm_powers(fleet, Warm(plan=plan))))
    names = changed.assets.asset_id.tolist()
    verdict = verify(changed, plan.schedule)
    broken = {item.id for item in verdict.violations if item.id in names and item.kind != "energy_path"}
    gone = {names[row] for row in fleet.order[~kept]}
    assert broken
    assert gone >= broken
    assert 0 < len(gone) < 150


def test_a_large_fleet_is_planned_again_by_those_who_must_and_those_with_regret() -> None:
    problem = generate("cars", 3_100, 6, seed=3, intervals=48)
    before = solve_decomposed(problem)
    generator = np.random.default_rng(4)
    load = problem.feeders.load_kw * (1.0 + 0.01 * generator.standard_normal(problem.feeders.load_kw.shape))
    energy = before.schedule.energy_end_kwh[:, 0] * generator.uniform(0.98, 1.0, 3_100)
    noisy = replace(
        problem,
        feeders=replace(problem.feeders, load_kw=load),
        assets=replace(problem.assets, energy_initial_kwh=energy),
    )
    after = solve_decomposed(noisy, warm=Warm(plan=before))
    assert verify(noisy, after.schedule, certificate=after.certificate, prices=after.prices).ok
    assert after.certificate.gap < 0.005
    assert np.array_equal(
        after.schedule.charge_kw, solve_decomposed(noisy, warm=Warm(plan=before)).schedule.charge_kw
    )
