"""What is not there carries no plan: a battery that is switched off, a car that left early."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from tests.unit.control.fleets import NOON, inputs, readings, session
from vpp.adapters.rpc.live_state import LiveState
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome

CAR, GRID_BATTERY = 1, 2
MEASURED = NOON - timedelta(minutes=4)


def with_absent(slot):
    connected = np.ones(3, dtype=bool)
    connected[slot] = False
    return inputs(readings=replace(readings(MEASURED), connected=connected))


def test_a_battery_that_says_it_is_off_takes_no_part_and_gets_no_order():
    given = with_absent(GRID_BATTERY)
    prepared = prepare(given)
    decision = decide(given, prepared, SolveOutcome(plan=None))
    assert prepared.problem.assets.max_discharge_kw.tolist() == [5.0, 0.0, 0.0]
    assert decision.setpoints.slot.tolist() == [0, CAR]


def test_a_car_that_was_measured_absent_during_its_stay_is_not_counted_on_now():
    windows = prepare(with_absent(CAR)).problem.windows
    assert (windows.from_interval.tolist(), windows.to_interval.tolist()) == ([1], [12])


def test_a_car_that_is_still_to_come_keeps_its_stay():
    coming = replace(session(), connected_from=NOON - timedelta(minutes=1))
    given = replace(with_absent(CAR), sessions=[coming])
    assert prepare(given).problem.windows.from_interval.tolist() == [0]


def test_readings_from_before_a_clock_was_set_back_neither_steer_nor_keep_new_ones_out():
    ahead = readings(NOON + timedelta(days=365))
    assert not prepare(inputs(readings=ahead)).controllable.any()

    live = LiveState(3)
    live.seed(ahead)
    live.update(readings(MEASURED, soc=(0.1, 0.1, 0.1)))
    assert live.latest_readings().soc.tolist() == [0.1, 0.1, 0.1]
