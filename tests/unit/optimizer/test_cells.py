"""Bounds on cells of energy: above the relaxed bound, below the best schedule, and judged by the verifier."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer import Problem, solve, verify
from optimizer.decomposed import solve_decomposed
from optimizer.files.plans import read_prices, write_plan
from optimizer.instances import generate
from optimizer.plan import EnergyWorths
from optimizer.verify import recompute_bound
from tests.unit.optimizer.problems import small_problem

FEATURES = ("minimum_powers", "negative_prices")


def two_way_problem(seed: int, *features: str, least: float = 0.9) -> Problem:
    """Assets that do both, with minimum powers near the maximum, and one window at most each."""
    problem = small_problem(seed, *FEATURES, *features, intervals=8)
    assets = problem.assets
    power = np.maximum(np.maximum(assets.max_charge_kw, assets.max_discharge_kw), 1.0)
    assets = replace(
        assets, max_charge_kw=power, max_discharge_kw=0.9 * power,
        min_charge_kw=least * power, min_discharge_kw=0.9 * least * power,
    )  # fmt: skip
    return replace(problem, assets=assets)


@pytest.mark.parametrize("seed", range(6))
def test_any_worths_and_widths_prove_a_bound_below_the_best_plan(seed: int) -> None:
    problem = two_way_problem(
        seed, *(("low_start",) if seed % 2 else ()), *(("windows",) if seed > 3 else ())
    )
    objective = solve(problem, method="milp", deadline_s=20.0).certificate.objective
    prices, rng = solve(problem, method="exact").prices, np.random.default_rng(seed)
    assert prices is not None
    plain = recompute_bound(problem, prices).value
    assert plain is not None
    count = len(problem.assets)
    for noise, width in ((0.0, 0.05), (0.05, 0.01), (0.3, 0.31), (3.0, 2.0)):
        worths = EnergyWorths(
            asset=np.arange(count)[::-1].copy(),
            cell_kwh=np.full(count, width),
            worth_per_kwh=0.2 + noise * rng.standard_normal((count, problem.intervals + 1)),
        )
        bound = recompute_bound(problem, replace(prices, energy=worths)).value
        assert bound is not None
        assert plain <= bound <= objective + 1e-6 * max(1.0, abs(objective))


@pytest.fixture(scope="module")
def shut() -> Problem:
    """Cars and homes at negative prices, two thirds of them with a window."""
    return generate("cars", 150, 3, seed=2, intervals=48, negative=True)


def test_a_plan_names_worths_that_prove_its_bound_and_more_than_prices_alone(
    shut: Problem, tmp_path: Path
) -> None:
    plan = solve_decomposed(shut)
    write_plan(tmp_path / "plan", shut, plan, problem_sha256="")
    prices = read_prices(tmp_path / "plan", shut)
    assert prices is not None
    assert prices.energy is not None
    verdict = verify(shut, plan.schedule, certificate=plan.certificate, prices=prices)
    assert verdict.violations == ()
    claim = plan.certificate.lower_bound
    assert verdict.recomputed_bound == pytest.approx(claim, rel=1e-5)
    without = recompute_bound(shut, replace(prices, energy=None)).value
    assert without is not None
    assert claim - without > 0.1 * plan.certificate.gap_absolute
    alone = replace(prices, energy=None)
    verdict = verify(shut, plan.schedule, certificate=plan.certificate, prices=alone)
    assert [violation.kind for violation in verdict.violations] == ["bound"]


def test_worths_that_do_not_fit_prove_nothing(shut: Problem) -> None:
    prices = solve(two_way_problem(0), method="exact").prices
    assert prices is not None
    problem, worth = two_way_problem(0), np.zeros((1, 9))
    for asset, cell, worths in (([7], [0.1], worth), ([0], [np.nan], worth), ([0], [0.1], worth[:, 1:])):
        energy = EnergyWorths(asset=np.array(asset), cell_kwh=np.array(cell), worth_per_kwh=worths)
        found = recompute_bound(problem, replace(prices, energy=energy))
        assert found.value is None
        assert "worths of energy" in found.reason
