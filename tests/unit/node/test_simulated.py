"""Simulated devices keep exact books, whatever the steps in which time passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.node.device import ChargingStay, FeederMeasurement
from vpp.node.simulated import (
    BatterySpecification,
    FeederMeter,
    SimulatedBattery,
    SimulatedEvCharger,
    SimulatedPv,
)

START = datetime(2020, 5, 20, tzinfo=UTC)
SPECIFICATION = BatterySpecification(
    asset_id="a",
    capacity_kwh=10.0,
    energy_min_kwh=1.0,
    energy_max_kwh=9.0,
    max_charge_kw=5.0,
    max_discharge_kw=4.0,
    min_charge_kw=1.0,
    charge_efficiency=0.9,
    discharge_efficiency=0.8,
)


def battery(energy_kwh=5.0, **options):
    return SimulatedBattery(SPECIFICATION, energy_kwh=energy_kwh, started_at=START, **options)


def after(hours):
    return START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("asked", "done"), [(9.0, 4.0), (-9.0, -5.0), (-0.5, 0.0), (0.5, 0.5), (0.0, 0.0), (-1.0, -1.0)]
)
def test_power_is_clipped_and_below_the_minimum_there_is_none(asked, done):
    device = battery()
    device.apply(asked)
    assert device.power_kw() == done


def test_charging_stores_less_than_it_takes_and_stops_when_full():
    device = battery()
    device.apply(-2.0)
    device.step(after(1))
    assert device.energy_kwh == pytest.approx(6.8)
    assert device.book.lost_kwh == pytest.approx(0.2)
    device.step(after(10))
    assert device.energy_kwh == pytest.approx(9.0)
    assert device.read(after(10)).power_kw == 0.0


def test_discharging_takes_more_than_it_gives_and_stops_when_empty():
    device = battery()
    device.apply(2.0)
    device.step(after(1))
    assert device.energy_kwh == pytest.approx(2.5)
    device.step(after(10))
    assert device.energy_kwh == pytest.approx(1.0)
    assert device.read(after(10)).power_kw == 0.0


@given(st.lists(st.tuples(st.floats(-6.0, 6.0), st.floats(0.0, 3.0)), max_size=20), st.integers(1, 7))
def test_energy_is_conserved_and_the_size_of_steps_does_not_matter(orders, parts):
    coarse, fine = battery(), battery()
    at = START
    for power_kw, hours in orders:
        for device in (coarse, fine):
            device.apply(power_kw)
        for part in range(1, parts + 1):
            fine.step(at + timedelta(hours=hours) * (part / parts))
        at += timedelta(hours=hours)
        coarse.step(at)
        fine.step(at)
    book = coarse.book
    assert coarse.energy_kwh - 5.0 == pytest.approx(
        book.charged_kwh - book.discharged_kwh - book.lost_kwh, abs=1e-9
    )
    assert fine.energy_kwh == pytest.approx(coarse.energy_kwh, abs=1e-6)
    assert 1.0 - 1e-9 <= coarse.energy_kwh <= 9.0 + 1e-9
    assert book.lost_kwh >= 0.0


def test_noise_is_seeded_and_disturbs_what_is_measured_only():
    quiet, noisy, again = battery(), battery(seed=7, noise_kw=0.5), battery(seed=7, noise_kw=0.5)
    for device in (quiet, noisy, again):
        device.apply(2.0)
    assert noisy.read(after(1)).power_kw == again.read(after(1)).power_kw != 2.0
    assert noisy.energy_kwh == quiet.read(after(1)).soc * 10.0


STAY = ChargingStay(
    connected_from=after(1), connected_until=after(5), departure_energy_kwh=8.0, trip_energy_kwh=3.0
)
NEXT_STAY = ChargingStay(
    connected_from=after(30), connected_until=after(50), departure_energy_kwh=8.0, trip_energy_kwh=3.0
)


def car():
    return SimulatedEvCharger(SPECIFICATION, stays=[NEXT_STAY, STAY], energy_kwh=4.0, started_at=START)


def test_a_car_charges_only_while_it_is_there():
    device = car()
    device.apply(-2.0)
    assert not device.read(after(0.5)).connected
    assert device.energy_kwh == 4.0
    device.step(after(3))
    assert device.read(after(3)).connected
    assert device.energy_kwh == pytest.approx(4.0 + 2 * 2.0 * 0.9)


def test_a_car_takes_its_trip_and_what_is_missing_at_departure_is_counted():
    device = car()
    device.apply(-1.0)
    device.step(after(20))  # over arrival and departure in one step
    assert device.book.missing_kwh == pytest.approx(8.0 - (4.0 + 4 * 0.9))
    assert device.book.driven_kwh == 3.0
    assert device.energy_kwh == pytest.approx(4.0 + 4 * 0.9 - 3.0)
    assert device.read(after(20)).power_kw == 0.0


def test_stays_are_announced_ahead_and_forgotten_when_they_are_over():
    device = car()
    device.step(START)
    assert device.charging_stays(START) == (STAY, NEXT_STAY)
    assert device.charging_stays(after(6)) == (NEXT_STAY,)
    late = SimulatedEvCharger(
        SPECIFICATION,
        stays=[NEXT_STAY],
        energy_kwh=4.0,
        started_at=START,
        announced_ahead=timedelta(hours=12),
    )
    assert late.charging_stays(START) == ()


def test_a_meter_tells_each_interval_once_when_it_has_passed():
    rows = [
        FeederMeasurement(start=after(hour / 4), consumption_kw=float(hour), pv_kw=0.0) for hour in range(4)
    ]
    meter = FeederMeter("f1", rows, interval=timedelta(minutes=15))
    assert list(meter.due(after(0.2))) == []
    assert list(meter.due(after(0.5))) == rows[:2]
    assert list(meter.due(after(2))) == rows[2:]
    assert list(meter.due(after(3))) == []


def test_a_pv_system_gives_what_the_sun_allows_or_less_and_never_charges():
    sun = {0: 4.0, 1: 2.0}
    pv = SimulatedPv("pv", lambda at: sun.get((at - START) // timedelta(hours=1), -1.0), START)
    assert pv.read(START).power_kw == 4.0
    pv.apply(3.0)
    assert pv.read(START + timedelta(hours=1)).power_kw == 2.0
    assert (pv.generated_kwh, pv.curtailed_kwh) == (3.0, 1.0)
    pv.apply(-5.0)
    assert pv.read(START + timedelta(hours=1)).power_kw == 0.0
    assert pv.read(START + timedelta(hours=3)).power_kw == 0.0
    assert pv.generated_kwh == 3.0
