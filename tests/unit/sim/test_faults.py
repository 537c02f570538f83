"""Assets that lie, stick or break, and connections that fail: each from the seed, each as it is said."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.unit.sim.test_simulated_fleet import QUARTER, START, fleet, orders
from vpp.adapters.sim import Faults, SimulatedFleet
from vpp.domain.intervals import IntervalGrid
from vpp.physics.stays import Stays

FIVE_MINUTES = timedelta(minutes=5)


def broken_fleet(faults: Faults, *, count: int = 2, intervals: int = 8, seed: int = 0) -> SimulatedFleet:
    grid = IntervalGrid(start=START, length=QUARTER, count=intervals)
    return SimulatedFleet(
        fleet(count),
        grid=grid,
        energy_kwh=np.full(count, 5.0),
        stays=Stays.of([]),
        faults=faults,
        seed=seed,
    )


@pytest.mark.parametrize(
    ("faults", "expected"), [(Faults(stuck_share=1.0), -2.0), (Faults(half_share=1.0), 1.0)]
)
async def test_a_stuck_device_keeps_its_first_order_and_half_a_device_delivers_half(faults, expected):
    devices = broken_fleet(faults)
    await devices.send(orders([-2.0, -2.0], START))
    devices.advance(START + QUARTER)
    await devices.send(orders([2.0, 2.0], START + QUARTER, sequence=2))
    devices.advance(START + 2 * QUARTER)
    np.testing.assert_allclose(devices.power_kw(), expected)


async def test_a_broken_device_gives_nothing_from_its_moment_on_whoever_asks():
    devices = broken_fleet(Faults(broken_share=1.0), count=20)
    given = []
    for interval in range(8):
        at = START + interval * QUARTER
        await devices.send(orders([1.0] * 20, at, sequence=interval + 1))
        devices.advance(at + QUARTER)
        given.append(int((devices.power_kw() > 0.0).sum()))
    assert given == sorted(given, reverse=True)
    assert given[-1] == 0
    assert 0 < sum(given) < 8 * 20
    assert broken_fleet(Faults(broken_share=1.0), count=20)._parts._breaks_us.tolist() == (
        devices._parts._breaks_us.tolist()
    )


async def test_a_device_that_lies_about_its_charge_loses_its_trust_as_in_live_operation():
    devices = broken_fleet(Faults(frozen_share=1.0))
    await devices.send(orders([4.0, 0.0], START))
    for look in range(1, 4):
        devices.advance(START + look * FIVE_MINUTES)
    assert devices.energy_kwh[0] < 5.0
    np.testing.assert_allclose(devices.latest_readings().soc, 0.5)
    assert devices.quarantined().tolist() == [True, False]  # the other one moved no energy: nothing is known


async def test_orders_get_lost_as_often_as_it_is_said_and_nobody_is_told():
    devices = broken_fleet(Faults(lost_share=0.25), count=400)
    report = await devices.send(orders([1.0] * 400, START))
    assert (report.sent, report.unreachable_slots) == (400, ())
    assert devices.delivered + devices.undelivered == 400
    assert 60 < devices.undelivered < 140
    devices.advance(START + QUARTER)
    assert int((devices.power_kw() > 0.0).sum()) == devices.delivered


async def test_a_silent_node_is_known_by_its_last_reading_and_its_order_ends_with_the_lease():
    devices = broken_fleet(Faults(silent_share=1.0), count=50, intervals=200)
    seen_away = 0
    for interval in range(200):
        at = START + interval * QUARTER
        await devices.send(orders([0.01] * 50, at, sequence=interval + 1))
        devices.advance(at + QUARTER)
        away = np.setdiff1d(np.arange(50), devices.connected_slots())
        readings = devices.latest_readings()
        age_s = (at + QUARTER).timestamp() - readings.measured_at_us / 1e6
        assert (age_s[devices.connected_slots()] == 0.0).all()
        silent_for_long = away[age_s[away] > 2 * QUARTER.total_seconds()]
        assert (devices.power_kw()[silent_for_long] == 0.0).all()
        seen_away += len(away)
    assert seen_away > 100
