"""Overload of one schedule over many loads: what the optimum takes on is paid for, the rest is counted."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import solve
from optimizer.bench.overload import avoidable_overload_kwh, caused_overload_kwh
from optimizer.certificate import certify
from optimizer.exact import solve_exact
from optimizer.exact.product import idle
from optimizer.instances import generate
from optimizer.plan import Plan
from optimizer.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return generate("homes", 60, 2, seed=0, intervals=24, negative=True, extras=("scenarios",))


@pytest.fixture(scope="module")
def optimum(problem: Problem) -> Plan:
    return solve_exact(problem)


def test_one_scenarios_overload_belongs_to_the_optimum_and_is_not_avoidable(
    problem: Problem, optimum: Plan
) -> None:
    assert optimum.certificate.gap < 5e-4
    assert caused_overload_kwh(problem, optimum.schedule) > 10.0
    assert avoidable_overload_kwh(problem, optimum.schedule, optimum.prices) < 1e-6
    # Whoever never overloads a feeder, in no scenario, pays more: a schedule without overload costs the same
    # at any penalty, and at a hundred times the penalty none costs less than this bound.
    assert certify(problem, idle(problem), -np.inf, method="none").objective_parts.overload == 0.0
    strict = solve_exact(replace(problem, feeder_penalty_per_kwh=500.0))
    assert caused_overload_kwh(problem, strict.schedule) < 1e-6
    assert strict.certificate.lower_bound > optimum.certificate.objective + 1.0


def test_overload_that_nobody_pays_for_is_counted_by_its_probability(problem: Problem, optimum: Plan) -> None:
    careless = solve_exact(replace(problem, feeder_penalty_per_kwh=0.5)).schedule
    unpaid = avoidable_overload_kwh(problem, careless, optimum.prices)
    expected = avoidable_overload_kwh(problem, careless, None)
    assert 1.0 < unpaid < expected < caused_overload_kwh(problem, careless)
    saved = certify(problem, careless, -np.inf, method="none").objective - optimum.certificate.objective
    assert saved > 0.5 * problem.feeder_penalty_per_kwh * unpaid


def test_without_scenarios_all_that_the_fleet_adds_counts(problem: Problem) -> None:
    certain = replace(problem, scenarios=None)
    careless = solve(replace(certain, feeder_penalty_per_kwh=0.01))
    caused = caused_overload_kwh(certain, careless.schedule)
    assert caused > 1.0
    assert avoidable_overload_kwh(certain, careless.schedule, careless.prices) == caused
