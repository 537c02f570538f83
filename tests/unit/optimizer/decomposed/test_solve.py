"""The whole decomposed method on small problems, held against the exact one."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import Events, Problem, Scenarios, Windows
from optimizer.decomposed import solve_decomposed
from optimizer.decomposed.fleet import compile_fleet
from optimizer.exact import solve_milp
from optimizer.instances import FAMILIES, generate
from optimizer.plan import Plan

INTERVALS = 12


def tiny(family: str = "homes", *, negative: bool = False, seed: int = 0) -> Problem:
    return generate(family, 8, 2, seed=seed, intervals=INTERVALS, negative=negative)  # type: ignore[arg-type]


def with_limits(problem: Problem) -> Problem:
    total = problem.feeders.load_kw.sum(axis=0)
    return replace(
        problem,
        import_limit_kw=float(total.max()),
        export_limit_kw=1.0,
        peak_so_far_kw=float(total.max() / 2),
    )


def with_events(problem: Problem) -> Problem:
    return replace(
        problem,
        events=Events(
            event_id=np.array(["more", "less"], dtype=object),
            from_interval=np.array([2, 6]),
            to_interval=np.array([4, 8]),
            target_kw=np.array([4.0, -3.0]),
            up=np.array([True, False]),
            penalty_per_kwh=np.array([1.0, 0.8]),
        ),
    )


def with_scenarios(problem: Problem) -> Problem:
    load = problem.feeders.load_kw[None] * np.array([1.0, 1.15, 0.8])[:, None, None]
    scenarios = Scenarios(probability=np.array([0.5, 0.3, 0.2]), load_kw=load)
    return replace(problem, scenarios=scenarios, cvar_weight=0.4, cvar_alpha=0.7)


def with_trips(problem: Problem) -> Problem:
    car = np.flatnonzero(problem.assets.kind == "ev")
    asset = np.repeat(car, 2)
    count = len(asset)
    return replace(
        problem,
        windows=Windows(
            asset=asset,
            from_interval=np.tile([0, 7], len(car)),
            to_interval=np.tile([5, 12], len(car)),
            departure_energy_kwh=np.repeat(problem.assets.energy_initial_kwh[car] + 2.0, 2),
            trip_energy_kwh=np.full(count, 3.0),
        ),
    )


def check_motion(problem: Problem, plan: Plan) -> None:
    """Asset limits, exclusivity, minimum powers, and energies that follow from the powers to 1e-9."""
    a, s = problem.assets, plan.schedule
    assert np.all((s.charge_kw == 0.0) | (s.discharge_kw == 0.0))
    assert np.all(s.charge_kw <= a.max_charge_kw[:, None])
    assert np.all(s.discharge_kw <= a.max_discharge_kw[:, None])
    assert np.all((s.charge_kw == 0.0) | (s.charge_kw >= a.min_charge_kw[:, None] - 1e-9))
    assert np.all((s.discharge_kw == 0.0) | (s.discharge_kw >= a.min_discharge_kw[:, None] - 1e-9))
    assert np.all(s.energy_end_kwh <= a.energy_max_kwh[:, None] + 1e-9)
    assert np.all(s.energy_end_kwh >= -1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("negative", [False, True], ids=["ordinary", "negative prices"])
@pytest.mark.parametrize(
    "extend", [lambda p: p, with_limits, with_events, with_scenarios, with_trips],
    ids=["plain", "limits", "events", "risk", "trips"],
)  # fmt: skip
def test_bound_and_plan_enclose_the_milp(family: str, negative: bool, extend: object) -> None:
    problem = extend(tiny(family, negative=negative, seed=3))  # type: ignore[operator]
    plan = solve_decomposed(problem)
    exact = solve_milp(problem, time_limit_s=1.0).certificate
    check_motion(problem, plan)
    assert plan.certificate.lower_bound <= exact.objective + 1e-6
    assert exact.lower_bound <= plan.certificate.objective + 1e-6


def test_same_problem_and_seed_give_the_same_bytes() -> None:
    problem = generate("cars", 60, 3, seed=2, intervals=24)
    first, second = solve_decomposed(problem, seed=5), solve_decomposed(problem, seed=5)
    assert first.schedule.charge_kw.tobytes() == second.schedule.charge_kw.tobytes()
    assert first.schedule.discharge_kw.tobytes() == second.schedule.discharge_kw.tobytes()
    assert first.certificate.lower_bound == second.certificate.lower_bound


def test_a_thousand_assets_are_planned_close_to_the_bound() -> None:
    plan = solve_decomposed(generate("homes", 1000, 4, seed=1, intervals=48))
    assert plan.certificate.gap < 1e-3


def test_a_battery_below_its_minimum_recovers_before_it_discharges() -> None:
    problem = tiny()
    low = replace(problem.assets, energy_initial_kwh=np.full(8, 0.1))
    problem = replace(problem, assets=low, windows=Windows.none())
    plan = solve_decomposed(problem)
    below = plan.schedule.energy_end_kwh < low.energy_min_kwh[:, None] - 1e-9
    assert not np.any(below & (plan.schedule.discharge_kw > 0.0))


def test_a_trip_after_the_horizon_is_not_taken() -> None:
    fleet = compile_fleet(with_trips(tiny("cars")))
    assert np.all(fleet.stays["trip_kwh"][fleet.stays["to_interval"] == INTERVALS] == 0.0)
