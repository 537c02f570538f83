"""Explanations of small problems whose reason is known, solved by the optimizer itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import optimizer
from tests.unit.control.fleets import INTERVALS, NOON, grid, inputs, readings, session
from vpp.control.cycle import prepare
from vpp.control.grounds import grounds_of
from vpp.control.planning import to_dispatch_plan
from vpp.control.reasons import reasons
from vpp.control.worth import worth_after_first
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PriceCurve
from vpp.domain.reasons import Reason, ReasonKind
from vpp.domain.runs import DispatchPlan, Rung

BATTERY, CAR, GRID_BATTERY = 0, 1, 2
CALM = DispatchPolicy(horizon_intervals=INTERVALS)


def solved(problem=None, **changes) -> tuple[DispatchPlan, optimizer.Plan]:
    """Return the plan of a cycle with its grounds, and what the optimizer returned."""
    given = inputs(**changes)
    prepared = prepare(given)
    problem = problem or prepared.problem
    plan = optimizer.solve(problem, seed=0)
    made = to_dispatch_plan(
        run_id="run-1",
        plan=plan,
        grid=given.grid,
        fleet=given.fleet,
        net_load_kw=prepared.net_load_kw,
        grounds=grounds_of(problem, plan),
    )
    return made, plan


def explained(plan: DispatchPlan, slot: int, rung: Rung = Rung.OPTIMAL) -> dict[ReasonKind, Reason]:
    return {reason.kind: reason for reason in reasons(plan, plan.grounds, slot, rung)}


def curve(*levels: float) -> PriceCurve:
    """Return prices of equal length one after the other; export earns 1 cent less."""
    imports = np.repeat(levels, INTERVALS // len(levels))
    return PriceCurve(
        grid=grid(),
        import_price_per_kwh=imports,
        export_price_per_kwh=imports - 0.01,
        published=np.ones(INTERVALS, dtype=bool),
    )


def loosened(problem, **columns):
    """Return a problem with one number of the assets or feeders changed: name=(index, by)."""
    for name, (index, by) in columns.items():
        table = "assets" if hasattr(problem.assets, name) else "feeders"
        values = getattr(getattr(problem, table), name).copy()
        values[index] += by
        problem = replace(problem, **{table: replace(getattr(problem, table), **{name: values})})
    return problem


def test_a_feeder_limit_is_named_with_the_price_that_it_has():
    plan, solution = solved()
    found = explained(plan, GRID_BATTERY)[ReasonKind.FEEDER_IMPORT]

    assert plan.power_kw[GRID_BATTERY, 0] == pytest.approx(-20.0, abs=1e-3)  # 40 kW less the load of 20
    assert found.subject == "b"
    assert found.limit == 40.0
    looser = loosened(prepare(inputs()).problem, import_limit_kw=((1, 0), 1.0))
    saved = solution.certificate.lower_bound - optimizer.solve(looser, seed=0).certificate.lower_bound
    assert saved == pytest.approx(found.marginal_per_kwh * 0.25, abs=2e-5)  # one kW for a quarter of an hour
    assert ReasonKind.FEEDER_IMPORT not in explained(plan, BATTERY)  # it hangs on the other feeder


def test_a_car_charges_for_its_departure():
    plan, _ = solved(policy=CALM)
    found = explained(plan, CAR)

    assert found[ReasonKind.DEPARTURE].limit == 20.0
    assert "the car leaves at 20 May 15:00 UTC and is to have 20 kWh" in found[ReasonKind.DEPARTURE].sentence
    assert "departure at 20 May 15:00 UTC" in found[ReasonKind.PRICE].sentence
    without, _ = solved(policy=CALM, sessions=[session(departure_energy_kwh=0.0)])
    assert ReasonKind.DEPARTURE not in explained(without, CAR)


def test_a_peak_is_named_while_it_costs_something():
    plan, _ = solved()
    found = explained(plan, CAR)[ReasonKind.PEAK]

    assert found.marginal_per_kwh == pytest.approx(0.1, abs=1e-3)  # the price of the plan less the market's
    assert found.limit == pytest.approx((40.0 - plan.power_kw[:, 0].sum()), abs=1e-6)
    calm, _ = solved(policy=CALM)
    assert ReasonKind.PEAK not in explained(calm, CAR)


def test_a_power_limit_is_worth_what_more_of_it_would_save():
    dear_now = {"prices": curve(0.50, 0.10, 0.10, 0.10), "policy": CALM, "sessions": []}
    plan, solution = solved(**dear_now)
    found = explained(plan, BATTERY)[ReasonKind.POWER]

    assert plan.power_kw[BATTERY, 0] == pytest.approx(5.0)
    assert found.limit == 5.0
    assert found.sentence.startswith("discharging is at its limit of 5 kW")
    looser = loosened(prepare(inputs(**dear_now)).problem, max_discharge_kw=(BATTERY, 1.0))
    more = optimizer.solve(looser, seed=0).certificate.lower_bound
    # The loosened limit holds in all intervals: it saves at least what it does in the first.
    assert solution.certificate.lower_bound - more >= found.marginal_per_kwh * 0.25 - 1e-4


def test_a_full_store_takes_no_more():
    plan, _ = solved(
        readings=readings(NOON - timedelta(minutes=4), soc=(1.0, 0.2, 0.5)), policy=CALM, sessions=[]
    )
    found = explained(plan, BATTERY)

    assert plan.power_kw[BATTERY, 0] == pytest.approx(0.0, abs=1e-6)
    assert found[ReasonKind.ENERGY].sentence == "it is full at the end of the interval (10 kWh)"
    assert "would cost" in found[ReasonKind.PRICE].sentence


def test_a_store_rests_where_the_spread_does_not_pay():
    plan, _ = solved(prices=curve(0.195, 0.20, 0.20, 0.20), policy=CALM, sessions=[])
    worth = worth_after_first(plan.grounds, plan.power_kw[GRID_BATTERY], plan.energy_end_kwh[GRID_BATTERY], 2)

    assert plan.power_kw[GRID_BATTERY, 0] == pytest.approx(0.0, abs=1e-6)
    assert worth.low >= (0.195 - 0.01) * 0.95  # what it would earn now
    assert worth.high <= (0.195 + 0.01) / 0.95  # what it would cost now
    words = explained(plan, GRID_BATTERY)[ReasonKind.PRICE].sentence
    assert "would cost 0.216 EUR and one taken from the store would earn 0.176 EUR" in words


def test_what_takes_no_part_says_so():
    away = np.array([True, True, False])
    plan, _ = solved(reachable=away, sessions=[session(hours=3.0)])
    assert "its node is away" in explained(plan, GRID_BATTERY)[ReasonKind.NO_PART].sentence

    later = replace(session(hours=3.0), connected_from=NOON + timedelta(hours=1))
    plan, _ = solved(sessions=[later])
    found = explained(plan, CAR)
    assert list(found) == [ReasonKind.NO_PART]
    assert found[ReasonKind.NO_PART].sentence == "it is not connected now; it is expected at 20 May 13:00 UTC"


def test_a_plan_by_rule_has_no_prices():
    plan, _ = solved()
    by_rule = replace(
        plan, grounds=replace(plan.grounds, balance_per_kwh=np.zeros(0), feeder_per_kwh=np.zeros((0, 0)))
    )
    found = explained(by_rule, GRID_BATTERY, Rung.SHIFTED)

    assert next(iter(found)) is ReasonKind.RULE
    assert found[ReasonKind.FEEDER_IMPORT].marginal_per_kwh is None
    assert ReasonKind.PRICE not in found


def test_an_event_that_binds_is_named():
    problem = prepare(inputs(policy=CALM, sessions=[])).problem
    events = optimizer.Events(
        event_id=np.array(["event-7", "event-8"], dtype=object),
        from_interval=np.array([0, 4]),
        to_interval=np.array([2, 6]),
        target_kw=np.array([10.0, 10.0]),
        up=np.array([True, True]),
        penalty_per_kwh=np.array([3.0, 3.0]),
    )
    plan, _ = solved(replace(problem, events=events), policy=CALM, sessions=[])
    found = explained(plan, GRID_BATTERY)[ReasonKind.EVENT]

    assert plan.power_kw[:, 0].sum() == pytest.approx(10.0, abs=1e-2)
    assert found.subject == "event-7"
    assert "asks the fleet for at least 10 kW" in found.sentence


@pytest.mark.parametrize(
    "levels", [(0.1, 0.3), (0.3, 0.1, 0.4, 0.2), (0.2, 0.05, 0.25, 0.02, 0.3, 0.3, 0.1, 0.1)]
)
def test_the_bounds_on_a_kept_kwh_hold_around_what_was_done(levels):
    plan, _ = solved(prices=curve(*levels), policy=CALM, sessions=[])
    for slot in (BATTERY, GRID_BATTERY):
        worth = worth_after_first(plan.grounds, plan.power_kw[slot], plan.energy_end_kwh[slot], slot)
        assert worth.low <= worth.high + 2e-3
        price = plan.grounds.price_per_kwh(int(plan.grounds.feeder[slot]))[0]
        power_kw = plan.power_kw[slot, 0]
        at_limit = abs(power_kw) >= 5.0 - 1e-3 if slot == BATTERY else abs(power_kw) >= 50.0 - 1e-3
        full_or_empty = worth.end_interval == 0
        if power_kw < -1e-3 and not at_limit and not full_or_empty:
            assert worth.low - 2e-3 <= (price + 0.01) / 0.95 <= worth.high + 2e-3
        if power_kw < -1e-3 and at_limit:
            assert (price + 0.01) / 0.95 <= worth.high + 2e-3
        if power_kw > 1e-3:
            assert (price - 0.01) * 0.95 >= worth.low - 2e-3
