"""The recomputed bound: exact for one asset, below every schedule, and the judge of what a plan claims."""

from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Plan, Problem, solve, verify
from optimizer.decomposed import solve_decomposed
from optimizer.exact.relaxation import relax
from optimizer.files.plans import read_prices, write_plan
from optimizer.instances import FAMILIES, Extra, generate
from optimizer.plan import Prices
from optimizer.verify import recompute_bound, valuing
from optimizer.verify.bound import possible_powers
from optimizer.verify.records import asset_records, read_only, window_order, window_records
from optimizer.verify.reserve import held_terms
from tests.unit.optimizer.problems import FEATURES, small_problem

EXAMPLES = settings(max_examples=12, deadline=None, derandomize=True, database=None)


@st.composite
def covered_problems(draw: st.DrawFn) -> Problem:
    features = draw(st.sets(st.sampled_from(FEATURES), max_size=5))
    return small_problem(draw(st.integers(0, 10_000)), *sorted(features))


def flat_prices(problem: Problem) -> Prices:
    flat = np.zeros(problem.intervals)
    return Prices(
        balance_per_kwh=flat,
        feeder_per_kwh=np.zeros((len(problem.feeders), problem.intervals)),
        peak_per_kw=flat,
    )


def values(problem: Problem, price: np.ndarray) -> np.ndarray:
    order, first_window = window_order(problem)
    assets = possible_powers(asset_records(problem, slice(0, None), first_window))
    value = np.empty(len(assets))
    penalty = problem.unmet_energy_penalty_per_kwh
    valuing.values(
        assets, window_records(problem, order), read_only(price), problem.interval_h, penalty,
        read_only(np.zeros(len(assets))), read_only(np.zeros((0, problem.intervals))),
        read_only(np.zeros((0, problem.intervals))), held_terms(problem, flat_prices(problem))[0], value,
    )  # fmt: skip
    return value


def least_cost(problem: Problem, i: int, price: np.ndarray) -> float:
    """One asset against prices as an LP of its own, without minimum powers and trips."""
    a, hours = problem.assets, problem.interval_h
    mine = np.flatnonzero(problem.windows.asset == i)
    on = np.ones(len(price)) if not len(mine) else np.zeros(len(price))
    for w in mine:
        on[problem.windows.from_interval[w] : problem.windows.to_interval[w]] = 1.0
    solver = highspy.Highs()
    solver.silent()
    wear, out = a.wear_cost_per_kwh[i], 1.0 / a.discharge_efficiency[i]
    charge = [
        solver.addVariable(0, a.max_charge_kw[i] * x, hours * (p + wear))
        for x, p in zip(on, price, strict=True)
    ]
    give = [
        solver.addVariable(0, a.max_discharge_kw[i] * x, hours * (wear - p))
        for x, p in zip(on, price, strict=True)
    ]
    low = min(a.energy_min_kwh[i], a.energy_initial_kwh[i])
    energy = [solver.addVariable(low, a.energy_max_kwh[i]) for _ in price]
    for t in range(len(price)):
        before = energy[t - 1] if t else a.energy_initial_kwh[i]
        solver.addConstr(energy[t] == before + hours * (a.charge_efficiency[i] * charge[t] - out * give[t]))
    penalty = problem.unmet_energy_penalty_per_kwh
    asked = [(problem.windows.departure_energy_kwh[w], problem.windows.to_interval[w] - 1) for w in mine]
    for target, t in [*asked, (a.energy_final_min_kwh[i], len(price) - 1)]:
        missing = solver.addVariable(0, highspy.kHighsInf, penalty)
        solver.addConstr(energy[t] + missing >= target)
    solver.run()
    return solver.getObjectiveValue()


def test_the_value_of_one_asset_agrees_with_a_linear_program() -> None:
    """Prices at which charging and discharging at once never pays: there the program is the truth."""
    problem = generate("homes", 30, 2, seed=3, intervals=24)
    rng = np.random.default_rng(1)
    price = rng.uniform(0.0, 0.4, (2, 24))
    free = replace(
        problem, assets=replace(problem.assets, min_charge_kw=np.zeros(30), min_discharge_kw=np.zeros(30))
    )
    own = values(free, price)
    for i in range(30):
        assert own[i] == pytest.approx(least_cost(free, i, price[free.assets.feeder[i]]), abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_agrees_with_the_planners_oracle_though_it_shares_no_code(family: str, negative: bool) -> None:
    from optimizer.decomposed.fleet import compile_fleet  # noqa: PLC0415 - the planner's side
    from optimizer.decomposed.oracle import asset_values  # noqa: PLC0415

    problem = generate(family, 200, 3, seed=5, intervals=48, negative=negative)  # type: ignore[arg-type]
    noise = np.random.default_rng(2).normal(0.0, 0.1, (3, 48))
    price = problem.portfolio.import_price_per_kwh + noise
    fleet = compile_fleet(problem)
    np.testing.assert_allclose(
        values(problem, price)[fleet.order], asset_values(fleet, price), rtol=1e-9, atol=1e-9
    )


@EXAMPLES
@given(problem=covered_problems())
def test_what_exact_plans_claim_is_proven_by_their_prices(problem: Problem) -> None:
    plan = solve(problem, method="exact")
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    assert verdict.violations == ()
    assert verdict.recomputed_bound is not None
    refuses_a_higher_claim(problem, plan, verdict.recomputed_bound)


@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_decomposed_plans_claim_is_exactly_what_their_prices_prove(family: str, negative: bool) -> None:
    extras = ("events", "scenarios", "risk") if family == "homes" else ()
    problem = generate(family, 60, 3, seed=5, intervals=24, negative=negative, extras=extras)  # type: ignore[arg-type]
    total = float(problem.feeders.load_kw.sum(axis=0).max())
    problem = replace(problem, import_limit_kw=0.9 * total, peak_so_far_kw=0.3 * total)
    plan = solve_decomposed(problem)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices)
    assert verdict.violations == ()
    assert verdict.recomputed_bound is not None
    refuses_a_higher_claim(problem, plan, verdict.recomputed_bound)
    if not extras:
        assert plan.certificate.lower_bound == pytest.approx(verdict.recomputed_bound, rel=1e-5)


def refuses_a_higher_claim(problem: Problem, plan: Plan, proven: float) -> None:
    """A claim a hundredth of a percent above what is proven is refused."""
    high = replace(plan.certificate, lower_bound=proven + 1e-4 * max(1.0, abs(proven)))
    found = verify(problem, plan.schedule, certificate=high, prices=plan.prices)
    assert "lower_bound: the plan claims" in " ".join(
        v.sentence for v in found.violations if v.kind == "bound"
    )


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(problem=covered_problems(), seed=st.integers(0, 1_000))
def test_any_prices_prove_a_bound_below_the_best_plan(problem: Problem, seed: int) -> None:
    in_order(problem, seed)


@pytest.mark.soak
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(problem=covered_problems(), seed=st.integers(0, 1_000))
def test_any_prices_prove_a_bound_below_the_best_plan_at_length(problem: Problem, seed: int) -> None:
    in_order(problem, seed)


def in_order(problem: Problem, seed: int) -> None:
    """Good prices and absurd ones: no bound is above the optimum of the search."""
    objective = solve(problem, method="milp", deadline_s=20.0).certificate.objective
    prices, rng = solve(problem, method="exact").prices, np.random.default_rng(seed)
    assert prices is not None
    for noise in (0.0, 0.02, 1.0, 30.0):
        shaken = replace(
            prices,
            balance_per_kwh=prices.balance_per_kwh + noise * rng.standard_normal(problem.intervals),
            feeder_per_kwh=prices.feeder_per_kwh + noise * rng.standard_normal(prices.feeder_per_kwh.shape),
            peak_per_kw=prices.peak_per_kw + noise * rng.standard_normal(problem.intervals),
        )
        bound = recompute_bound(problem, shaken).value
        assert bound is not None
        assert bound <= objective + 1e-6 * max(1.0, abs(objective))


OWN = [("budgets",), ("wear",), ("reserve",), ("budgets", "wear", "events"), ("reserve", "budgets", "wear")]


@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative"])
@pytest.mark.parametrize("extras", OWN, ids=" ".join)
def test_prices_of_budgets_wear_and_reserve_prove_what_decomposed_plans_claim(
    extras: tuple[Extra, ...], negative: bool, tmp_path: Path
) -> None:
    problem = generate("cars", 60, 3, seed=5, intervals=24, negative=negative, extras=extras)
    windows = problem.windows
    problem = replace(problem, windows=replace(windows, trip_energy_kwh=np.full(len(windows), 3.0)))
    plan = solve_decomposed(problem)
    write_plan(tmp_path / "plan", problem, plan, problem_sha256="")
    prices = read_prices(tmp_path / "plan", problem)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=prices)
    assert verdict.violations == ()
    assert verdict.recomputed_bound is not None
    own, slack = verdict.recomputed_bound, 1e-9 * abs(plan.certificate.lower_bound)
    assert own >= plan.certificate.lower_bound - slack
    assert "reserve" in extras or own <= plan.certificate.lower_bound + slack
    refuses_a_higher_claim(problem, plan, verdict.recomputed_bound)


@pytest.mark.parametrize("seed", range(4))
def test_any_prices_of_budgets_and_wear_prove_a_bound_below_the_best_plan(seed: int) -> None:
    problem = small_problem(seed, "budget", "wear_segments", *(("low_start",) if seed % 2 else ()))
    assert problem.wear is not None
    objective = solve(problem, method="milp", deadline_s=20.0).certificate.objective
    prices, rng = solve(problem, method="exact").prices, np.random.default_rng(seed)
    assert prices is not None
    for noise in (0.0, 0.02, 0.3, 5.0):
        shape = (*problem.wear.cost_per_kwh.shape, problem.intervals)
        shaken = replace(
            prices,
            budget_per_kwh=noise * rng.standard_normal(len(problem.assets)),
            wear_per_kwh=noise * rng.standard_normal(shape),
        )
        bound = recompute_bound(problem, shaken).value
        assert bound is not None
        assert bound <= objective + 1e-6 * max(1.0, abs(objective))


@pytest.mark.parametrize("seed", range(6))
def test_any_prices_of_reserve_prove_a_bound_below_the_best_plan(seed: int) -> None:
    others = (("windows", "low_start"), ("minimum_powers",), ("budget", "negative_prices"))[seed % 3]
    problem = small_problem(seed, "reserve", *others)
    objective = solve(problem, method="milp", deadline_s=20.0).certificate.objective
    prices, rng = solve(problem, method="exact").prices, np.random.default_rng(seed)
    assert prices is not None
    assert prices.reserve_per_kw_h is not None
    assert prices.reserve_weight is not None
    for noise in (0.0, 0.02, 0.3, 5.0):
        shaken = replace(
            prices,
            reserve_per_kw_h=prices.reserve_per_kw_h + noise * rng.standard_normal((2, problem.intervals)),
            reserve_weight=prices.reserve_weight + noise * rng.standard_normal((*problem.shape, 4)),
        )
        bound = recompute_bound(problem, shaken).value
        assert bound is not None
        assert bound <= objective + 1e-6 * max(1.0, abs(objective))


@pytest.mark.parametrize("seed", range(4))
def test_prices_of_reserve_prove_what_the_relaxation_reaches(seed: int) -> None:
    problem = small_problem(seed, "reserve", *(("budget", "wear_segments") if seed % 2 else ()))
    proven, bound = (
        recompute_bound(problem, solve(problem, method="exact").prices).value,
        relax(problem).bound,
    )
    assert proven is not None
    assert proven >= bound - 1e-4 * max(1.0, abs(bound))


def test_without_prices_of_reserve_nothing_is_proven_and_it_is_said() -> None:
    problem = small_problem(5, "reserve")
    plan = solve(problem, method="exact")
    assert plan.prices is not None
    without = replace(plan.prices, reserve_per_kw_h=None)
    verdict = verify(problem, plan.schedule, certificate=plan.certificate, prices=without)
    assert verdict.ok
    assert verdict.recomputed_bound is None
    assert "reserve" in verdict.bound_remark


def test_prices_of_the_wrong_shape_or_without_a_number_prove_nothing() -> None:
    problem = small_problem(5)
    flat = np.zeros(problem.intervals)
    for balance in (np.zeros(3), flat + np.nan):
        prices = Prices(balance_per_kwh=balance, feeder_per_kwh=np.zeros((2, 10)), peak_per_kw=flat)
        assert recompute_bound(problem, prices).value is None
