"""The fleet as it is now: newest good readings, orders in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vpp.adapters.rpc.live_state import LiveState
from vpp.domain.readings import Quality, ReadingColumns, to_microseconds
from vpp.domain.setpoints import Origin, SetpointColumns

NOW = datetime(2020, 5, 20, 10, tzinfo=UTC)


def readings(*rows):
    """Return columns of (slot, seconds after NOW, soc, quality) rows."""
    slot, after, soc, quality = zip(*rows, strict=True)
    measured = np.array([to_microseconds(NOW + timedelta(seconds=item)) for item in after])
    return ReadingColumns(
        slot=np.array(slot),
        measured_at_us=measured,
        received_at_us=measured,
        soc=np.array(soc),
        power_kw=np.zeros(len(slot)),
        connected=np.ones(len(slot), dtype=np.bool_),
        quality=np.array(quality),
    )


def orders(power_kw, *, sequence=1, slots=(0,), begins=0, lifetime=900):
    power = np.full(len(slots), power_kw)
    valid_from = NOW + timedelta(seconds=begins)
    return SetpointColumns(
        run_id="r",
        epoch=1,
        valid_from=valid_from,
        valid_until=valid_from + timedelta(seconds=lifetime),
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.array(slots),
        sequence=np.full(len(slots), sequence),
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )


def in_force(live, after=0.0):
    power_kw, _ = live.setpoints_in_force(NOW + timedelta(seconds=after))
    return [None if np.isnan(value) else value for value in power_kw]


def test_only_newer_good_readings_change_anything():
    live = LiveState(2)
    live.update(readings((0, 10, 0.5, 0)))
    live.update(readings((0, 5, 0.1, 0), (0, 20, 0.9, int(Quality.OUT_OF_RANGE)), (1, 3, 0.2, 0)))
    assert live.soc.tolist() == [0.5, 0.2]
    assert live.latest_readings().slot.tolist() == [0, 1]


def test_of_one_batch_the_newest_reading_stays_whatever_its_order():
    live = LiveState(1)
    live.update(readings((0, 30, 0.3, 0), (0, 10, 0.1, 0), (0, 20, 0.2, 0)))
    assert live.soc[0] == 0.3


def test_latest_readings_are_a_copy_and_leave_out_the_unknown():
    live = LiveState(3)
    live.seed(readings((1, 10, 0.5, 0)))
    latest = live.latest_readings()
    live.update(readings((1, 20, 0.9, 0)))
    assert (latest.slot.tolist(), latest.soc.tolist()) == ([1], [0.5])


def test_orders_begin_and_end_at_their_times():
    live = LiveState(2)
    live.record_orders(orders(1.0), NOW)
    live.record_orders(orders(2.0, sequence=2, begins=900), NOW)
    assert in_force(live) == [1.0, None]
    assert in_force(live, 899.0) == [1.0, None]
    assert in_force(live, 900.0) == [2.0, None]
    assert in_force(live, 1_800.0) == [None, None]


def test_an_order_at_once_takes_the_place_of_the_present_and_the_next():
    live = LiveState(1)
    live.record_orders(orders(1.0), NOW)
    live.record_orders(orders(2.0, sequence=2, begins=300), NOW)
    live.record_orders(orders(3.0, sequence=3), NOW)
    assert in_force(live, 600.0) == [3.0]


def test_a_renewal_needs_the_sequence_of_the_order():
    live = LiveState(1)
    live.record_orders(orders(1.0, lifetime=60), NOW)
    live.record_orders(orders(2.0, sequence=2, begins=300), NOW)
    live.extend_orders(np.array([0, 0]), np.array([1, 2]), NOW + timedelta(seconds=400))
    assert in_force(live, 200.0) == [1.0]
    assert in_force(live, 300.0) == [2.0]
    live.extend_orders(np.array([0]), np.array([7]), NOW + timedelta(seconds=9_000))
    assert in_force(live, 2_000.0) == [None]


@pytest.mark.parametrize("begins", [0, 300])
def test_a_stop_clears_what_is_and_what_was_to_come(begins):
    live = LiveState(1)
    live.record_orders(orders(1.0, begins=begins), NOW)
    live.clear_orders(np.array([0]))
    assert in_force(live, 400.0) == [None]
