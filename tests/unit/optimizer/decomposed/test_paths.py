"""When assets with wear by depth find new paths, and which passes settled prices spare them."""

import pytest

from optimizer import verify
from optimizer.decomposed import solve_decomposed
from optimizer.decomposed.courses import SMALL, enough_for
from optimizer.decomposed.passes import passes_for
from optimizer.instances import generate
from optimizer.verify import recompute_bound


def test_a_leap_ends_before_the_narrow_passes_and_follows_a_bound() -> None:
    passes = passes_for(SMALL + 1, worn=True)
    (look,) = (k for k, step in enumerate(passes) if step.leap)
    after = passes[look + 1 + passes[look].leap]
    assert passes[look].mean_bound
    assert passes[look].averaged
    assert after.width < 2.0 == pytest.approx(passes[look + passes[look].leap].width)
    assert not any(step.leap for step in passes_for(SMALL, worn=True))


def test_a_plan_with_wear_ends_within_what_is_asked() -> None:
    small, large = (enough_for(count, warm=False, worn=True) for count in (SMALL, SMALL + 1))
    assert small <= enough_for(SMALL + 1, warm=False) < large < 2e-3


@pytest.mark.soak
def test_the_plan_of_a_large_fleet_with_wear_is_proven_with_passes_left_out() -> None:
    problem = generate("homes", SMALL + 1, 4, seed=1, intervals=8, extras=("budgets", "wear"))
    seen: list[tuple[int, int, float]] = []
    plan = solve_decomposed(problem, seed=1, on_pass=lambda *args: seen.append(args))
    assert len(seen) < seen[0][1] == seen[-1][0]
    assert verify(problem, plan.schedule, certificate=plan.certificate).count == 0
    assert plan.certificate.lower_bound <= plan.certificate.objective
    assert recompute_bound(problem, plan.prices).value >= plan.certificate.lower_bound - 1e-6
