"""A run for one portfolio: the others' orders stand and count in the limits of the whole."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.solve import solve
from tests.unit.control.fleets import INTERVALS, NOON, QUARTER, fleet, grid, inputs
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import OrdersInForce
from vpp.control.record import CycleRecord, summary_of
from vpp.control.verification import TOLERANCE_KW
from vpp.domain.policy import DispatchPolicy
from vpp.domain.runs import DispatchPlan, Rung
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.domain.signals import Direction, DispatchEvent, Signal

NOW = NOON - timedelta(minutes=3)
A, B = np.array([True, True, False]), np.array([False, False, True])  # feeder a, feeder b
LOAD_KW = 40.0  # of both feeders together


def orders(power_kw: dict[int, float]) -> OrdersInForce:
    """Return orders that begin at noon."""
    slot = np.array(sorted(power_kw), dtype=np.int64)
    power = np.array([power_kw[k] for k in sorted(power_kw)])
    columns = SetpointColumns(
        run_id="before",
        epoch=7,
        valid_from=NOON,
        valid_until=NOON + timedelta(minutes=1),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=slot,
        sequence=np.full(len(slot), 4, dtype=np.int64),
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )
    return OrdersInForce.none(3).with_orders(columns, NOW)


def plan_of(power_kw) -> DispatchPlan:
    power = np.zeros((3, INTERVALS))
    power[2] = power_kw
    return DispatchPlan(
        run_id="before",
        grid=grid(NOON - QUARTER),
        asset_ids=tuple(asset.asset_id for asset in fleet().assets),
        power_kw=power,
        energy_end_kwh=np.full((3, INTERVALS), 5.0),
        net_load_kw=np.full((2, INTERVALS), 20.0),
    )


def run_for(inside, **changes):
    asked = inputs(portfolio="north", inside=inside, **changes)
    prepared = prepare(asked)
    outcome = SolveOutcome(plan=solve(prepared.problem, method="exact"))
    return asked, prepared, decide(asked, prepared, outcome), outcome


def test_the_others_are_ordered_nothing_and_their_orders_stand_in_the_plan():
    before = orders({2: -10.0})
    asked, prepared, decision, outcome = run_for(A, orders=before, previous=plan_of(-4.0))
    assert decision.rung is Rung.OPTIMAL, decision.refusals
    assert decision.setpoints.slot.tolist() == [0, 1]
    assert decision.plan.power_kw[2, 0] == pytest.approx(-10.0), "the order, while it holds"
    assert decision.plan.power_kw[2, 1:4] == pytest.approx(-4.0), "then the plan in force"
    assert decision.plan.energy_end_kwh[2, 0] == pytest.approx(50.0 + 10.0 * 0.25 * 0.95)
    assert prepared.problem.feeders.load_kw[1, :2] == pytest.approx([30.0, 24.0])
    record = CycleRecord(inputs=asked, outcome=outcome)
    run = summary_of(record, prepared, decision, finished_at=NOW, trigger="operator:r")
    assert run.portfolio == "north"


def test_without_the_portfolio_the_same_inputs_order_everybody():
    prepared = prepare(inputs())
    decision = decide(inputs(), prepared, SolveOutcome(plan=solve(prepared.problem, method="exact")))
    assert decision.setpoints.slot.tolist() == [0, 1, 2]
    assert prepared.fixed is None


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    other_kw=st.floats(-50.0, 50.0),
    later_kw=st.floats(-50.0, 50.0),
    limit_kw=st.floats(45.0, 90.0),
    mine=st.sampled_from([A, B]),
)
def test_the_limit_of_the_whole_holds_with_what_the_others_do(other_kw, later_kw, limit_kw, mine):
    policy = DispatchPolicy(
        horizon_intervals=INTERVALS, import_limit_kw=limit_kw, export_limit_kw=limit_kw, peak_price_per_kw=0.2
    )
    before = orders({2: other_kw} if mine is A else {0: other_kw / 10, 1: -abs(other_kw) / 5})
    _, prepared, decision, _ = run_for(mine, orders=before, previous=plan_of(later_kw), policy=policy)
    assert decision.plan is not None
    assert set(decision.setpoints.slot.tolist()) == set(np.flatnonzero(mine).tolist())
    plan = decision.plan
    others = np.where(mine[:, None], 0.0, plan.power_kw).sum(axis=0)
    net_kw = LOAD_KW - plan.power_kw.sum(axis=0)
    alone_kw = LOAD_KW - others
    assert (net_kw <= np.maximum(limit_kw, alone_kw) + TOLERANCE_KW).all()
    assert (-net_kw <= np.maximum(limit_kw, -alone_kw) + TOLERANCE_KW).all()
    if mine is B:  # the car may leave: no room for export rests on what it charges
        car = np.where(prepared.fixed.harm_only, np.minimum(prepared.fixed.power_kw, 0.0), 0.0).sum(axis=0)
        assert (-(net_kw + car) <= np.maximum(limit_kw, -(alone_kw + car)) + TOLERANCE_KW).all()


def test_what_the_others_give_to_an_event_is_not_asked_of_this_portfolio_again():
    event = DispatchEvent(
        target_kw=13.0,
        direction=Direction.UP,
        payment_per_kwh=1.0,
        penalty_per_kwh=5.0,
    )
    signal = Signal(
        signal_id="peak",
        content=event,
        valid_from=NOON,
        valid_until=NOON + QUARTER,
        primacy=10,
        request_id="r-1",
        author="grid",
        available_at=NOON - timedelta(hours=1),
    )
    before = orders({2: 10.0})
    _, prepared, decision, _ = run_for(A, orders=before, signals=[signal])
    assert prepared.problem.events.target_kw.tolist() == [3.0]
    assert decision.plan.power_kw[:, 0].sum() == pytest.approx(13.0, abs=1e-6)


def test_a_portfolio_of_which_nobody_can_be_ordered_comes_to_nothing_and_says_whose():
    asked = inputs(portfolio="north", inside=B, reachable=A)
    prepared = prepare(asked)
    decision = decide(asked, prepared, None)
    assert decision.rung is Rung.NOTHING
    assert "of portfolio north" in decision.refusals[0]
