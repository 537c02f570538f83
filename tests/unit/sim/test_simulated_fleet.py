"""The fleet as columns does what the single simulated device does, and its books add up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.adapters.sim import SimulatedFleet
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import ChargingSession
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.node.device import ChargingStay
from vpp.node.simulated import BatterySpecification, SimulatedBattery, SimulatedEvCharger
from vpp.physics.stays import Stays

START = datetime(2024, 3, 5, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SIZES = {
    "capacity_kwh": 10.0,
    "energy_min_kwh": 1.0,
    "energy_max_kwh": 9.5,
    "max_charge_kw": 5.0,
    "max_discharge_kw": 4.0,
    "min_charge_kw": 1.0,
    "min_discharge_kw": 0.5,
    "charge_efficiency": 0.95,
    "discharge_efficiency": 0.9,
}


def fleet(count: int = 2) -> Fleet:
    assets = tuple(
        Asset(asset_id=f"a{k}", node_id=f"n{k}", feeder_id="f", kind=AssetKind.EV_CHARGER, **SIZES)
        for k in range(count)
    )
    return Fleet(assets=assets, feeders=(Feeder(feeder_id="f", import_limit_kw=99.0, export_limit_kw=99.0),))


def orders(power_kw: list[float], at: datetime, sequence: int = 1) -> SetpointColumns:
    power = np.array(power_kw)
    return SetpointColumns(
        run_id="r",
        epoch=1,
        valid_from=at,
        valid_until=at + QUARTER,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.arange(len(power)),
        sequence=np.full(len(power), sequence),
        power_kw=power,
        min_kw=power,
        max_kw=power,
    )


def session(first: int, last: int) -> ChargingSession:
    return ChargingSession(
        asset_id="a1",
        connected_from=START + first * QUARTER,
        connected_until=START + last * QUARTER,
        departure_energy_kwh=8.0,
        trip_energy_kwh=6.0,
        announced_at=START,
    )


@settings(max_examples=40, deadline=None)
@given(
    powers=st.lists(st.tuples(st.floats(-6, 6), st.floats(-6, 6)), min_size=8, max_size=16),
    stay=st.tuples(st.integers(0, 6), st.integers(1, 9)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    energy=st.floats(1.0, 9.5),
)
def test_the_same_orders_leave_a_nodes_device_and_the_fleet_in_the_same_state_to_the_bit(
    powers, stay, energy: float
):
    grid = IntervalGrid(start=START, length=QUARTER, count=len(powers))
    one = session(*stay)
    many = SimulatedFleet(fleet(), grid=grid, energy_kwh=np.full(2, energy), stays=Stays.of([(1, one)]))
    specification = BatterySpecification(asset_id="a", **SIZES)
    battery = SimulatedBattery(specification, energy_kwh=energy, started_at=START)
    car = SimulatedEvCharger(
        specification,
        energy_kwh=energy,
        started_at=START,
        stays=[
            ChargingStay(
                connected_from=one.connected_from,
                connected_until=one.connected_until,
                departure_energy_kwh=8.0,
                trip_energy_kwh=6.0,
            )
        ],
    )
    for k, pair in enumerate(powers):
        at = grid.start_of(k)
        many.advance(at)
        asyncio.run(many.send(orders(list(pair), at)))
        for device, power in zip((battery, car), pair, strict=True):
            device.step(at)
            device.apply(power)
    many.advance(grid.end)
    for slot, device in enumerate((battery, car)):
        measured = device.read(grid.end)
        assert many.energy_kwh[slot] == device.energy_kwh
        assert many.books.row(slot) == device.book
        assert many.latest_readings().power_kw[slot] == measured.power_kw
        assert many.connected[slot] == measured.connected
        assert many.life.temperature_c[slot] == device.temperatures_c()[0]
        assert many.life.used_share()[slot] == device.devices.life.used_share()[0]
    np.testing.assert_allclose(many.energy_kwh - energy, many.books.stored_change_kwh(), atol=1e-9)
    assert many.fed_kwh.sum() == pytest.approx(
        (many.books.discharged_kwh - many.books.charged_kwh).sum(), abs=1e-9
    )


def test_without_control_cars_charge_on_arrival_until_the_energy_is_there():
    grid = IntervalGrid(start=START, length=QUARTER, count=12)
    idle = SimulatedFleet(
        fleet(),
        grid=grid,
        energy_kwh=np.full(2, 5.0),
        stays=Stays.of([(1, session(2, 10))]),
        controlled=False,
    )
    idle.advance(grid.end)
    assert idle.books.charged_kwh[0] == 0.0
    assert idle.books.charged_kwh[1] == pytest.approx(3.0 / 0.95)
    np.testing.assert_allclose(idle.fed_kwh[0, 2], -5.0 * 0.25)
    assert idle.books.missing_kwh[1] == pytest.approx(0.0, abs=1e-9)


def test_standby_power_is_drawn_from_the_cell_and_booked():
    grid = IntervalGrid(start=START, length=QUARTER, count=4)
    idle = SimulatedFleet(
        fleet(), grid=grid, energy_kwh=np.array([5.0, 0.01]), stays=Stays.of([]), standby_kw=0.02
    )
    idle.advance(grid.end)
    np.testing.assert_allclose(idle.books.standby_kwh, [0.02, 0.01])
    np.testing.assert_allclose(idle.energy_kwh, [4.98, 0.0], atol=1e-12)
