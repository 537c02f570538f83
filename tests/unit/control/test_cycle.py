"""Every rung of the ladder, and what the orders of a cycle hold."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer.plan import Plan
from optimizer.solve import solve
from tests.unit.control.fleets import NOON, QUARTER, forecast, grid, inputs, readings
from vpp.control import cycle as cycle_module
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.planning import to_dispatch_plan
from vpp.control.verification import Approval
from vpp.domain.runs import Rung


@pytest.fixture(scope="module")
def cycle():
    """Inputs, what was prepared of them, and the solver's plan."""
    given = inputs()
    prepared = prepare(given)
    return given, prepared, solve(prepared.problem, method="exact")


def shaken(plan: Plan) -> Plan:
    """A plan that claims more than its schedule does."""
    return replace(plan, certificate=replace(plan.certificate, objective=plan.certificate.objective - 1.0))


def earlier_plan(cycle):
    """The plan of the quarter of an hour before."""
    given, prepared, plan = cycle
    before = to_dispatch_plan(
        run_id="run-0", plan=plan, grid=given.grid, fleet=given.fleet, net_load_kw=prepared.net_load_kw
    )
    return replace(before, grid=grid(NOON - QUARTER))


def test_first_rung_a_plan_within_the_accepted_gap(cycle):
    decision = decide(*cycle[:2], SolveOutcome(plan=cycle[2]))
    assert decision.rung is Rung.OPTIMAL
    assert decision.refusals == ()


def test_second_rung_the_incumbent_of_a_killed_solve(cycle):
    decision = decide(*cycle[:2], SolveOutcome(plan=cycle[2], killed=True))
    assert decision.rung is Rung.INCUMBENT
    assert "stopped at the deadline" in decision.refusals[0]


def test_second_rung_a_plan_with_a_wide_gap(cycle):
    wide = replace(cycle[2], certificate=replace(cycle[2].certificate, gap=0.5))
    decision = decide(*cycle[:2], SolveOutcome(plan=wide))
    assert decision.rung is Rung.INCUMBENT


def test_third_rung_the_previous_plan_when_the_new_one_is_refused(cycle):
    given = replace(cycle[0], previous=earlier_plan(cycle))
    decision = decide(given, prepare(given), SolveOutcome(plan=shaken(cycle[2])))
    assert decision.rung is Rung.SHIFTED
    assert any("objective" in refusal for refusal in decision.refusals)
    assert decision.plan.certificate["lower_bound"] is None, "a rule proves no bound"


def test_fourth_rung_the_rule_when_there_is_no_previous_plan(cycle):
    decision = decide(*cycle[:2], SolveOutcome(plan=None, killed=True))
    assert decision.rung is Rung.GREEDY
    assert decision.plan.power_kw[1].min() < 0.0, "the car is charged"
    assert not decision.plan.power_kw[[0, 2]].any(), "batteries rest"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"forecast": None}, "no load forecast"),
        ({"forecast": forecast(start=NOON + timedelta(days=1))}, "begins after"),
        ({"reachable": np.zeros(3, dtype=bool)}, "no asset has both"),
        ({"readings": readings(NOON - timedelta(hours=2))}, "no asset has both"),
    ],
)
def test_last_rung_nothing_is_sent(changes, reason):
    given = inputs(**changes)
    decision = decide(given, prepare(given), None)
    assert decision.rung is Rung.NOTHING
    assert decision.setpoints is None
    assert reason in decision.refusals[0]


def test_last_rung_when_even_the_rules_are_refused(cycle, monkeypatch):
    """No input makes the rules overload a feeder, so the verifier is made to refuse everything."""
    monkeypatch.setattr(cycle_module, "approve", lambda *_: Approval(passed=False, reason="refused"))
    decision = decide(*cycle[:2], SolveOutcome(plan=cycle[2]))
    assert decision.rung is Rung.NOTHING
    assert [refusal for refusal in decision.refusals if "refused" in refusal][-1].startswith("greedy")


def test_orders_start_on_time_and_end_by_themselves(cycle):
    given, prepared, plan = cycle
    orders = decide(given, prepared, SolveOutcome(plan=plan)).setpoints
    assert orders.valid_from == NOON
    assert orders.valid_until == NOON + given.policy.setpoint_lifetime
    assert orders.epoch == 7
    assert orders.sequence.tolist() == [1, 1, 1]
    assert np.array_equal(orders.power_kw, plan.schedule.power_kw[:, 0])


def test_an_unreachable_asset_gets_no_order(cycle):
    given = inputs(reachable=np.array([True, False, True]))
    prepared = prepare(given)
    orders = decide(given, prepared, SolveOutcome(plan=solve(prepared.problem, method="exact"))).setpoints
    assert orders.slot.tolist() == [0, 2]


def test_a_plan_that_overloads_a_feeder_for_the_fleet_is_refused(cycle):
    """Soft limits may be declared, but the fleet itself never causes an overload."""
    given = inputs(forecast=forecast(load_kw=39.0))
    prepared = prepare(given)
    plan = solve(prepared.problem, method="exact")
    charge = plan.schedule.charge_kw.copy()
    charge[2, 0] = 30.0
    schedule = replace(plan.schedule, charge_kw=charge)
    decision = decide(given, prepared, SolveOutcome(plan=replace(plan, schedule=schedule)))
    assert decision.rung is not Rung.OPTIMAL


def test_the_same_inputs_decide_the_same(cycle):
    given, prepared, plan = cycle
    again = prepare(inputs())
    assert again.input_sha256 == prepared.input_sha256
    first, second = (decide(given, item, SolveOutcome(plan=plan)) for item in (prepared, again))
    assert np.array_equal(first.setpoints.power_kw, second.setpoints.power_kw)


def test_other_inputs_have_another_hash(cycle):
    assert prepare(inputs(peak_so_far_kw=1.0)).input_sha256 != cycle[1].input_sha256
    assert prepare(inputs(forecast=forecast(load_kw=20.5))).input_sha256 != cycle[1].input_sha256


def test_scenarios_of_the_forecast_are_planned_for_and_verified(cycle):
    given = inputs()
    consumption = given.forecast.consumption_p50_kw
    courses = np.stack([0.8 * consumption, consumption, 1.3 * consumption])
    given = replace(given, forecast=replace(given.forecast, scenario_consumption_kw=courses))

    prepared = prepare(given)
    plan = solve(prepared.problem, method="exact")
    decision = decide(given, prepared, SolveOutcome(plan=plan))

    assert prepared.problem.scenarios.load_kw.shape == (3, *prepared.net_load_kw.shape)
    np.testing.assert_allclose(prepared.problem.scenarios.load_kw[1], prepared.problem.feeders.load_kw)
    assert prepared.input_sha256 != cycle[1].input_sha256
    assert decision.rung is Rung.OPTIMAL
    assert decision.setpoints is not None
