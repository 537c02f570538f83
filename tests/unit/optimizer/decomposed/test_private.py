"""Budgets, reserve and wear by depth in the decomposed method: bound <= MILP <= plan, verified."""

from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import Phase, given, settings

from optimizer import Problem
from optimizer.decomposed import solve_decomposed
from optimizer.exact import solve_milp
from optimizer.exact.relaxation import relax
from optimizer.instances import Extra, generate
from optimizer.problem import Wear
from optimizer.verify import verify
from tests.unit.optimizer.problems import problems, small_problem

PRIVATE = ("budget", "reserve", "wear_segments")


def check(problem: Problem, *, time_limit_s: float = 3.0) -> tuple[float, float]:
    """Return by how much bound and plan miss the MILP's objective, as shares of it."""
    plan = solve_decomposed(problem)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    assert verdict.ok, verdict.violations[:3]
    exact = solve_milp(problem, time_limit_s=time_limit_s).certificate
    scale = max(1.0, abs(exact.objective))
    assert plan.certificate.lower_bound <= exact.objective + 1e-6 * scale
    assert exact.lower_bound <= plan.certificate.objective + 1e-6 * scale
    own = plan.certificate
    return (exact.objective - own.lower_bound) / scale, (own.objective - exact.objective) / scale


@pytest.mark.parametrize("feature", PRIVATE)
def test_each_alone_encloses_the_milp(feature: str) -> None:
    distances = [check(small_problem(seed, feature)) for seed in range(6)]
    assert np.median([below for below, _ in distances]) < 0.03
    assert np.median([above for _, above in distances]) < 0.03


@pytest.mark.soak
@pytest.mark.parametrize("segments", [1, 2, 5])
def test_any_number_of_segments_is_enclosed(segments: int) -> None:
    """Kernels are compiled for each number, which takes a minute or two."""
    problem = small_problem(0, "wear_segments")
    assert problem.wear is not None
    costs = np.linspace(0.01, 0.09, segments) * np.ones((len(problem.wear.asset), 1))
    check(replace(problem, wear=Wear(asset=problem.wear.asset, cost_per_kwh=costs)))


@pytest.mark.parametrize(
    "others",
    [
        ("negative_prices", "minimum_powers"),
        ("windows", "events"),
        ("scenarios", "low_start"),
        ("crossed_prices", "tight_feeders", "previous"),
    ],
)
def test_together_with_everything_else_they_enclose_the_milp(others: tuple[str, ...]) -> None:
    for seed in range(2):
        check(small_problem(seed, *PRIVATE, *others))


@given(problem=problems())
@settings(max_examples=6, deadline=None)
def test_any_problem_is_enclosed(problem: Problem) -> None:
    check(problem)


@pytest.mark.soak
@pytest.mark.timeout(1800)  # a slice takes half a minute; the rest is for busy machines
@pytest.mark.parametrize("part", range(16))
def test_hundreds_of_problems_are_enclosed(part: int) -> None:
    """Twenty-five problems a slice, each slice its own, so that a soak that was stopped goes on with `-k`."""

    @hypothesis.seed(part)
    @settings(max_examples=25, deadline=None, database=None, phases=(Phase.generate,))
    @given(problem=problems())
    def enclosed(problem: Problem) -> None:
        check(problem, time_limit_s=2.0)

    enclosed()


@pytest.mark.parametrize("extra", ["budgets", "reserve", "wear"])
def test_a_larger_fleet_is_planned_close_to_its_bound(extra: Extra) -> None:
    problem = generate("homes", 200, 3, seed=1, intervals=24, extras=(extra,))
    plan = solve_decomposed(problem)
    assert verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok
    assert plan.certificate.gap < 0.02


def test_wear_by_depth_is_planned_and_bounded_close_to_the_relaxation() -> None:
    problem = generate("homes", 20, 2, seed=1, extras=("wear",))
    own, bound = solve_decomposed(problem).certificate, relax(problem).bound
    assert bound * 0.99 < own.lower_bound < own.objective < bound * 1.01


def test_a_budget_of_nothing_lets_nothing_out() -> None:
    problem = small_problem(3)
    none = replace(problem, assets=replace(problem.assets, discharge_budget_kwh=np.zeros(3)))
    assert not solve_decomposed(none).schedule.discharge_kw.any()


def test_the_same_seed_gives_the_same_shares() -> None:
    problem = generate("homes", 60, 2, seed=2, intervals=24, extras=("reserve", "wear", "budgets"))
    first, second = solve_decomposed(problem).schedule, solve_decomposed(problem).schedule
    assert first.reserve_up_kw is not None
    assert second.reserve_up_kw is not None
    assert first.reserve_up_kw.tobytes() == second.reserve_up_kw.tobytes()
    assert first.charge_kw.tobytes() == second.charge_kw.tobytes()
