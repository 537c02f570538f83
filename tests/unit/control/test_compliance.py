"""Acknowledged is not applied: a node that lies, sticks or delivers half is found by its metering."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.unit.control.fleets import NOON, fleet, readings
from tests.unit.control.test_planning import problem_of
from vpp.control.compliance import LEAST_AVAILABILITY, ComplianceWatch, Judgement
from vpp.control.order_book import OrderBook
from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import Origin, SetpointColumns

BATTERY, CAR, GRID = range(3)


def later(seconds):
    return NOON + timedelta(seconds=seconds)


def ordered(powers_kw, *, sequence=1):
    slot = np.array(sorted(powers_kw))
    power_kw = np.array([float(powers_kw[item]) for item in slot])
    return SetpointColumns(
        run_id="run",
        epoch=1,
        valid_from=NOON,
        valid_until=later(900),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=slot,
        sequence=np.full(len(slot), sequence),
        power_kw=power_kw,
        min_kw=power_kw,
        max_kw=power_kw,
    )


class Plant:
    """Three assets under orders, and what their meters say."""

    def __init__(self, **powers_kw):
        self.watch, self.book = ComplianceWatch(fleet()), OrderBook(3)
        self.book.give(ordered({BATTERY: 4.0, CAR: -10.0, GRID: 40.0} | powers_kw.get("orders", {})), NOON)

    def measure(self, seconds, power_kw, *, soc=(0.5, 0.5, 0.5), connected=True):
        at = later(seconds)
        said = readings(at)
        said.power_kw[:], said.soc[:], said.connected[:] = power_kw, soc, connected
        said.measured_at_us[:] = to_microseconds(at)
        return self.watch.look(self.book, said, at).tolist()


WRONG = {
    "lies": (0.0, 0.0),
    "sticks at what it did before": (-3.0, 0.0),
    "delivers half": (2.0, 0.5),
}


@pytest.mark.parametrize(("power_kw", "share"), WRONG.values(), ids=WRONG)
def test_a_node_that_does_not_follow_is_flagged_within_two_readings(power_kw, share):
    plant = Plant()
    assert plant.measure(30, [power_kw, -10.0, 40.0]) == []
    assert plant.measure(60, [power_kw, -10.0, 40.0]) == [BATTERY]
    for number in range(3, 40):
        plant.measure(30 * number - 1, [power_kw, -10.0, 40.0])
    judged = plant.watch.judgement()
    assert judged.availability[BATTERY] == pytest.approx(max(share, LEAST_AVAILABILITY), abs=0.02)
    assert judged.availability[CAR] == judged.availability[GRID] == 1.0
    assert judged.deviation_kw.tolist() == [power_kw - 4.0, 0.0, 0.0]


def test_one_reading_and_thirty_seconds_without_a_better_one_are_enough():
    plant = Plant()
    assert plant.measure(10, [0.0, -10.0, 40.0]) == []
    said = readings(later(10))
    said.power_kw[:] = [0.0, -10.0, 40.0]
    assert plant.watch.look(plant.book, said, later(39)).tolist() == []
    assert plant.watch.look(plant.book, said, later(40)).tolist() == [BATTERY]


def test_a_node_that_follows_again_is_trusted_again_but_slowly():
    plant = Plant()
    for number in range(1, 6):
        plant.measure(30 * number, [0.0, -10.0, 40.0])
    low = plant.watch.availability[BATTERY]
    plant.measure(200, [4.0, -10.0, 40.0])
    assert not plant.watch.flagged.any()
    assert low < plant.watch.availability[BATTERY] < low + 0.05


@pytest.mark.parametrize("share", [0.5, 0.0], ids=["half", "nothing"])
def test_a_charger_with_a_minimum_power_is_counted_on_for_what_it_can_still_be_told(share):
    plant = Plant()
    for number in range(1, 60):
        asked_kw = 11.0 * plant.watch.availability[CAR]
        given_kw = share * asked_kw if share * asked_kw >= 1.4 else 0.0
        plant.book.give(ordered({CAR: -asked_kw}, sequence=number + 1), later(20 * number - 19))
        plant.measure(20 * number, [4.0, -given_kw, 40.0])
    assert plant.watch.flagged[CAR]
    assert 11.0 * plant.watch.availability[CAR] == pytest.approx(
        5.5 if share else np.sqrt(11.0 * 1.4), abs=0.1
    )
    assert 11.0 * plant.watch.availability[CAR] >= 1.4, "or it could never be told anything again"


NOT_HELD_AGAINST = {
    "noise": ([4.5, -10.5, 42.0], {}),
    "a battery that is empty": ([0.0, -10.0, 0.0], {"soc": (0.11, 0.5, 0.06)}),
    "a car that is nearly full": ([4.0, -3.0, 40.0], {"soc": (0.5, 0.9, 0.5)}),
    "what is not there": ([0.0, 0.0, 0.0], {"connected": False}),
}


@pytest.mark.parametrize(("power_kw", "rest"), NOT_HELD_AGAINST.values(), ids=NOT_HELD_AGAINST)
def test_what_cannot_be_otherwise_is_not_held_against_a_node(power_kw, rest):
    plant = Plant()
    assert plant.measure(30, power_kw, **rest) == plant.measure(60, power_kw, **rest) == []
    assert plant.watch.availability.tolist() == [1.0, 1.0, 1.0]


def test_readings_from_before_the_order_after_its_end_and_after_a_stop_say_nothing():
    plant = Plant()
    for seconds in (-30, -1, 0, 4):
        plant.measure(seconds, [0.0, 0.0, 0.0])
    for seconds in (1_000, 1_030):
        plant.measure(seconds, [0.0, 0.0, 0.0])
    stopped = Plant()
    stopped.book.stop(np.array([0, 1, 2]), later(10), until_released=False)
    for seconds in (30, 60):
        stopped.measure(seconds, [0.0, 0.0, 0.0])
    for one in (plant, stopped):
        assert not one.watch.flagged.any()
        assert one.watch.availability.tolist() == [1.0, 1.0, 1.0]


def test_a_reading_is_judged_once():
    plant = Plant()
    for _ in range(5):
        plant.measure(30, [0.0, -10.0, 40.0])
    assert not plant.watch.flagged.any()


def test_the_next_plan_counts_on_less_and_with_what_is_done_against_orders():
    plain = problem_of()
    judged = problem_of(
        judgement=Judgement(availability=np.array([0.5, 0.05, 1.0]), deviation_kw=np.array([-5.0, 0.0, 0.0]))
    )
    assert judged.assets.max_charge_kw[BATTERY] == 0.5 * plain.assets.max_charge_kw[BATTERY]
    assert judged.assets.max_discharge_kw[BATTERY] == 0.5 * plain.assets.max_discharge_kw[BATTERY]
    assert judged.assets.max_charge_kw[CAR] == 0.0, "below its least power it cannot be ordered"
    assert judged.assets.min_charge_kw[CAR] == 0.0
    assert (judged.feeders.load_kw[0, :4] - plain.feeders.load_kw[0, :4]).tolist() == [5.0] * 4
    assert np.array_equal(judged.feeders.load_kw[0, 4:], plain.feeders.load_kw[0, 4:])
