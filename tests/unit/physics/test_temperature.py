"""Cold and heat limit power, age takes capacity, and every kWh stays in the books."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.physics.ageing import YEARS_AT_REST, BatteryLife
from vpp.physics.derating import CHARGING, DISCHARGING
from vpp.physics.devices import MICROSECONDS_PER_HOUR, StorageDevices
from vpp.physics.stays import Stays
from vpp.physics.storage import Ratings

YEAR_H = 365.25 * 24


def devices(
    ambient_c: float, *, count: int = 2, soc: float = 0.5, standby_kw: float = 0.01, **options
) -> StorageDevices:
    sizes = {
        "capacity_kwh": 10.0,
        "energy_min_kwh": 0.5,
        "energy_max_kwh": 9.5,
        "max_charge_kw": 5.0,
        "max_discharge_kw": 4.0,
        "min_charge_kw": 1.0,
        "min_discharge_kw": 0.0,
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.9,
        "standby_kw": standby_kw,
    }
    return StorageDevices(
        Ratings(**{name: np.full(count, value) for name, value in sizes.items()}),
        energy_kwh=np.full(count, 10.0 * soc),
        stays=Stays.of([]),
        start_us=0,
        ambient_c=ambient_c,
        **options,
    )


@pytest.mark.parametrize(
    ("celsius", "charge", "discharge"),
    [
        (20.0, 1.0, 1.0),
        (5.0, 0.5, 1.0),
        (0.0, 0.0, 1.0),
        (-10.0, 0.0, 0.5),
        (50.0, 0.5, 2 / 3),
        (61.0, 0.0, 0.0),
    ],
)
def test_the_permitted_share_falls_with_cold_and_heat(celsius: float, charge: float, discharge: float):
    assert CHARGING.share(celsius, celsius) == pytest.approx(charge)
    assert DISCHARGING.share(celsius, celsius) == pytest.approx(discharge)


def test_a_cold_battery_charges_with_less_and_below_its_least_power_with_nothing():
    for celsius, charged_kw, discharged_kw in (
        (20.0, -5.0, 4.0),
        (5.0, -2.5, 4.0),
        (1.0, 0.0, 4.0),
        (-10.0, 0.0, 2.0),
    ):
        cold = devices(celsius, derates=True)
        cold.asked_kw[:] = -5.0, 5.0
        assert cold.power_kw().tolist() == pytest.approx([charged_kw, discharged_kw])
        unlimited = devices(celsius)
        unlimited.asked_kw[:] = -5.0, 5.0
        assert unlimited.power_kw().tolist() == [-5.0, 4.0]


def test_at_rest_for_its_life_a_battery_comes_down_to_80_percent():
    life = BatteryLife(np.array([0.5]), np.array([10.0]), 25.0)
    assert life.capacity_share().tolist() == [1.0]
    life.pass_time(np.array([0.5]), np.zeros(1), 25.0, YEARS_AT_REST * YEAR_H)
    assert life.capacity_share()[0] == pytest.approx(0.8, abs=1e-6)


def test_what_no_longer_fits_into_a_faded_battery_is_booked():
    old = devices(25.0, soc=0.95, standby_kw=0.0, fades=True)
    old.asked_kw[:] = 0.0, 4.0  # one rests full, one is emptied
    for year in range(1, 6):
        old.move(round(year * YEAR_H * MICROSECONDS_PER_HOUR))
        old.live(25.0)
    share = old.life.capacity_share()
    assert (share < 0.92).all()
    np.testing.assert_allclose(old.ratings.capacity_kwh, 10.0 * share)
    assert old.books.faded_kwh[0] > 0.5
    assert (old.energy_kwh <= old.ratings.energy_max_kwh + 1e-9).all()
    np.testing.assert_allclose(old.energy_kwh - 9.5, old.books.stored_change_kwh(), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-8, 8), st.floats(-25, 60), st.floats(0.1, 700)), min_size=1, max_size=30)
)
def test_energy_is_conserved_through_cold_heat_and_age(steps):
    battery = devices(20.0, derates=True, fades=True)
    at_h = 0.0
    for power_kw, celsius, hours in steps:
        battery.asked_kw[:] = power_kw, -power_kw
        at_h += hours
        battery.move(round(at_h * MICROSECONDS_PER_HOUR))
        battery.live(celsius)
        assert (battery.energy_kwh >= -1e-9).all()
        assert (battery.energy_kwh <= battery.ratings.energy_max_kwh + 1e-9).all()
    np.testing.assert_allclose(battery.energy_kwh - 5.0, battery.books.stored_change_kwh(), atol=1e-6)
