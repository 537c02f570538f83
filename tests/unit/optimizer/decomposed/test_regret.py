"""Whose schedule is worth another look: regrets, and the passes that look at those alone."""

import numpy as np
import pytest

from optimizer.decomposed import solve_decomposed
from optimizer.decomposed.bound import lower_bound
from optimizer.decomposed.coupling import compile_coupling
from optimizer.decomposed.fleet import compile_fleet
from optimizer.decomposed.regret import keenest, regrets, spent
from optimizer.decomposed.sweep import feeder_sums
from optimizer.instances import generate
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.verify import verify


def signed(problem: Problem, plan: Plan) -> np.ndarray:
    """Powers in kernel order, positive charges."""
    fleet = compile_fleet(problem)
    return (plan.schedule.charge_kw - plan.schedule.discharge_kw)[fleet.order]


def test_nobody_does_better_alone_than_its_part_of_the_bound() -> None:
    problem = generate("cars", 120, 3, seed=5, intervals=24, negative=True)
    fleet, power = compile_fleet(problem), signed(problem, solve_decomposed(problem))
    coupling, offset = compile_coupling(problem)
    _, values = lower_bound(fleet, coupling, offset)
    idle = np.zeros_like(power)
    for rows in (power, idle):
        paid = spent(fleet, coupling, rows)
        own = regrets(fleet, coupling, values, rows, np.zeros(len(fleet))) - paid + values
        assert own == pytest.approx(0.0, abs=1e-9)
    by_feeder = np.add.reduceat(spent(fleet, coupling, power), fleet.feeder_first[:-1])
    assert by_feeder.sum() == pytest.approx(spent(fleet, coupling, power).sum())


def test_spent_is_the_feeders_power_at_the_feeders_price() -> None:
    problem = generate("homes", 60, 3, seed=1, intervals=24)
    fleet, power = compile_fleet(problem), signed(problem, solve_decomposed(problem))
    coupling, _ = compile_coupling(problem)
    coupling.feeder_multiplier[:] *= np.array([0.2, 0.5, 1.0])[:, None, None]
    price = coupling.base + coupling.multiplier.sum(axis=0)
    feeder = coupling.feeder_base[:, None] + coupling.feeder_multiplier.sum(axis=1)
    expected = fleet.interval_h * ((price + feeder) * feeder_sums(fleet, power)).sum()
    assert spent(fleet, coupling, power).sum() == pytest.approx(expected)


def test_the_keenest_are_the_fewest_that_hold_the_share() -> None:
    regret = np.zeros(80)
    regret[[7, 30, 61]] = 1.0, 5.0, 2.0
    assert keenest(regret, 0.6).tolist() == [30]
    assert keenest(regret, 0.8).tolist() == [30, 61]
    assert keenest(regret, 0.95).tolist() == [7, 30, 61]
    assert len(keenest(np.ones(80), 0.9, 0.125)) == 10


def test_searching_the_keen_alone_saves_visits_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = generate("cars", 3200, 8, seed=2, intervals=48)
    plan = solve_decomposed(problem)
    monkeypatch.setattr("optimizer.decomposed.solve.keenest", lambda *_: np.zeros(0, np.int64))
    without = solve_decomposed(problem)
    assert plan.certificate.gap < 0.8 * without.certificate.gap
    assert verify(problem, plan.schedule, certificate=plan.certificate, prices=plan.prices).ok
