"""Plans under signals, from the inputs of a cycle to the verdict on its plan; the solver is the real one."""

from dataclasses import replace

import numpy as np
import pytest

import optimizer
from tests.unit.control.fleets import INTERVALS, NOON, inputs
from tests.unit.domain.signals import HOUR, envelope, event, price, signal
from vpp.adapters.storage.documents import decode_plan, encode_plan
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.held_limits import held_limits
from vpp.control.signals_on_grid import signals_on
from vpp.control.verification import approve, approve_move, may_be_held
from vpp.domain.policy import DispatchPolicy
from vpp.domain.runs import Rung
from vpp.domain.signals import (
    Direction,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    ReserveRequest,
)

BATTERY, CAR, GRID_BATTERY = 0, 1, 2


def planned(*signals, **changes):
    """Return the inputs, what was prepared of them, and the decision with a plan of the solver."""
    given = inputs(signals=signals, **changes)
    prepared = prepare(given)
    plan = optimizer.solve(prepared.problem, method="exact", deadline_s=60.0, seed=0)
    return given, prepared, decide(given, prepared, SolveOutcome(plan=plan, seconds=0.1))


def fleet_kw(decision):
    return decision.plan.power_kw.sum(axis=0)


def test_an_event_is_delivered_in_its_time_and_by_the_first_orders():
    _, _, without = planned()
    _, _, decision = planned(signal(event(20.0), "e", begin=-1.0, end=1.0))
    assert decision.rung is Rung.OPTIMAL
    assert fleet_kw(without)[0] < 5.0  # energy is cheap at first, so nobody would discharge
    assert (fleet_kw(decision)[:4] >= 20.0 - 1e-6).all()
    assert decision.setpoints.power_kw.sum() >= 20.0 - 1e-6
    assert decision.plan.limits.signal_ids == ("e",)
    assert [row for row in decision.plan.certificate["unmet"] if row["kind"] == "event"] == []


def test_an_event_downwards_takes_power():
    _, _, decision = planned(signal(event(20.0, Direction.DOWN), "e", begin=3.0, end=4.0))
    assert (fleet_kw(decision)[12:] <= -20.0 + 1e-6).all()


def test_an_event_nobody_can_deliver_is_said_to_be_missed_and_overloads_nothing():
    _, prepared, decision = planned(signal(event(500.0, penalty_per_kwh=9_000.0), "e", begin=0.0, end=1.0))
    assert decision.rung in (Rung.OPTIMAL, Rung.INCUMBENT)
    missed = [row for row in decision.plan.certificate["unmet"] if row["kind"] == "event"]
    assert {row["interval"] for row in missed} == {0, 1, 2, 3}
    net = prepared.problem.feeders.load_kw[1] - decision.plan.power_kw[GRID_BATTERY]
    assert (-net <= 40.0 + 1e-6).all()


def test_who_opted_out_does_nothing_in_the_event():
    left = signal(OptOut(event_id="e", asset_id="grid-battery"), "o", begin=-9, end=99)
    _, _, decision = planned(signal(event(3.0), "e", begin=0.0, end=1.0), left)
    assert (decision.plan.power_kw[GRID_BATTERY, :4] == 0.0).all()
    assert decision.plan.power_kw[BATTERY, :4].min() >= 3.0 - 1e-6


def test_an_envelope_below_the_register_holds():
    tight = signal(envelope(24.0, 40.0, feeder_id="b"), "t", begin=0.0, end=2.0)
    _, _, without = planned()
    _, prepared, decision = planned(tight)
    load = prepared.problem.feeders.load_kw[1]
    assert (load - without.plan.power_kw[GRID_BATTERY])[:8].max() > 24.1
    assert (load - decision.plan.power_kw[GRID_BATTERY])[:8].max() <= 24.0 + 1e-6


def test_an_envelope_below_the_load_leaves_the_overload_that_is_not_the_fleets():
    _, _, decision = planned(signal(envelope(1.0, 1.0, feeder_id="a"), begin=0.0, end=4.0))
    assert decision.rung is not Rung.NOTHING
    assert decision.plan.power_kw[[BATTERY, CAR]].min() >= -1e-9  # nobody charges on it


def test_a_site_keeps_its_limit():
    limit = OperatingEnvelope(asset_ids=("grid-battery",), import_limit_kw=3.0, export_limit_kw=0.0)
    _, _, decision = planned(signal(limit, begin=0.0, end=1.0))
    power = decision.plan.power_kw[GRID_BATTERY]
    assert power[:4].min() >= -3.0 - 1e-6
    assert power[:4].max() <= 1e-9


def test_maintenance_rests_an_asset_and_a_car_is_charged_around_it():
    rest = signal(MaintenanceWindow(asset_ids=("car", "grid-battery")), begin=1.0, end=2.0)
    _, _, decision = planned(rest)
    power = decision.plan.power_kw
    assert (power[[CAR, GRID_BATTERY], 4:8] == 0.0).all()
    assert power[CAR, :4].min() < 0.0
    assert decision.plan.energy_end_kwh[CAR, 11] >= 20.0 - 1e-6  # it leaves after three hours
    assert decision.plan.limits.limited.tolist() == [CAR, GRID_BATTERY]


def test_what_rests_throughout_is_ordered_to_rest():
    rest = signal(MaintenanceWindow(feeder_id="b"), begin=-1.0, end=9.0)
    _, _, decision = planned(rest)
    assert (decision.plan.power_kw[GRID_BATTERY] == 0.0).all()
    assert decision.setpoints.power_kw[decision.setpoints.slot == GRID_BATTERY].tolist() == [0.0]


def test_a_price_signal_moves_the_plan():
    _, _, decision = planned(signal(price(2.0, 1.9), "p", begin=0.0, end=1.0))
    assert (fleet_kw(decision)[:4] > 0.0).all()


def test_a_reserve_request_holds_power_back():
    asked = ReserveRequest(product_id="fcr", up_kw=30.0, price_per_kw_h=5.0, sustain=HOUR)
    _, prepared, decision = planned(signal(asked, begin=0.0, end=4.0))
    assert prepared.problem.reserve.max_kw.tolist() == [30.0]
    assert decision.plan.certificate["objective_parts"]["reserve"] == pytest.approx(-4 * 30.0 * 5.0, rel=0.01)
    highest = fleet_kw(decision) + 30.0
    assert (highest <= 55.0 + 1e-6).all()  # ratings of the batteries


def test_other_signals_are_another_input():
    seen = {
        prepare(inputs(signals=signals)).input_sha256
        for signals in ((), [signal(event(5.0))], [signal(event(6.0))], [signal(price(), end=1.0)])
    }
    assert len(seen) == 4


def test_a_plan_that_forgot_the_signals_is_refused():
    signals = [
        signal(envelope(22.0, 22.0, feeder_id="b"), "t", begin=0.0, end=2.0),
        signal(MaintenanceWindow(asset_ids=("battery",)), "m", begin=0.0, end=1.0),
    ]
    given, prepared, decision = planned()
    plan = optimizer.solve(prepared.problem, method="exact", deadline_s=60.0, seed=0)
    for signal_made, words in zip(signals, ("operating envelope", "signal m would be exceeded"), strict=True):
        held = held_limits([signal_made], given.fleet, given.grid, given.policy)
        power = plan.schedule.power_kw
        assert np.abs(power[BATTERY, :4]).max() > 0.1
        refused = approve(prepared.problem, plan.schedule, plan.certificate, held)
        assert not refused.passed
        assert words in refused.reason
    assert approve(prepared.problem, plan.schedule, plan.certificate).passed
    assert decision.plan.limits is None


def test_the_ladders_lower_rungs_keep_the_limits_too():
    rest = signal(MaintenanceWindow(asset_ids=("car",)), begin=0.0, end=1.0)
    _, _, before = planned()
    given = inputs(signals=[rest], previous=before.plan)
    for previous in (before.plan, None):
        prepared = prepare(replace(given, previous=previous))
        decision = decide(replace(given, previous=previous), prepared, None)
        assert decision.rung is (Rung.SHIFTED if previous is not None else Rung.GREEDY)
        assert (decision.plan.power_kw[CAR, :4] == 0.0).all()


def test_between_plans_nobody_moves_that_a_signal_limits_and_its_limits_are_those_of_feeders():
    rest = signal(MaintenanceWindow(asset_ids=("battery",)), begin=0.0, end=1.0)
    tight = signal(envelope(20.0, 21.0, feeder_id="b"), "t", begin=0.0, end=4.0)
    given, _, decision = planned(rest, tight)
    plan, zero = decision.plan, np.zeros(3)
    energy = np.array([5.0, 10.0, 50.0])

    def move(powers):
        return approve_move(plan, np.array(powers), zero, energy, 0, 0.25, given.fleet, given.policy)

    assert "that a signal limits" in move([1.0, 0.0, 0.0]).reason
    assert "would be exceeded" in move([0.0, 0.0, -1.0]).reason
    assert move([0.0, 0.0, 1.0]).passed
    assert not may_be_held(plan, np.array([1.0, 0.0, 0.0]), 1, given.fleet, given.policy)


def test_a_plan_keeps_what_it_was_held_to():
    _, _, decision = planned(signal(envelope(24.0, 40.0, feeder_id="b"), "t", begin=0.0, end=2.0))
    again = decode_plan(encode_plan(decision.plan))
    np.testing.assert_array_equal(again.limits.import_limit_kw, decision.plan.limits.import_limit_kw)
    assert again.limits.signal_ids == ("t",)
    assert again.limits.limited.size == 0


def test_signals_of_things_that_are_not_there_mean_nothing():
    given = inputs()
    found = signals_on(
        [
            signal(MaintenanceWindow(asset_ids=("gone",)), "a"),
            signal(envelope(1.0, 1.0, feeder_id="gone"), "b"),
            signal(OptOut(event_id="c", asset_id="gone"), "d"),
        ],
        given.fleet,
        given.grid,
    )
    assert found.slots.size == 0
    assert (found.import_limit_kw == 40.0).all()
    assert found.import_limit_kw.shape == (2, INTERVALS)
    assert DispatchPolicy().envelopes_may_widen is False
    assert given.grid.start == NOON
